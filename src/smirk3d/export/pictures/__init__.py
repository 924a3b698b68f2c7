"""Pictures and videos of heads."""

"""Pictures and films of heads."""

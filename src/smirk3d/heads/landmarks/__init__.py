"""Sets of face landmarks."""

"""Repairs of what the sources do weakly, and of what does not close."""

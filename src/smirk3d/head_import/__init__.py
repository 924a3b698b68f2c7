"""Converters from each source of heads to the head file."""

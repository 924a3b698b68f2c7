"""A converter for each source of head data."""

"""Parametric heads: one class, one file format, a converter per source."""

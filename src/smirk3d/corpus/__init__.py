"""Folders and lists of inputs to results and tables, each input exactly once."""

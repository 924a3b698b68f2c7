"""Whole files of every kind, made by script: what the mutators start from."""

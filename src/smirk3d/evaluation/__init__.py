"""Evaluation protocols, the methods that they compare, and their reports."""

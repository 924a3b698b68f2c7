"""Protocols that say how good an answer is, and the reports they write."""

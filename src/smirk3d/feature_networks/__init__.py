"""Frozen feature networks: callables for the perceptual and emotion losses."""

"""Frozen networks that judge pictures: callables for the perceptual and emotion losses."""

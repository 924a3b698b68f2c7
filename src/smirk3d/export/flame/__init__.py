"""FLAME clips in the layouts that avatar builders read."""

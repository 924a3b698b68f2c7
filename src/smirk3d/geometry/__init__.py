"""Rotations, cameras and meshes: pure functions on arrays."""

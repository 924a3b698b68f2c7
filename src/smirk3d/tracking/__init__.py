"""Tracks faces through videos: identities, one shape a person, smoothed motion."""

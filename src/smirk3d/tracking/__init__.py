"""Faces through videos: followed, named, one shape a person, steady."""

"""Tracks of faces: how each is followed, searched for, lost and identified again."""

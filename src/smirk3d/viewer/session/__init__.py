"""What the viewer shows, without a page: subjects, edits, time."""

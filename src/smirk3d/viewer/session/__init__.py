"""The viewer's state, without a page: subjects, edits, time."""

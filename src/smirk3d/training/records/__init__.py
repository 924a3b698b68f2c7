"""Records of a run: log, panels and progress bar."""

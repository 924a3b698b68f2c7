"""Motion of a head in the picture, and its smoothing."""

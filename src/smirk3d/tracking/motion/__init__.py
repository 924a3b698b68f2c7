"""How a head moves in the picture, and its smoothing."""

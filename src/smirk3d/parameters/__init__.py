"""Parameter groups of heads and the parameters of faces."""

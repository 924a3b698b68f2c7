"""Training: paths that return losses, and the loop that minimizes them."""

"""Training: two paths that return losses, and the loop that descends on them."""

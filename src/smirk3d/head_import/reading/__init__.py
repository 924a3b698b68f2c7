"""Files of others, read without running or trusting anything in them."""

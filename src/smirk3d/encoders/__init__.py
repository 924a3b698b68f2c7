"""Networks that estimate a face's parameters from a crop."""

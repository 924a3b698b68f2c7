"""Networks that read a face's parameters from a crop."""

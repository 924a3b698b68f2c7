"""What commands share: options, usage checks, output, signals."""

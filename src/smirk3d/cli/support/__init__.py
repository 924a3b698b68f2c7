"""Parts that commands share: options, usage checks, output, signals."""

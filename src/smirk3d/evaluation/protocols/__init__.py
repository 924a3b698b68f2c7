"""What is measured, one module a protocol."""

"""Live cameras, and senders to programs that show the motion live."""

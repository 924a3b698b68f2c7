"""Cameras as they run, and senders to programs that play along."""

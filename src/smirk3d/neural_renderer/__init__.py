"""The neural renderer: paints the photo again from grey geometry and a few of its pixels."""

"""The neural renderer: renders the photo from grey geometry and a few of its pixels."""

"""Photos with other expressions: target expressions, inpainting, and the mark of edited files."""

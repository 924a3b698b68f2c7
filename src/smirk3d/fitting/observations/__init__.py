"""What is observed of a face in a crop, with its uncertainty."""

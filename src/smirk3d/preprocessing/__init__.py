"""From picture files to faces: reading, finding, cropping, masking, judging."""

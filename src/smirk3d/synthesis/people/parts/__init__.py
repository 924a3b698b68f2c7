"""What people are made of: skins, hair, brows, clothes, and their assets."""

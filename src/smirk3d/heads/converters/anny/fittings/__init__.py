"""What the base mesh lacks or does badly, made by rule: teeth, gums, brows, lashes, a neck's end."""

"""What the base mesh lacks, made by rule: teeth, gums, brows, lashes and the end of the neck."""

"""What all animatable formats share: surfaces, targets, materials."""

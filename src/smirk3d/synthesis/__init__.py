"""Pictures and expressions that are made, with the ground truth they are made from."""

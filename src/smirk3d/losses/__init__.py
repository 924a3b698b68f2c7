"""Losses: pure functions of predictions and targets; what each averages over is documented."""

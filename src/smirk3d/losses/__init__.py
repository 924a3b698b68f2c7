"""Losses: pure functions of predictions and targets, each with a documented average."""

"""Rigs for all animatable formats: surfaces, morph targets, materials."""

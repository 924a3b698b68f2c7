"""Parameters by optimisation: landmark fits, started from the mean face or an estimate."""

from smirk3d.fitting.landmark_fit import SPARSITY, FitResult, LandmarkFit, LandmarkFitConfig

__all__ = ["SPARSITY", "FitResult", "LandmarkFit", "LandmarkFitConfig"]

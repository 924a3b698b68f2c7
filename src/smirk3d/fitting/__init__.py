"""Parameters by optimisation: landmark fits, alone or from a network's answer."""

from smirk3d.fitting.landmark_fit import SPARSITY, FitResult, LandmarkFit, LandmarkFitConfig

__all__ = ["SPARSITY", "FitResult", "LandmarkFit", "LandmarkFitConfig"]

"""ICT-FaceKit's light model, from a checkout."""

from smirk3d.head_import.ict.convert import convert_ict

__all__ = ["convert_ict"]

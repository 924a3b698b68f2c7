"""Reconstruct, track, export and read back, with names from smirk3d alone."""

from pathlib import Path

from portrait import moving_pictures, portrait
from smirk3d import read_result, read_track, reconstruct, track

out = Path("smirk3d-examples/00")
photo = portrait(out)
faces = reconstruct(photo)
faces[0].save(out / "face.glb")
faces[0].save(out / "face.html")

clip = moving_pictures(photo, out / "clip")
track(clip, out / "tracked", formats=("glb", "arkit-csv"))

people = read_track(out / "tracked")
best = read_result(out / "tracked").faces[0]
best.save(out / "best.obj")
print(faces[0], people, best, sep="\n")

"""A photo to an animatable head: parameters, ARKit weights, files and pictures."""

from pathlib import Path

from PIL import Image

from portrait import portrait
from smirk3d import FaceReconstructor, overlay, render

out = Path("smirk3d-examples/01")
reconstructor = FaceReconstructor()
faces = reconstructor(portrait(out))
face = faces[0]
print(face)

strongest = sorted(face.arkit().items(), key=lambda item: -item[1])[:5]
print("strongest actions:", ", ".join(f"{name} {value:.2f}" for name, value in strongest))
print("vertices:", tuple(face.vertices().shape), "in metres")

for name in ("face.glb", "face.obj", "face.html", "face.png"):
    face.save(out / name)
Image.fromarray(overlay(faces)).save(out / "overlay.png")
Image.fromarray(render(face, side=512, yaw=0.5)).save(out / "turned.png")

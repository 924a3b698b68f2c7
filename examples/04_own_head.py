"""A head of your own: made from arrays, saved, loaded by path, and given a person's face."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from portrait import portrait
from smirk3d import convert, load_head, reconstruct, render
from smirk3d.heads.head_file import read_head_file, write_head_file
from smirk3d.heads.registry import find_head

out = Path("smirk3d-examples/04")
photo = portrait(out)

# `smirk3d heads import FILE` brings FLAME, ICT or GNM; here the open head gets a narrower face
source = read_head_file(find_head("open"))
narrow = {**source.arrays, "v_template": source.arrays["v_template"] * np.float32([0.9, 1, 1])}
write_head_file(out / "narrow.npz", narrow, {**source.meta, "name": "narrow"})
own = load_head(out / "narrow.npz")

face = reconstruct(photo)[0]
carried = convert(face.model(), own, face.parameters[None])
print(f"expression off by {float(carried.expression_error[0]):.2f} mm on average")
there = replace(face, head=own, parameters=carried.parameters[0])
there.save(out / "narrow.glb")
Image.fromarray(np.hstack([render(face), render(there)])).save(out / "open-narrow.png")

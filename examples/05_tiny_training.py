"""A tiny training: the shipped weights learn one more photo, whose landmarks were fitted."""

from pathlib import Path

import torch

from portrait import portrait
from smirk3d import FaceReconstructor, load_head, load_weights, read_image

out = Path("smirk3d-examples/05")
image = read_image(portrait(out))
fitter = FaceReconstructor(weights="none", device="cpu")
found = fitter.find(image).largest()
fitted = fitter.reconstruct([found])[0][0].parameters[None]
# the network sees crops in which the face is upright
target = fitter.turned_upright(fitted, found.transforms[0][None])
crop = torch.from_numpy(found.crops[0]).permute(2, 0, 1)[None].float() / 255

loaded = load_weights("default", load_head())
assert loaded is not None
encoder = loaded.encoder.eval()  # the running statistics of one photo would be none
optimizer = torch.optim.Adam(encoder.expression_encoder.parameters(), lr=1e-4)
for step in range(5):
    estimated = encoder(crop)
    loss = (estimated.expression - target.expression).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"step {step}: {loss.item():.5f}")
encoder.save(out / "mine.safetensors")
print(FaceReconstructor(weights=out / "mine.safetensors", device="cpu")(image)[0])

"""A video to a performance: people, their curves over time, and an animated rig."""

from pathlib import Path

from portrait import moving_pictures, portrait
from smirk3d import load_head, read_track, track

out = Path("smirk3d-examples/03")
clip = moving_pictures(portrait(out), out / "clip")  # or a video file
track(clip, out / "tracked", formats=("glb", "html", "arkit-csv"))

people = read_track(out / "tracked")
print(people)
head = load_head(people.meta["head"])
for person, number in enumerate(people.ids):
    frames = people.parameters(person)
    smile = head.arkit(frames).mean(0)
    print(f"person {number}: {len(frames)} frames, strongest action {float(smile.max()):.2f}")
print(sorted(path.name for path in (out / "tracked").iterdir()))

"""Many clips to two tables, as for a study: tracked once each, then means by condition."""

import subprocess
import sys
from pathlib import Path

import pandas as pd

from portrait import moving_pictures, portrait
from smirk3d import read_faces

out = Path("smirk3d-examples/06")
photo = portrait(out)
rows = ["uri,id,start,end"]
for name, count in (("first-take", 4), ("second-take", 6)):
    clip = moving_pictures(photo, out / "clips" / name, count)  # or a video file
    rows.append(f"{clip.relative_to(out)},{name},,")
rows.append("missing.mp4,missing,,")
(out / "list.csv").write_text("\n".join(rows) + "\n")

command = ["track", out / "list.csv", "--out", out, "--format", "npz", "--workers", "1"]
done = subprocess.run(
    [sys.executable, "-m", "smirk3d", *map(str, command), "--table", "csv"], check=False
)
print("exit code", done.returncode, "for one of the clips is missing")
print(pd.read_csv(out / "clips.csv")[["id", "status", "frames", "faces", "reason"]])

faces = read_faces(out, derived=("facs", "asymmetry"))
labels = pd.DataFrame({"clip": ["first-take", "second-take"], "condition": ["a", "b"]})
means = faces.merge(labels, on="clip").groupby("condition")[["AU06", "AU12", "asymmetry"]].mean()
means.to_csv(out / "means.csv")
print(means)

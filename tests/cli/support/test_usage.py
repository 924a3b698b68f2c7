"""Every wrong usage of every command ends with 2, before anything heavy is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smirk3d.cli.main import COMMANDS

HEAVY = ("torch", "mediapipe", "numba", "trimesh", "viser", "cv2", "scipy", "av", "onnxruntime")

WRONG: dict[str, list[str]] = {
    "demo": ["extra", "--head nobody", "--weights nobody", "--device tpu"],
    "reconstruct": [
        "",
        "a.png --format fbx",
        "a.png --format ,",
        "a.png --head nobody",
        "a.png --weights nobody",
        "a.png --device tpu",
        "a.png --no-such-option",
        "a.png --shard 0/4",
        "list.csv --same-person",
    ],
    "corpus": [
        "",
        "a --derived facs",
        "a --faces f.csv --derived moods",
        "a --faces f.xlsx",
        "a --sheet s.jpg",
        "a --sample 0",
    ],
    "track": [
        "",
        "a.mp4 --camera 0",
        "a.mp4 --format fbx",
        "a.mp4 --smooth much",
        "--camera 0 --smooth best",
        "a.mp4 --vmc 127.0.0.1:39539",
        "--camera 0 --vmc 127.0.0.1:",
        "--camera 0 --livelink :11111",
        "--camera 0 --vmc 127.0.0.1:port",
        "a.mp4 --fov 0",
        "a.mp4 --fov nan",
        "a.mp4 --head nobody",
        "a.mp4 --weights nobody",
        "a.mp4 --max-faces 0",
        "a.mp4 --shard 5/4",
        "a.mp4 --shard 1",
        "a.mp4 --workers 0",
        "a.mp4 --engine slurm",
        "--camera 0 --workers 2",
    ],
    "play": [
        "a.npz",
        "a.npz --vmc 127.0.0.1:port",
        "a.npz --livelink 127.0.0.1 --person -1",
    ],
    "cameras": ["--up-to 0"],
    "convert": ["", "a.csv --to fbx", "a.csv --rate 0", "a.csv --head nobody"],
    "edit": [
        "",
        "a.png",
        "a.png --set jawOpne=1",
        "a.png --set jawOpen=2",
        "a.png --set jawOpen",
        "a.png --like b.png --retarget c",
        "a.png --like b.png --strength 3",
        "a.png --like b.png --strength nan",
        "a.png --like b.png --strength much",
        "a.png --set jawOpen=1 --face -1",
        "a.png --set jawOpen=1 --out b.bmp",
        "a.png --retarget c --out b.png",
        "a.png --retarget c --person -1",
        "a.png --set jawOpen=1 --head nobody",
        "a.png --set jawOpen=1 --weights nobody",
        "a.png --set jawOpen=1 --device tpu",
    ],
    "view": [
        "a b c",
        "--source a.mp4",
        "--port 65536",
        "--port -1",
        "--port http",
        "--head nobody",
        "--weights nobody",
        "--allow-origin hub",
    ],
    "web": ["extra", "--port 65536", "--port -1", "--port http"],
    "export": [
        "",
        "a --format fbx",
        "a --format ,",
        "a --neutral b",
        "a --head nobody",
        "a --to-head nobody",
        "x/a y/a --out b",
    ],
    "heads": [
        "",
        "bake",
        "bake a.whl --out b.obj",
        "import",
        "import a.pkl --name ../b",
        "import a.pkl --name A",
        "import a.pkl --name open",
        "show",
        "show nobody",
        "list all",
        "remove open",
    ],
    "weights": [
        "",
        "show",
        "show nobody",
        "show none",
        "import a.pt --name ../b",
        "import a.pt --name open --head open",
        "import a.pt --head nobody",
        "export open",
        "export open --out a.safetensors",
        "export nobody --out a.onnx",
        "list all",
    ],
    "preprocess": [
        "",
        "a",
        "imagenet=a --out b",
        "a --out b --split all",
        "a --out b --head nobody",
        "a --out b --items 0",
        "a --out b --frames 0",
        "a --out b --processes -1",
        "a --out b --jpeg-quality 101",
        "a --out b --min-quality 2",
        "a --out b --crop-scale nan",
    ],
    "train": [
        "",
        "nothing",
        "tiny-cpu --steps -1",
        "tiny-cpu --steps 0 --minutes 0",
        "tiny-cpu --devices 0",
        "tiny-cpu --accelerator tpu",
        "tiny-cpu --precision 8",
        "tiny-cpu --head nobody",
        "tiny-cpu --data.batches.rendered-heads nobody",
        "tiny-cpu --data.batches.batch-size 0",
        "tiny-cpu --losses.cycle -1",
        "tiny-cpu --rendered known",
        "tiny-cpu --rendered ground_truth",
        "tiny-cpu --networks.linear-batches 2 --networks.encoder.no-normalized",
        "cycle --steps 5",
        "tiny-cpu --no-such-option 1",
    ],
    "people": [
        "",
        "--out a --count 0",
        "--out a --count -1",
        "--out a --pairs -1",
        "--out a --count many",
        "--out a --seed -1",
        "--out a --size 63",
        "--out a --size 4097",
        "--out a --framing 0.5 2",
        "--out a --framing 2 1.5",
        "--out a --framing 2 nan",
        "--out a --split test",
        "--out a --head nobody",
        "--out a --assets b",
    ],
    "evaluate": [
        "",
        "beauty",
        "cycle",
        "now",
        "landmarks --methods",
        "landmarks --methods nobody",
        "landmarks --methods nobody+refine",
        "landmarks --methods =",
        "landmarks --methods ../a=none",
        "landmarks --head nobody",
        "landmarks --limit -1",
        "landmarks --device tpu",
        "resynthesis --steps 0",
    ],
}

SCRIPT = """
import json, sys
from smirk3d.cli.main import main
codes = {line: main([sys.argv[1], *line.split()]) for line in json.loads(sys.argv[2])}
heavy = [name for name in json.loads(sys.argv[3]) if name in sys.modules]
print(json.dumps([codes, heavy]))
"""


def test_the_table_has_every_command() -> None:
    assert set(WRONG) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_wrong_usage_ends_with_2_and_without_torch(command: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, command, json.dumps(WRONG[command]), json.dumps(HEAVY)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "SMIRK3D_HOME": str(tmp_path / "home"), "SMIRK3D_ANNY_WHEEL": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    codes, heavy = json.loads(done.stdout.splitlines()[-1])
    assert {line: code for line, code in codes.items() if code != 2} == {}
    assert heavy == []
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []

"""How far answers on NumPy and ONNX Runtime lie from those on torch, on photos.

The same detections and crops go both ways; the largest difference of any parameter of each face is
compared with what is asked for, for the joint estimate and for the fit (``--weights none``).

``python benchmarks/torch_parity.py PHOTO...``
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from smirk3d import FaceReconstructor
from smirk3d.array_interface import to_numpy
from smirk3d.faces import Face
from smirk3d.heads.registry import load_head

ASKED = 1e-4


def distance(one: Face, other: Face) -> float:
    """Return the largest difference of any parameter."""
    pairs = zip(one.parameters.items(), other.parameters.items(), strict=True)
    return max(
        float(np.abs(to_numpy(a).astype(float) - to_numpy(b).astype(float)).max())
        for (_, a), (_, b) in pairs
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", nargs="+", type=Path)
    chosen = parser.parse_args()
    head = load_head()
    detector = FaceReconstructor(head).detector
    ways = {
        weights: [
            FaceReconstructor(one, weights=weights, detector=detector, device="cpu")
            for one in (head.to_numpy(), head.to_torch())
        ]
        for weights in ("default", "none")
    }
    found = [ways["none"][0].find(photo).largest() for photo in chosen.photos]
    found = [faces for faces in found if faces.detections]
    if not found:
        parser.error("no photo shows a face")
    missed = 0
    print("| weights | faces | within 1e-4 | median | worst | s a face, NumPy | torch |")
    print("|---|---|---|---|---|---|---|")
    for weights, pair in ways.items():
        answers, spent = [], []
        for reconstruct in pair:
            begin = time.process_time()
            answers.append([reconstruct.reconstruct([faces])[0][0] for faces in found])
            spent.append((time.process_time() - begin) / len(found))
        far = np.array([distance(a, b) for a, b in zip(*answers, strict=True)])
        missed += int((far > ASKED).sum())
        print(
            f"| {weights} | {len(far)} | {(far <= ASKED).sum()} | {np.median(far):.1e} | "
            f"{far.max():.1e} | {spent[0]:.3f} | {spent[1]:.3f} |"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

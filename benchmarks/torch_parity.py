"""How far answers on NumPy and ONNX Runtime lie from those on torch, on photos and clips.

The same crops go both ways, of photos the same detections too; the largest difference of any
parameter of each face is compared with what is asked for, of photos for the joint estimate and for
the fit (``--weights none``). ``--clips`` tracks two made clips both ways as ``smirk3d track`` does,
with the network's smoothed frames and with ``--refine``: a photo whose face talks, smiles and
blinks, and two people who sway.

``python benchmarks/torch_parity.py PHOTO... [--clips] [--seconds 2]``
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

from smirk3d import FaceReconstructor, Track
from smirk3d.array_interface import to_numpy
from smirk3d.faces import Face
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.library_choice import library
from smirk3d.tracking.track_video import track_video
from video_names import RATE, TalkingPhoto

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.web.media import write_clip

ASKED = 1e-4
Cut = tuple[NDArray[np.uint8], NDArray[np.float64]]


def distance(one: Face, other: Face) -> float:
    """Return the largest difference of any parameter."""
    pairs = zip(one.parameters.items(), other.parameters.items(), strict=True)
    return max(
        float(np.abs(to_numpy(a).astype(float) - to_numpy(b).astype(float)).max())
        for (_, a), (_, b) in pairs
    )


def report(way: str, far: NDArray[np.float64], spent: Sequence[float]) -> int:
    """Print a row of the table and return how many faces lie farther than asked."""
    print(
        f"| {way} | {len(far)} | {(far <= ASKED).sum()} | {np.median(far):.1e} | {far.max():.1e} | "
        f"{spent[0]:.3f} | {spent[1]:.3f} |"
    )
    return int((far > ASKED).sum())


def compare_photos(photos: Sequence[Path], head: HeadModel) -> int:
    detector = FaceReconstructor(head).detector
    ways = {
        weights: [
            FaceReconstructor(one, weights=weights, detector=detector, device="cpu")
            for one in (head.to_numpy(), head.to_torch())
        ]
        for weights in ("default", "none")
    }
    found = [ways["none"][0].find(photo).largest() for photo in photos]
    found = [faces for faces in found if faces.detections]
    if not found:
        raise SystemExit("no photo shows a face")
    missed = 0
    for weights, pair in ways.items():
        answers, spent = [], []
        for reconstruct in pair:
            begin = time.process_time()
            answers.append([reconstruct.reconstruct([faces])[0][0] for faces in found])
            spent.append((time.process_time() - begin) / len(found))
        far = np.array([distance(a, b) for a, b in zip(*answers, strict=True)])
        missed += report(f"photos, {weights}", far, spent)
    return missed


def write_talking(path: Path, seconds: float) -> Path:
    """Write a clip of a photo whose face talks, smiles and blinks."""
    fitter = FaceReconstructor(weights="none", device="cpu")
    pictures = TalkingPhoto(astronaut()[:360, 40:420], fitter, 0).pictures
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libvpx", rate=RATE)
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 2_000_000
        for picture in pictures[: round(seconds * RATE)]:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        file.mux(stream.encode(None))
    return path


def compare_clips(head: HeadModel, seconds: float) -> int:
    missed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = {
            "talking": write_talking(folder / "talking.webm", seconds),
            "two people": write_clip(folder / "two.webm", seconds, people=2),
        }
        for (clip, path), refine in itertools.product(clips.items(), (False, True)):
            cuts: list[Cut] = []
            tracks, spent = [], []
            for used in ("numpy", "torch"):
                one = head.to_numpy() if used == "numpy" else head.to_torch()
                reconstruct = FaceReconstructor(one, refine=refine, device="cpu")
                share_cuts(reconstruct, cuts, first=used == "numpy")
                begin = time.process_time()
                with library(used):
                    out = folder / f"{clip}-{refine}-{used}"
                    tracks.append(track_video(path, reconstruct, out).track)
                spent.append((time.process_time() - begin) / int(tracks[0].valid.sum()))
            missed += report(f"{clip}{', --refine' if refine else ''}", apart(*tracks), spent)
    return missed


def share_cuts(reconstruct: FaceReconstructor, cuts: list[Cut], *, first: bool) -> None:
    """Keep the crops that one reconstructor cuts, or give them to another in their order.

    Each frame's crop follows from the estimate of the frame before. A difference in its last digits
    changes single pixels, and each frame's change is larger than the one before.
    """
    kept = iter(cuts)

    def cut(*arguments: Any) -> Cut:
        if not first:
            return next(kept)
        cuts.append(FaceReconstructor.cut(reconstruct, *arguments))
        return cuts[-1]

    reconstruct.cut = cut


def apart(one: Track, other: Track) -> NDArray[np.float64]:
    """Return the largest difference of any parameter of each tracked face."""
    if not np.array_equal(one.ids, other.ids) or not np.array_equal(one.valid, other.valid):
        raise SystemExit("other faces were tracked")
    rows = []
    for person in range(len(one.ids)):
        pairs = zip(one.parameters(person).items(), other.parameters(person).items(), strict=True)
        columns = [
            np.abs(to_numpy(a).astype(float) - to_numpy(b).astype(float)).max(axis=1, initial=0)
            for (_, a), (_, b) in pairs
        ]
        rows.append(np.max(columns, axis=0))
    return np.concatenate(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", nargs="*", type=Path)
    parser.add_argument("--clips", action="store_true")
    parser.add_argument("--seconds", type=float, default=2.0)
    chosen = parser.parse_args()
    head = load_head()
    print("| of | faces | within 1e-4 | median | worst | s a face, NumPy | torch |")
    print("|---|---|---|---|---|---|---|")
    missed = compare_photos(chosen.photos, head) if chosen.photos else 0
    missed += compare_clips(head, chosen.seconds) if chosen.clips else 0
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

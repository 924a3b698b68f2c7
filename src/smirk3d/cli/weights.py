"""``smirk3d weights``: list, describe and import encoder weights, and export them to ONNX."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from smirk3d.assets import user_folder
from smirk3d.assets.installed import check_new_name, installed_files, shipped_files
from smirk3d.assets.optional import require
from smirk3d.assets.placing import placed
from smirk3d.cli.support.terminal import complain, failure, say, say_lines
from smirk3d.cli.support.usage import (
    FAILED,
    check_ending,
    check_head,
    check_new_file,
    check_weights,
)

if TYPE_CHECKING:
    from smirk3d.encoders.face_encoder import FaceEncoder
    from smirk3d.heads.head_model import HeadModel


@dataclass
class List:
    """List the installed weights."""

    def run(self) -> int:
        """Run the command and return the exit code."""
        from smirk3d.encoders.head_description import read_header

        failed, shipped = False, shipped_files("weights")
        for name, path in installed_files("weights").items():
            try:
                head, size = read_header(path)["head"], path.stat().st_size / 1e6
            except Exception as error:
                if name not in shipped:  # neural renderers are shipped in the same folder
                    complain(failure(path, error))
                    failed = True
                continue
            say(f"{name:<16} head {head:<10} {size:6.1f} MB  {path}")
        return FAILED if failed else 0


@dataclass
class Show:
    """Show the head, the architecture and the provenance of weights."""

    weights: Annotated[str, tyro.conf.Positional]
    """Name or file of the weights."""

    def run(self) -> int:
        """Run the command and return the exit code."""
        check_weights(self.weights, must_be_file=True)
        from smirk3d.encoders.head_description import read_header
        from smirk3d.encoders.registry import find_weights

        path = find_weights(self.weights)
        say(path)
        say_lines(json.dumps(read_header(path), indent=1))
        return 0


@dataclass
class Import:
    """Convert a published SMIRK checkpoint, SMIRK_em1.pt, running nothing in it."""

    checkpoint: Annotated[Path, tyro.conf.Positional]
    """The checkpoint file."""
    head: str = "flame"
    """Name or file of the FLAME head that its parameters belong to."""
    name: str = "smirk-em1"
    """Name of the weights."""
    overwrite: bool = False
    """Replace other weights of that name."""

    def run(self) -> int:
        """Run the command and return the exit code."""
        check_head(self.head)
        check_new_name("weights", self.name)
        path = user_folder("weights") / f"{self.name}.safetensors"
        renderer_path = user_folder("renderers") / path.name
        from smirk3d.encoders.smirk_checkpoint import load_smirk_encoder
        from smirk3d.heads.registry import load_head
        from smirk3d.neural_renderer.smirk_checkpoint import load_smirk_renderer

        encoder = load_smirk_encoder(self.checkpoint, load_head(self.head))
        renderer = load_smirk_renderer(self.checkpoint)
        way_out = "other weights have this name: give --overwrite, or another with --name"
        for network, target in ((encoder, path), (renderer, renderer_path)):
            with placed(target.parent, overwrite=self.overwrite, way_out=way_out) as folder:
                network.save(folder / target.name)
        say(f"encoders: {path}")
        say(f"neural renderer, for train --networks.renderer-start: {renderer_path}")
        return 0


def _with_head(weights: str) -> tuple[FaceEncoder, HeadModel]:
    """Return an encoder by name or file, with the head that it is for."""
    from smirk3d.encoders.face_encoder import FaceEncoder
    from smirk3d.encoders.head_description import read_header
    from smirk3d.encoders.registry import find_weights
    from smirk3d.heads.registry import load_head

    path = find_weights(weights)
    head = load_head(read_header(path)["head"])
    return FaceEncoder.from_file(path, head), head


@dataclass
class Export:
    """Write an encoder as an ONNX file, for ONNX Runtime and programs without torch."""

    weights: Annotated[str, tyro.conf.Positional]
    """Name or file."""
    out: Path
    """File to write, FILE.onnx."""
    half: bool = False
    """Store matrices in half precision, as the weights that come with smirk3d are anyway."""
    overwrite: bool = False
    """Replace the file if it exists."""

    def run(self) -> int:
        """Run the command and return the exit code."""
        check_weights(self.weights, must_be_file=True)
        check_ending(self.out, (".onnx",), "an ONNX file")
        check_new_file(self.out, overwrite=self.overwrite)
        require("torch", extra="train")
        from smirk3d.encoders.onnx_export import export_onnx
        from smirk3d.encoders.registry import find_weights

        encoder, _ = _with_head(self.weights)
        sha256 = hashlib.sha256(find_weights(self.weights).read_bytes()).hexdigest()
        export_onnx(encoder, self.out, half=self.half, weights_sha256=sha256)
        say(self.out)
        return 0


@dataclass
class Calibrate:
    """Set gates, gains and standard deviations of weights from drawn people not trained on."""

    weights: Annotated[str, tyro.conf.Positional]
    """Name or file of weights that predict uncertainty (`smirk3d train people`)."""
    people: Path
    """Folder of labeled pictures, as `smirk3d people --split train` draws them of another seed."""
    out: Path
    """File to write, FILE.safetensors, in half precision."""
    overwrite: bool = False
    """Replace the file if it exists."""

    def run(self) -> int:
        """Run the command and return the exit code."""
        check_weights(self.weights, must_be_file=True)
        check_ending(self.out, (".safetensors",), "a weights file")
        check_new_file(self.out, overwrite=self.overwrite)
        from smirk3d.data.drawn_people import DrawnPeople
        from smirk3d.training.calibration import calibrate

        encoder, head = _with_head(self.weights)
        learnt = encoder.learnt_points
        people = DrawnPeople(self.people, head, encoder.config.points, learnt)
        done = calibrate(encoder, people, head)
        encoder.provenance["calibrated_on"] = done.pictures
        encoder.save(self.out, half=True)
        say(
            f"{self.out}: mean absolute error of actions {done.error_before:.4f} before,"
            f" {done.error_after:.4f} after, {done.zero:.4f} of nothing at all; standard"
            f" deviations times {done.std_factor:.2f}"
        )
        return 0


COMMAND = {
    "list": List, "show": Show, "import": Import, "export": Export, "calibrate": Calibrate,
}  # fmt: skip

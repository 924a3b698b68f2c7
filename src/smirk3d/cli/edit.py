"""``smirk3d edit``: another expression in a photo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.cli.support.common_options import CountBar, Device
from smirk3d.cli.support.terminal import say
from smirk3d.cli.support.usage import (
    check_ending,
    check_head,
    check_new_file,
    check_number,
    check_weights,
)
from smirk3d.editing.action_texts import parse_actions
from smirk3d.editing.provenance import ENDINGS
from smirk3d.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from smirk3d.editing.photo_editor import PhotoEditor
    from smirk3d.faces import Face
    from smirk3d.parameters.face_parameters import FaceParameters
    from smirk3d.reconstruction import FaceReconstructor


@dataclass
class Edit:
    """Change the expression of a face in a photo, and write the photo, marked as generated.

    --like and --retarget transfer a whole expression, then --set changes single actions of it.
    """

    photo: Annotated[Path, tyro.conf.Positional]
    """The picture."""
    actions: Annotated[
        tuple[str, ...],
        tyro.conf.arg(name="set", metavar="NAME=VALUE"),
        tyro.conf.UseAppendAction,
    ] = ()
    """An action by ARKit's name and its weight from 0 to 1, such as jawOpen=0.6; several by
    commas, or by giving this again."""
    like: Path | None = None
    """A photo whose largest face's expression is transferred."""
    retarget: Path | None = None
    """A track.npz or its folder, whose motion is transferred; gives a video."""
    strength: float = 1.0
    """Of the transferred expression: 0 leaves the photo's, 1 is all of it, up to 2 exaggerates."""
    out: Path | None = None
    """The file to write: .png, .jpg or .webp, with --retarget .mp4. Or a folder, there
    already or named without an ending, for PHOTO-edited.png; the one you are in unless given."""
    overwrite: bool = False
    """Replace the file if it exists."""
    face: int | None = None
    """Which face, the largest being 0; the largest unless given."""
    person: int = 0
    """Which person of the track."""
    head: str = DEFAULT_HEAD
    """Name or file of the head."""
    weights: str = "default"
    """Name or file of encoder weights; none fits landmarks alone."""
    inpainter: Path | None = None
    """Weights of an inpainter, by `smirk3d train inpainter`; the shipped one by default."""
    device: Device = "auto"
    """Where to compute."""

    def run(self) -> int:
        """Write the edited file and return the exit code."""
        self._check()
        actions, out = parse_actions(self.actions), self._out()
        from smirk3d.assets.weight_files import INPAINTER
        from smirk3d.editing.photo_editor import PhotoEditor
        from smirk3d.neural_renderer.generator import NeuralRenderer
        from smirk3d.preprocessing.media.image_io import read_image
        from smirk3d.reconstruction import FaceReconstructor

        inpainter = None
        if self.inpainter is not None:
            inpainter = NeuralRenderer.from_file(self.inpainter, kind=INPAINTER)
        image = read_image(self.photo)
        reconstructor = FaceReconstructor(
            self.head, weights=self.weights, refine=True, device=self.device
        )
        face = self._chosen(reconstructor, image)
        editor = PhotoEditor(reconstructor.head, inpainter, device=reconstructor.device)
        if self.retarget is not None:
            self._write_video(editor, image, face, actions, out)
        else:
            target = self._target(reconstructor, face, actions)
            self._write_picture(editor, image, face, target, out)
        say(out)
        return 0

    def _check(self) -> None:
        if not (self.actions or self.like or self.retarget):
            raise UsageError("nothing to change: give --set NAME=VALUE, --like or --retarget")
        if self.like and self.retarget:
            raise UsageError("--like and --retarget both give a whole expression: choose one")
        check_number("--strength", self.strength, 0, 2)
        check_number("--face", self.face, 0)
        check_number("--person", self.person, 0)
        check_head(self.head)
        check_weights(self.weights)

    def _out(self) -> Path:
        """Return the file to write, refused before any work where it cannot be."""
        ending = ".png" if self.retarget is None else ".mp4"
        name = f"{self.photo.stem}-edited{ending}"
        out = self.out or Path(name)
        if self.out is not None and (self.out.is_dir() or not self.out.suffix):
            out = self.out / name
        if self.retarget is None:
            check_ending(out, ENDINGS, "unknown ending")
        else:
            check_ending(out, (ending,), "--retarget gives a video")
        inputs = {"the photo": self.photo, "--like": self.like, "--retarget": self.retarget,
                  "--inpainter": self.inpainter}  # fmt: skip
        for name, given in inputs.items():
            if given is not None and out.exists() and given.exists() and out.samefile(given):
                raise UsageError(f"{out} is {name} itself: choose another name")
        check_new_file(out, overwrite=self.overwrite)
        return out

    def _chosen(self, reconstructor: FaceReconstructor, image: NDArray[np.uint8]) -> Face:
        from smirk3d.errors import InputError, NoFaceFound

        faces = reconstructor(image)
        if not faces:
            raise NoFaceFound(
                f"{self.photo}: no face found; crop closer to the face or turn it upright"
            )
        number = self.face or 0
        if not 0 <= number < len(faces):
            raise InputError(
                f"{self.photo} has {len(faces)} {'faces' if len(faces) > 1 else 'face'}: give"
                f" --face from 0, the largest, to {len(faces) - 1}"
            )
        if len(faces) > 1 and self.face is None:
            say(f"{self.photo}: {len(faces)} faces, changing the largest; --face 1 for the next")
        return faces[number]

    def _target(
        self, reconstructor: FaceReconstructor, face: Face, actions: dict[str, float]
    ) -> FaceParameters:
        from smirk3d.editing.expressions import with_actions, with_expression_of
        from smirk3d.errors import NoFaceFound
        from smirk3d.preprocessing.media.image_io import read_image

        target = face.parameters[None]
        if self.like is not None:
            others = reconstructor(read_image(self.like))
            if not others:
                raise NoFaceFound(f"{self.like}: no face found; give a photo with a clearer face")
            other = others[0].parameters[None]
            target = with_expression_of(face.model(), target, other, self.strength)
        return with_actions(face.model(), target, actions)[0] if actions else target[0]

    def _write_picture(
        self,
        editor: PhotoEditor,
        image: NDArray[np.uint8],
        face: Face,
        target: FaceParameters,
        out: Path,
    ) -> None:
        from smirk3d.editing.provenance import write_marked

        write_marked(out, editor(image, face.T_crop_image, face.parameters, target))

    def _write_video(
        self,
        editor: PhotoEditor,
        image: NDArray[np.uint8],
        face: Face,
        actions: dict[str, float],
        out: Path,
    ) -> None:
        from smirk3d.editing.expressions import with_actions, with_expression_of
        from smirk3d.editing.retargeting import performance, reduced, write_retargeted
        from smirk3d.errors import InputError
        from smirk3d.tracking.track_file import read_track

        assert self.retarget is not None
        track, head = read_track(self.retarget), face.model()
        if track.meta.get("head_fingerprint", head.fingerprint) != head.fingerprint:
            raise InputError(f"{self.retarget}: tracked with another head than {self.head!r}")
        played, seconds = performance(track, self.person)
        target = with_expression_of(head, face.parameters[None], played, self.strength)
        if actions:
            target = with_actions(head, target, actions)
        small, T_crop_image = reduced(image, face.T_crop_image)
        write_retargeted(
            out, editor, small, T_crop_image, face.parameters, target, seconds,
            on_progress=CountBar("frames"),
        )  # fmt: skip


COMMAND = Edit

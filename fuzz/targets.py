"""The decoders of foreign files: one small function each, which alone names its modules.

Each function imports what it needs, makes what all inputs share, and returns the function that
reads one input. Where the reader's answer must hold something, ``require`` says so: an answer that
does not is a failure like any other error.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from fuzz.inputs import Files, read_files, write_files
from fuzz.target import Read, Target, WrongAnswer, only_file, require

_MOST_FRAMES = 12


def _finite(arrays: Iterable[object], complaint: str) -> None:
    require(all(np.isfinite(np.asarray(array)).all() for array in arrays), complaint)


def _tiny_head_file(scratch: Path) -> Path:
    from fuzz.seeds.heads import tiny_head_file

    path = scratch / "tiny-named.npz"
    path.write_bytes(tiny_head_file())
    return path


def _photos(scratch: Path) -> Read:
    from smirk3d.preprocessing.media.image_io import read_image

    def read(folder: Path) -> None:
        image = read_image(only_file(folder))
        require(image.dtype == np.uint8 and image.shape[2:] == (3,), "no uint8 [H, W, 3]")

    return read


def _videos(scratch: Path) -> Read:
    from smirk3d.preprocessing.media.video_reader import VideoReader

    def read(folder: Path) -> None:
        before = -1.0
        for frame in VideoReader(only_file(folder)).frames():
            require(frame.image.dtype == np.uint8 and frame.image.ndim == 3, "no uint8 [H, W, 3]")
            require(before < frame.seconds < np.inf, "times do not increase")
            before = frame.seconds
            if frame.index + 1 == _MOST_FRAMES:
                break

    return read


def _video_planes(scratch: Path) -> Read:
    from smirk3d.preprocessing.media.video_reader import VideoReader

    def read(folder: Path) -> None:
        reader = VideoReader(only_file(folder))
        for frame in reader.planes():
            height, width = frame.y.shape
            half = ((height + 1) // 2, (width + 1) // 2)
            require(frame.u.shape == half == frame.v.shape, "colours of another size")
            if frame.index + 1 == _MOST_FRAMES:
                break
        for _ in reader.evenly_spaced(3):
            pass

    return read


def _pickles(scratch: Path) -> Read:
    from smirk3d.head_import.flame import parse_flame_model
    from smirk3d.head_import.reading.array_pickle import read_array_pickle

    def read(folder: Path) -> None:
        path = only_file(folder)
        content = path.read_bytes()
        if path.name == "flame.pkl":
            parse_flame_model(content, str(path))
        read_array_pickle(content, str(path))

    return read


def _arrays(scratch: Path) -> Read:
    from smirk3d.head_import.reading.array_files import read_npy, read_npz

    def read(folder: Path) -> None:
        path = only_file(folder)
        if path.suffix == ".npz":
            read_npz(path.read_bytes(), str(path), ("key", "other"))
        else:
            read_npy(path.read_bytes(), str(path))

    return read


def _heads(scratch: Path) -> Read:
    from smirk3d.heads.registry import load_head

    def read(folder: Path) -> None:
        head = load_head(only_file(folder))
        vertices = head(head.neutral(1)).vertices
        _finite([vertices], "a head whose neutral vertices are not finite")

    return read


def _imports(scratch: Path) -> Read:
    from smirk3d.assets import user_folder
    from smirk3d.head_import.importing import import_head
    from smirk3d.heads.registry import load_head

    def read(folder: Path) -> None:
        children = list(folder.iterdir())
        path = children[0] if len(children) == 1 and children[0].is_file() else folder
        shutil.rmtree(user_folder("heads"), ignore_errors=True)
        found = import_head(path, "fuzzed")
        load_head(found.path)

    return read


def _ict(scratch: Path) -> Read:
    from fuzz.seeds.heads import ict_folder
    from smirk3d.head_import.ict import convert_ict

    whole = ict_folder()
    write_files(scratch / "ict", whole)

    def read(folder: Path) -> None:
        changed = read_files(folder)
        for name, content in changed.items():
            (scratch / "ict" / name).write_bytes(content)
        try:
            convert_ict(scratch / "ict")
        finally:
            for name in changed:
                (scratch / "ict" / name).write_bytes(whole[name])

    return read


def _objs(scratch: Path) -> Read:
    from smirk3d.head_import.reading.obj_mesh import parse_obj, parse_obj_vertices

    def read(folder: Path) -> None:
        path = only_file(folder)
        mesh = parse_obj(path.read_bytes(), str(path))
        require(len(mesh.materials) == len(mesh.faces) == len(mesh.uv_faces), "lengths differ")
        parse_obj_vertices(path.read_bytes(), str(path))

    return read


def _tracks(scratch: Path) -> Read:
    from smirk3d.tracking.track_file import read_track
    from smirk3d.viewer.session.subjects import open_subject

    head = _tiny_head_file(scratch)

    def read(folder: Path) -> None:
        track = read_track(folder)
        _finite([track.timestamps, track.shape, *track.rows.values()], "numbers not finite")
        require(min(track.image_size) > 0, "a picture without size")
        subject = open_subject(folder, head=str(head))
        out = scratch / "saved"
        out.mkdir(exist_ok=True)
        subject.save(out, [face.parameters for face in subject.faces])

    return read


def _results(scratch: Path) -> Read:
    from smirk3d.export.formats import write_face
    from smirk3d.export.result import read_result
    from smirk3d.heads.registry import load_head
    from smirk3d.viewer.session.subjects import open_subject

    head_file = _tiny_head_file(scratch)
    head = load_head(head_file)

    def export(folder: Path) -> None:
        record = read_result(folder)
        for number, face in enumerate(record.with_head(head).faces[:2]):
            for name in ("glb", "obj", "json", "flame", "html"):
                if name != "flame" or not head.has_named_actions:
                    write_face(name, scratch / f"face-{number}", face)

    def read(folder: Path) -> None:
        subject = open_subject(folder, head=str(head_file))
        subject.save(scratch, [face.parameters for face in subject.faces])
        export(folder)

    return read


def _rigs(scratch: Path) -> Read:
    from smirk3d.viewer.session.subjects import open_subject

    head = _tiny_head_file(scratch)

    def read(folder: Path) -> None:
        subject = open_subject(only_file(folder), head=str(head))
        subject.save(scratch, [face.parameters for face in subject.faces])

    return read


def _parameters(scratch: Path) -> Read:
    from smirk3d.export.parameter_files import read_parameters
    from smirk3d.heads.registry import load_head

    head = load_head(_tiny_head_file(scratch))

    def read(folder: Path) -> None:
        parameters = read_parameters(only_file(folder), head)
        _finite((tensor for _, tensor in parameters.items()), "parameters not finite")

    return read


def _shards(scratch: Path) -> Read:
    from smirk3d.data.annotated_faces import read_annotated_faces, read_landmarks

    def read(folder: Path) -> None:
        faces = read_annotated_faces(folder)
        count = len(faces)
        require(faces.images.shape[:2] == (count, 3), "images of another number")
        require(faces.landmarks.shape == (count, 478, 2), "landmarks of another shape")
        require(faces.blendshapes.shape[0] == count, "blend shapes of another number")
        _finite([faces.landmarks, faces.blendshapes, faces.oval_inside], "numbers not finite")
        faces.held_out()
        read_landmarks(folder)

    return read


def _shapes(scratch: Path) -> Read:
    import torch

    from smirk3d.data.given_shapes import with_given_shapes

    keys = np.array(["000000001", "000000002", "000000029"])

    def read(folder: Path) -> None:
        _finite([with_given_shapes(torch.zeros(3, 6), keys, only_file(folder))], "not finite")

    return read


def _weights(scratch: Path) -> Read:
    from smirk3d.encoders.face_encoder import FaceEncoder
    from smirk3d.encoders.registry import load_weights
    from smirk3d.errors import Smirk3dError
    from smirk3d.heads.tiny import tiny_head
    from smirk3d.neural_renderer.generator import NeuralRenderer

    head = tiny_head()

    def read(folder: Path) -> None:
        path = only_file(folder)
        if path.name == "renderer.safetensors":
            try:
                FaceEncoder.from_file(path, head)
            except Smirk3dError:
                pass
            else:
                raise WrongAnswer("weights of a neural renderer pass for an encoder's")
            NeuralRenderer.from_file(path)
        else:
            load_weights(path, head)

    return read


def _checkpoints(scratch: Path) -> Read:
    from smirk3d.assets.weight_files import read_torch_state
    from smirk3d.encoders.smirk_checkpoint import split_checkpoint

    def read(folder: Path) -> None:
        path = only_file(folder)
        split_checkpoint(read_torch_state(path), str(path))

    return read


def _runs(scratch: Path) -> Read:
    from fuzz.seeds.training import RUN_HEAD, RUN_SETTINGS
    from smirk3d.training.checkpoints import check_checkpoint, latest_checkpoint

    def read(folder: Path) -> None:
        state = latest_checkpoint(folder)
        if state is not None:
            check_checkpoint(state, folder, RUN_HEAD, RUN_SETTINGS)

    return read


def _onnx(scratch: Path) -> Read:
    from smirk3d.encoders.onnx_encoder import OnnxEncoder
    from smirk3d.heads.tiny import tiny_head

    head = tiny_head()

    def read(folder: Path) -> None:
        OnnxEncoder.from_file(only_file(folder), head, threads=1)

    return read


def _stores(scratch: Path) -> Read:
    from fuzz.seeds.stores import JOB, close, tracker
    from smirk3d.tracking.track_store import TrackStore

    following = tracker()

    def read(folder: Path) -> None:
        copy = scratch / "store"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        store = TrackStore(copy, JOB)
        try:
            first = store.resume(following)
            require(first >= 0, "a negative number of frames")
            if first:
                track = store.track({}, least_frames=1)
                require(track.valid.shape == (len(track.ids), len(track.timestamps)), "other sizes")
        finally:
            close(store)

    return read


def _seeds(module: str, name: str) -> Callable[[], list[Files]]:
    """Return a function that imports the maker of seeds when it is called."""

    def made() -> list[Files]:
        from importlib import import_module

        seeds: list[Files] = getattr(import_module(f"fuzz.seeds.{module}"), name)()
        return seeds

    return made


def _obj_seeds() -> list[Files]:
    faces = b"f 1/1 2/2 3/3\nf 1 2 4\nf 1/1/1 2/2/1 3/3/1 4/4/1\n"
    lines = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nvt 0 0\nvt 1 0\nvt 0 1\nvt 1 1\n"
    return [{"a.obj": lines + b"usemtl M_Face\n" + faces}, {"a.obj": lines[:32] + b"f 1 2 3\n"}]


_ALL = (
    Target("photos", _seeds("pictures", "picture_seeds"), _photos),
    Target("videos", _seeds("videos", "video_seeds"), _videos),
    Target("video-planes", _seeds("videos", "video_seeds"), _video_planes),
    Target("pickles", _seeds("heads", "pickle_seeds"), _pickles),
    Target("arrays", _seeds("heads", "array_seeds"), _arrays),
    Target("heads", _seeds("heads", "head_seeds"), _heads),
    Target("imports", _seeds("heads", "import_seeds"), _imports),
    Target("ict", _seeds("heads", "ict_seeds"), _ict, slowness=20),
    Target("obj", _obj_seeds, _objs),
    Target("tracks", _seeds("results", "track_seeds"), _tracks),
    Target("results", _seeds("results", "result_seeds"), _results),
    Target("rigs", _seeds("results", "rig_seeds"), _rigs),
    Target("parameters", _seeds("results", "parameter_seeds"), _parameters),
    Target("stores", _seeds("stores", "store_seeds"), _stores),
    Target("shards", _seeds("training", "shard_seeds"), _shards),
    Target("shapes", _seeds("training", "shape_seeds"), _shapes),
    Target("weights", _seeds("training", "weight_seeds"), _weights),
    Target("checkpoints", _seeds("training", "checkpoint_seeds"), _checkpoints),
    Target("runs", _seeds("training", "run_seeds"), _runs),
    Target("onnx", _seeds("training", "onnx_seeds"), _onnx),
)
TARGETS: dict[str, Target] = {target.name: target for target in _ALL}
"""By name, in the order of the table."""

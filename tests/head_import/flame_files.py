"""Synthetic files in FLAME's layout, for tests: nothing in them is FLAME's."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.heads.head_file import read_head_file
from smirk3d.heads.registry import find_head
from smirk3d.heads.tiny import tiny_head_arrays

Arrays = dict[str, NDArray[Any]]

NUM_SHAPE, NUM_EXPRESSION = 300, 100


def flame_arrays(kind: str = "tiny", *, seed: int = 0) -> Arrays:
    """Return the arrays of a FLAME pickle on the tiny head's mesh or on the open head's skin.

    Directions and correctives are random; joints, weights and the mesh are those of the head.
    """
    rng = np.random.default_rng(seed)
    head = tiny_head_arrays("pca")[0] if kind == "tiny" else _open_arrays()
    vertices = head["v_template"].astype(np.float64)
    count = len(vertices)
    scale = 1 / (1 + np.arange(NUM_SHAPE + NUM_EXPRESSION))
    bumps = rng.normal(size=(NUM_SHAPE + NUM_EXPRESSION, 3, 3)) * 12
    phase = rng.uniform(0, 6.28, (NUM_SHAPE + NUM_EXPRESSION, 1, 3))
    directions = 0.003 * np.sin(vertices @ bumps + phase) * scale[:, None, None]
    regressor = np.zeros((5, count))
    for row, joint in enumerate(head["joints"]):
        near = np.argsort(np.linalg.norm(vertices - joint, axis=1))[:12]
        system = np.concatenate([vertices[near].T, np.ones((1, 12))])
        regressor[row, near] = np.linalg.lstsq(system, np.append(joint, 1), rcond=None)[0]
    return {
        "v_template": vertices,
        "f": head["faces"].astype(np.uint32),
        "shapedirs": directions.transpose(1, 2, 0).copy(),
        "posedirs": rng.normal(size=(count, 3, 36)) * 5e-4,
        "J_regressor": regressor,
        "weights": head["lbs_weights"].astype(np.float64),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
    }


def _open_arrays() -> Arrays:
    """Return the open head's skin and eyeballs with joints in FLAME's order."""
    arrays = read_head_file(find_head("open")).arrays
    kept = arrays["part"] <= 2
    number = np.cumsum(kept) - 1
    faces = arrays["faces"]
    order = [list(arrays["joint_names"]).index(n) for n in ("head", "neck", "jaw", "eyeL", "eyeR")]
    return {
        "v_template": arrays["v_template"][kept],
        "faces": number[faces[kept[faces].all(1)]],
        "joints": arrays["joints"][order],
        "lbs_weights": arrays["lbs_weights"][kept][:, order],
    }


def write_flame(path: Path, arrays: Arrays, protocol: int = 2) -> Path:
    """Write a FLAME pickle as published ones are: a sparse regressor, plain arrays else."""
    from scipy import sparse

    stored = {**arrays, "J_regressor": sparse.csc_matrix(arrays["J_regressor"])}
    stored |= {"bs_style": "lbs", "bs_type": "lrotmin"}
    path.write_bytes(pickle.dumps(stored, protocol))
    return path


def companion_tables(num_faces: int, *, seed: int = 1) -> dict[str, Any]:
    """Return random landmark tables for a mesh: MediaPipe's, iBUG's static and contour ones."""
    rng = np.random.default_rng(seed)

    def bary(*shape: int) -> NDArray[Any]:
        weights = rng.uniform(0.1, 1, (*shape, 3))
        return weights / weights.sum(-1, keepdims=True)

    return {
        "mediapipe": {
            "lmk_face_idx": rng.integers(0, num_faces, 105),
            "lmk_b_coords": bary(105),
            "landmark_indices": rng.permutation(468)[:105],
        },
        "static_lmk_faces_idx": rng.integers(0, num_faces, 51),
        "static_lmk_bary_coords": bary(51),
        "dynamic_lmk_faces_idx": rng.integers(0, num_faces, (79, 17)),
        "dynamic_lmk_bary_coords": bary(79, 17),
    }


def write_companions(folder: Path, tables: dict[str, Any]) -> None:
    """Write the tables as SMIRK's folder of assets has them; the contour as torch tensors."""
    import torch

    np.savez(folder / "mediapipe_landmark_embedding.npz", **tables["mediapipe"])
    ibug = {key: value for key, value in tables.items() if key != "mediapipe"}
    for key in ("dynamic_lmk_faces_idx", "dynamic_lmk_bary_coords"):
        ibug[key] = torch.from_numpy(ibug[key])
    np.save(folder / "landmark_embedding.npy", np.array(ibug, dtype=object), allow_pickle=True)

"""A made head in GNM's layout; nothing is theirs."""

from __future__ import annotations

import numpy as np

from smirk3d.heads.tiny import tiny_head_arrays


def gnm_arrays() -> dict[str, np.ndarray]:
    """Return the arrays of GNM's file for the tiny head: four joints, 7 and 9 components."""
    rng = np.random.default_rng(0)
    head, _ = tiny_head_arrays("pca")
    count = len(head["v_template"])
    weights = np.zeros((4, count))
    weights[2, head["part"] == 1] = weights[3, head["part"] == 2] = 1
    weights[0] = np.clip(-head["v_template"][:, 1] / 0.1, 0, 1) * (1 - weights.sum(0))
    weights[1] = 1 - weights.sum(0)
    return {
        "template_vertex_positions": head["v_template"].astype(np.float32),
        "vertex_identity_basis": rng.normal(size=(7, count, 3)) * 1e-3,
        "expression_basis": rng.normal(size=(9, count, 3)) * 1e-3,
        "skinning_weights": weights,
        "pose_correctives_regressor": rng.normal(size=(36, 3 * count)) * 1e-3,
        "triangles": head["faces"],
        "template_joint_positions": head["joints"][[1, 0, 3, 4]],
        "joint_identity_basis": rng.normal(size=(7, 4, 3)) * 1e-3,
        "joint_parent_indices": np.array([-1, 0, 1, 1]),
        "joint_names": np.array(["neck", "head", "left_eye", "right_eye"]),
    }

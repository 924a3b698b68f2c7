"""GNM's layout on a synthetic file, against its definition written out."""

import io

import numpy as np
import pytest
import torch
from tests.head_import.gnm_files import gnm_arrays

from smirk3d.errors import AssetError
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.head_import.gnm import convert_gnm
from smirk3d.heads.head_file import write_head_file
from smirk3d.heads.head_model import HeadModel


def packed(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def test_vertices_follow_the_definition(tmp_path):
    """Offsets, correctives of all four rotations, then linear blend skinning."""
    stored = gnm_arrays()
    arrays, meta = convert_gnm(packed(stored), "gnm.npz")
    write_head_file(tmp_path / "gnm.npz", arrays, meta)
    head = HeadModel(arrays, meta).double()
    assert [head.group(name).dim for name in ("jaw", "eyelids", "eyes", "neck")] == [0, 0, 6, 3]
    parameters = head.neutral(3).to(torch.float64)
    parameters = parameters.replace(
        shape=torch.randn(3, 7).double(), expression=torch.randn(3, 9).double(),
        neck=0.3 * torch.randn(3, 3).double(), eyes=0.3 * torch.randn(3, 6).double(),
        head_pose=torch.randn(3, 3).double(),
    )  # fmt: skip
    found = head(parameters).vertices.numpy()
    for row in range(3):
        one = parameters[row]
        turns = [one.neck, torch.zeros(3).double(), one.eyes[:3], one.eyes[3:]]
        local = [axis_angle_to_matrix(t).numpy() for t in turns]
        rest = (
            stored["template_vertex_positions"]
            + np.einsum("s,svx->vx", one.shape.numpy(), stored["vertex_identity_basis"])
            + np.einsum("e,evx->vx", one.expression.numpy(), stored["expression_basis"])
        )
        feature = np.concatenate([(r - np.eye(3)).ravel() for r in local])
        rest = rest + (feature @ stored["pose_correctives_regressor"]).reshape(-1, 3)
        joints = stored["template_joint_positions"] + np.einsum(
            "s,sjx->jx", one.shape.numpy(), stored["joint_identity_basis"]
        )
        world = []
        for j, parent in enumerate(stored["joint_parent_indices"]):
            transform = np.eye(4)
            transform[:3, :3] = local[j]
            transform[:3, 3] = joints[j] - local[j] @ joints[j]
            world.append(transform if parent < 0 else world[parent] @ transform)
        blended = np.einsum("jv,jab->vab", stored["skinning_weights"], np.stack(world))
        posed = np.einsum("vab,vb->va", blended[:, :3, :3], rest) + blended[:, :3, 3]
        wanted = posed @ axis_angle_to_matrix(one.head_pose).numpy().T
        assert np.abs(found[row] - wanted).max() < 1e-7


def test_eyeballs_are_told_by_their_joints():
    arrays, _ = convert_gnm(packed(gnm_arrays()), "gnm.npz")
    x = arrays["v_template"][:, 0]
    assert (x[arrays["part"] == 1] > 0).all()
    assert (x[arrays["part"] == 2] < 0).all()
    assert (arrays["part"] == 0).sum() == 42


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda a: a.pop("expression_basis"), "lacks expression_basis"),
        (lambda a: a.update(triangles=a["triangles"] + 60), "triangles name a vertex outside"),
        (lambda a: a.update(triangles=a["triangles"] * 1.0), "triangles holds another kind"),
        (lambda a: a["skinning_weights"].__setitem__((0, 0), np.inf), "skinning_weights .* finite"),
        (lambda a: a.update(skinning_weights=np.eye(4)[2][:, None] + 0 * a["skinning_weights"]),
         "no skin is left"),
        (lambda a: a.update(skinning_weights=a["skinning_weights"].T), "skinning_weights must"),
        (lambda a: a.update(pose_correctives_regressor=np.zeros((27, 180))), r"shape \(36, 180\)"),
        (lambda a: a.update(joint_names=np.array(["a", "b", "c", "d"])), "joints must be neck"),
        (lambda a: a.update(joint_parent_indices=np.array([1, 0, 1, 1])), "before their children"),
        (
            lambda a: a.update(template_joint_positions=-a["template_joint_positions"]),
            "axes are not x to the subject's left",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(change, complaint):
    arrays = gnm_arrays()
    change(arrays)
    with pytest.raises(AssetError, match=complaint) as refused:
        convert_gnm(packed(arrays), "gnm.npz")
    assert "gnm.npz" in str(refused.value)

from __future__ import annotations

import torch

from smirk3d.data.augmentation import Augmentation, random_crops, transform_view
from smirk3d.data.batch_config import AugmentationConfig
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.synthesis.labeled_faces import LabeledFaces
from smirk3d.synthesis.mirroring import Mirror

SOURCE, TARGET = 224, 96


def random_faces(head: HeadModel, batch_size: int) -> FaceParameters:
    groups = {}
    for group in head.spec:
        std = torch.tensor(group.prior_std) * group.observable
        groups[group.name] = group.clamp(torch.randn(batch_size, group.dim) * std)
    turned = torch.randn(batch_size, 3) * 0.3
    camera = torch.tensor([6.0, 0.0, 0.0]) + torch.randn(batch_size, 3) * 0.02
    return head.neutral(batch_size).replace(**groups, head_pose=turned, camera=camera)


def pixels(head: HeadModel, parameters: FaceParameters, size: int) -> torch.Tensor:
    landmarks = head.landmarks(head(parameters).vertices)
    return ndc_to_pixels(project(landmarks, parameters.camera), size)[..., :2]


def all_landmarks(head: HeadModel, points: torch.Tensor) -> torch.Tensor:
    middle = points.mean(1, keepdim=True)
    full = middle.repeat(1, 478, 1)
    full[:, head.landmark_ids] = points
    return full


def no_photometric() -> AugmentationConfig:
    return AugmentationConfig(
        flip=0.0, brightness=0, contrast=0, colour=0, grey=0, blur=0, noise=0, occlusion=0
    )


def test_parameters_follow_the_crop() -> None:
    head = tiny_head()
    truth = random_faces(head, 6)
    seen = pixels(head, truth, SOURCE)
    generator = torch.Generator().manual_seed(1)
    transform = random_crops(all_landmarks(head, seen), TARGET, AugmentationConfig(), generator)
    moved = transform_view(truth, transform, SOURCE, TARGET)
    expected = seen @ transform[:, :2, :2].transpose(1, 2) + transform[:, None, :2, 2]
    torch.testing.assert_close(pixels(head, moved, TARGET), expected, atol=2e-3, rtol=0)


def test_landmarks_follow_the_picture() -> None:
    head = tiny_head()
    truth = random_faces(head, 4)
    seen = pixels(head, truth, SOURCE)
    spot = seen[:, 5]
    centres = torch.arange(SOURCE) + 0.5
    distance = (centres[None, None] - spot[:, 0, None, None]) ** 2
    distance = distance + (centres[None, :, None] - spot[:, 1, None, None]) ** 2
    images = torch.exp(-distance / 50)[:, None].repeat(1, 3, 1, 1)
    augment = Augmentation(Mirror(head), head.landmark_ids, no_photometric())
    generator = torch.Generator().manual_seed(2)
    batch = augment(faces_of(images, all_landmarks(head, seen), truth), TARGET, generator)
    peak = batch.images[:, 0].flatten(1).argmax(1)
    found = torch.stack([peak % TARGET, peak // TARGET], 1) + 0.5
    assert (found - batch.landmarks[:, 5]).abs().max() < 1.2


def faces_of(images: torch.Tensor, landmarks: torch.Tensor, truth: FaceParameters) -> LabeledFaces:
    return LabeledFaces(images, landmarks, truth, torch.zeros(len(images), dtype=torch.bool))


def test_flipping_mirrors_landmarks_and_parameters_alike() -> None:
    head = _symmetric_head()
    truth = random_faces(head, 5)
    mirror = Mirror(head)
    seen = pixels(head, truth, SOURCE)
    flipped = pixels(head, mirror.parameters(truth), SOURCE)
    torch.testing.assert_close(flipped, mirror.landmarks(seen, SOURCE), atol=0.05, rtol=0)


def test_flipping_twice_is_nothing() -> None:
    head = _symmetric_head()
    truth = random_faces(head, 3)
    mirror = Mirror(head)
    again = mirror.parameters(mirror.parameters(truth))
    for (name, a), (_, b) in zip(truth.items(), again.items(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=0, msg=name)
    order = mirror.landmark_order
    assert torch.equal(order[order], torch.arange(len(order)))


def test_the_same_generator_state_gives_the_same_batch() -> None:
    head = tiny_head()
    truth = random_faces(head, 3)
    landmarks = all_landmarks(head, pixels(head, truth, SOURCE))
    images = torch.rand(3, 3, SOURCE, SOURCE)
    augment = Augmentation(Mirror(head), head.landmark_ids, AugmentationConfig())
    one, two = (
        augment(faces_of(images, landmarks, truth), TARGET, torch.Generator().manual_seed(5))
        for _ in range(2)
    )
    assert torch.equal(one.images, two.images)
    assert torch.equal(one.landmarks, two.landmarks)
    assert one.images.min() >= 0
    assert one.images.max() <= 1


def _symmetric_head() -> HeadModel:
    """The tiny head, made symmetric: every array is averaged with its mirror image."""
    import numpy as np

    from smirk3d.heads.action_names import EXPRESSION_ACTIONS, mirrored_name
    from smirk3d.heads.tiny import tiny_head_arrays

    arrays, meta = tiny_head_arrays()
    v = arrays["v_template"]
    flip = np.array([-1.0, 1.0, 1.0])
    distance = np.linalg.norm(v[:, None] * flip - v[None], axis=2)
    swapped = np.array([0, 2, 1, 3, 4])[arrays["part"]]
    partner = np.where(swapped[:, None] == arrays["part"][None], distance, np.inf).argmin(1)

    def mirrored(basis: np.ndarray) -> np.ndarray:
        return basis[:, partner] * flip

    order = [EXPRESSION_ACTIONS.index(mirrored_name(name)) for name in EXPRESSION_ACTIONS]
    for name, rows in (
        ("shape_basis", [0, 1, 2, 3, 4, 5]),
        ("expr_basis", order),
        ("eyelid_basis", [1, 0]),
        ("gaze_basis", [4, 5, 6, 7, 0, 1, 2, 3]),
    ):
        arrays[name] = (arrays[name] + mirrored(arrays[name])[rows]) / 2
    arrays["jaw_basis"][[0, 2]] = (
        arrays["jaw_basis"][[0, 2]] + mirrored(arrays["jaw_basis"])[[0, 2]]
    ) / 2
    arrays["jaw_basis"][1] = (arrays["jaw_basis"][1] - mirrored(arrays["jaw_basis"])[1]) / 2
    arrays["jaw_basis_neg"] = -arrays["jaw_basis"]
    weights = arrays["lbs_weights"]
    arrays["lbs_weights"] = (weights + weights[partner][:, [0, 1, 2, 4, 3]]) / 2
    moves = arrays["joint_shape_basis"]
    arrays["joint_shape_basis"] = (moves + moves[:, [0, 1, 2, 4, 3]] * flip) / 2
    _mirror_landmarks(arrays, partner)
    return HeadModel(arrays, meta)


def _mirror_landmarks(arrays: dict, partner) -> None:
    """Put a landmark on each skin vertex in front, which has a mirror vertex."""
    import numpy as np

    faces = arrays["faces"]
    front = np.flatnonzero((arrays["part"] == 0) & (arrays["v_template"][:, 2] > 0.02))
    triangles = [int(np.flatnonzero((faces == vertex).any(1))[0]) for vertex in front]
    bary = (faces[triangles] == front[:, None]).astype(np.float32)
    arrays["lmk_mp_id"] = np.arange(len(front), dtype=np.int32)
    arrays["lmk_mp_tri"] = np.array(triangles, np.int32)
    arrays["lmk_mp_bary"] = bary
    arrays["lmk_mp_sigma"] = np.full(len(front), 0.002, np.float32)

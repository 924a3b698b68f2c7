"""Functions and methods by torch's names do to NumPy arrays what torch does to tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from smirk3d.array_interface import library, numpy_functions
from smirk3d.array_interface.numpy_tensor import NumpyTensor
from smirk3d.array_interface.torch_names import torch as either

A = torch.linspace(-1.3, 2.1, 24).view(2, 3, 4)
B = torch.cos(7 * A)
M = torch.eye(3).repeat(2, 1, 1) * 3 + 0.3 * B[..., :3]
IDS = torch.tensor([[2, 0, 1, 2], [1, 1, 0, 2]])
PICTURES = torch.sin(torch.arange(96.0)).view(2, 3, 4, 4)
GRID = torch.linspace(-1.2, 1.2, 40).view(2, 2, 5, 2)

FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "cat": lambda t, x: t.cat([x(A), x(B)], 1),
    "stack": lambda t, x: t.stack([x(A), x(B)], -1),
    "where": lambda t, x: t.where(x(A) > 0, x(B), 0.5),
    "lerp": lambda t, x: t.lerp(x(A), x(B), 0.3),
    "minimum": lambda t, x: t.minimum(x(A), x(B)),
    "acos": lambda t, x: t.acos(x(B).clamp(-0.9, 0.9)),
    "atan2": lambda t, x: t.atan2(x(A), x(B)),
    "tensor": lambda t, x: t.tensor([[1.5, 2.0]]),
    "whole": lambda t, x: t.tensor([1, 2]),
    "full": lambda t, x: t.full((2, 3), 1.5),
    "arange": lambda t, x: t.arange(5),
    "linspace": lambda t, x: t.linspace(0, 1, 7),
    "cdist": lambda t, x: t.cdist(x(A)[0], x(B)[0]),
    "searchsorted": lambda t, x: t.searchsorted(x(A).flatten(), x(B).flatten()),
    "isin": lambda t, x: t.isin(x(IDS), t.tensor([0, 2])),
    "meshgrid": lambda t, x: t.meshgrid(x(A)[0, 0], x(A)[0, 1], indexing="ij")[1],
    "diag_embed": lambda t, x: t.diag_embed(x(A)),
    "block_diag": lambda t, x: t.block_diag(x(M)[0], x(A)[0]),
    "solve": lambda t, x: t.linalg.solve(x(M), x(A)),
    "solve one": lambda t, x: t.linalg.solve(x(M)[0], x(A)[0, :, 0]),
    "inv": lambda t, x: t.linalg.inv(x(M)),
    "det": lambda t, x: t.det(x(M)),
    "cross": lambda t, x: t.linalg.cross(x(A)[..., :3], x(B)[..., :3]),
    "lstsq": lambda t, x: t.linalg.lstsq(x(M)[0], x(A)[0]).solution,
    "cholesky_solve": lambda t, x: t.cholesky_solve(x(A)[0], t.linalg.cholesky(x(M @ M.mT))[0]),
    "div": lambda t, x: t.div(x(IDS), 2, rounding_mode="floor"),
    "nonzero": lambda t, x: x(IDS).nonzero(),
    "nonzero as rows": lambda t, x: x(IDS).nonzero(as_tuple=True)[1],
    "clamp": lambda t, x: x(A).clamp(min=0.1),
    "clamp by arrays": lambda t, x: x(A).clamp(x(B) * 0 - 1, x(B) * 0 + 1),
    "flatten": lambda t, x: x(A).flatten(1),
    "unflatten": lambda t, x: x(A).unflatten(-1, (-1, 2)),
    "permute": lambda t, x: x(A).permute(2, 0, 1),
    "transpose": lambda t, x: x(A).transpose(0, 1),
    "repeat": lambda t, x: x(A).repeat(2, 1, 3),
    "repeat_interleave": lambda t, x: x(A).repeat_interleave(2, dim=1),
    "expand": lambda t, x: x(A)[:, :1].expand(-1, 5, 4),
    "view": lambda t, x: x(A).view(-1, 4),
    "unbind": lambda t, x: x(A).unbind(1)[2],
    "split": lambda t, x: x(A).split([1, 3], 2)[1],
    "split evenly": lambda t, x: x(A).split(2, 1)[1],
    "index_select": lambda t, x: x(A).index_select(1, x(IDS)[0]),
    "gather": lambda t, x: x(A)[0].gather(0, x(IDS)),
    "scatter": lambda t, x: x(A)[0, :, :3].scatter(0, x(IDS[:, :3]), x(B)[0, :2, :3]),
    "scatter_add": lambda t, x: x(A)[0].scatter_add(0, x(IDS), x(B)[0, :2]),
    "index_add": lambda t, x: x(A)[0].index_add(0, x(IDS)[0], x(M @ A)[:1].expand(4, 3, 4)[:, 0]),
    "masked_fill": lambda t, x: x(A).masked_fill(x(A) > 0, 7.0),
    "roll": lambda t, x: x(A).roll(-1, 1),
    "diff": lambda t, x: x(A).diff(dim=0),
    "unique": lambda t, x: x(IDS).unique(return_inverse=True)[1],
    "norm": lambda t, x: x(A).norm(dim=1, keepdim=True),
    "sum": lambda t, x: x(A).sum((0, 2)),
    "sum kept": lambda t, x: x(A).sum(-1, keepdim=True),
    "mean": lambda t, x: x(A).mean(1),
    "max": lambda t, x: x(A).max(1).values,
    "argmin": lambda t, x: x(B).argmin(-1),
    "amax": lambda t, x: x(B).amax(1),
    "median": lambda t, x: x(B).median(0).values,
    "median of all": lambda t, x: x(B).median(),
    "topk": lambda t, x: x(B).topk(2, dim=2).indices,
    "cumsum": lambda t, x: x(A).cumsum(0),
    "one number": lambda t, x: x(A)[0, 0, 0].clamp(min=0),
    "rsqrt": lambda t, x: x(A * A + 1).rsqrt(),
    "pad": lambda t, x: t.nn.functional.pad(x(A), (1, 2), value=3.0),
    "pad two": lambda t, x: t.nn.functional.pad(x(A), (0, 1, 1, 0)),
    "normalize": lambda t, x: t.nn.functional.normalize(x(A), dim=-1),
    "avg_pool2d": lambda t, x: t.nn.functional.avg_pool2d(x(PICTURES), 2),
    "avg_pool2d in steps": lambda t, x: t.nn.functional.avg_pool2d(
        x(PICTURES), 3, stride=1, padding=1
    ),
    "interpolate": lambda t, x: t.nn.functional.interpolate(x(PICTURES), (3, 7)),
    "diagonal": lambda t, x: x(A).diagonal(dim1=1, dim2=2),
    **{
        f"grid_sample {mode} {padding}": (
            lambda t, x, mode=mode, padding=padding: t.nn.functional.grid_sample(
                x(PICTURES), x(GRID), mode=mode, padding_mode=padding, align_corners=False
            )
        )
        for mode in ("bilinear", "nearest")
        for padding in ("zeros", "border")
    },
}  # fmt: skip


def tensor(values: torch.Tensor) -> Any:
    return numpy_functions.from_numpy(values.numpy())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_same_as_torch(name: str) -> None:
    run = FUNCTIONS[name]
    expected = run(torch, lambda values: values)
    found = run(numpy_functions, tensor)
    assert isinstance(found, NumpyTensor)
    assert found.shape == tuple(expected.shape)
    assert str(found.dtype) == str(expected.dtype).removeprefix("torch.")
    np.testing.assert_allclose(np.asarray(found), expected.numpy(), rtol=5e-6, atol=5e-6)


def test_names_are_those_of_the_chosen_library() -> None:
    assert isinstance(either.zeros(2), torch.Tensor)
    with library("numpy"):
        assert isinstance(either.zeros(2), NumpyTensor)
    assert functional.pad(torch.ones(1), (1, 0)).shape == (2,)


def test_every_function_of_numpy_takes_it() -> None:
    values = tensor(A)
    assert isinstance(np.concatenate([values, values]), NumpyTensor)
    assert isinstance(np.where(values > 0, values, 0), NumpyTensor)
    assert np.nonzero(values > 0)[0].ndim == 1
    assert np.repeat(values, 2, axis=0).shape == (4, 3, 4)
    values += 1
    assert isinstance(values, NumpyTensor)

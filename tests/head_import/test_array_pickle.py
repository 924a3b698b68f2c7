"""Arrays come back from pickles of every protocol, and nothing else does."""

import collections
import pickle

import numpy as np
import pytest
import torch
from python2_pickles import python2_pickle
from scipy import sparse

from smirk3d.errors import AssetError
from smirk3d.head_import.reading.array_pickle import read_array_pickle


def read(value, protocol=2):
    return read_array_pickle(pickle.dumps(value, protocol), "some.pkl")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        np.arange(4, dtype=">u4"),
        np.array(["ab", "c"]),
        np.array([True, False]),
        np.zeros((0, 3)),
        np.float32(2.5),
    ],
    ids=["float", "columns", "bigendian", "text", "bool", "empty", "scalar"],
)
def test_numpy_arrays_return_as_they_were(array, protocol):
    found = read({"a": array}, protocol)["a"]
    assert np.array_equal(found, array)
    assert np.asarray(found).dtype.kind == np.asarray(array).dtype.kind


@pytest.mark.parametrize("kind", ["csc", "csr", "coo"])
@pytest.mark.parametrize("form", ["matrix", "array"])
def test_sparse_matrices_return_dense(kind, form):
    dense = np.round(np.random.default_rng(0).uniform(-1, 1, (5, 40))) * 1.5
    stored = getattr(sparse, f"{kind}_{form}")(dense)
    assert np.array_equal(read(stored, 2), dense)
    assert np.array_equal(read(stored, 4), dense)


def test_torch_tensors_return_with_their_strides():
    tensor = torch.arange(12.0).reshape(3, 4).t()[1:]
    assert np.array_equal(read(tensor), tensor.numpy())


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_plain_values_return(protocol):
    value = {"t": "é", "n": None, "i": -(2**70), "f": 0.1, "b": b"\x00\xff", "l": [1, (2, True)]}
    assert read(value, protocol) == value
    assert read(collections.OrderedDict(a=1, b=[2]), protocol) == {"a": 1, "b": [2]}
    assert read({"s": {3}}, protocol) == {"s": [3]}


def test_only_wanted_entries_are_built():
    stored = {"a": np.ones(2), "other": python2_pickle}
    with pytest.raises(AssetError, match="python2_pickle"):
        read(stored)
    content = pickle.dumps({"a": np.ones(2), "other": np.dtype("f8")}, 2)
    assert list(read_array_pickle(content, "x", ["a"])) == ["a"]


@pytest.mark.parametrize("protocol", [0, 2])
def test_python2_pickles_with_chumpy_are_read_without_it(protocol):
    wanted = ["sel", "v_template", "f", "J_regressor", "kintree_table", "bs_style", "shapedirs"]
    found = read_array_pickle(python2_pickle(protocol), "old.pkl", wanted)
    assert np.array_equal(found["v_template"], np.arange(12.0).reshape(4, 3) / 100)
    assert np.array_equal(found["shapedirs"], np.arange(24.0).reshape(4, 3, 2))
    assert np.array_equal(found["sel"], np.arange(24.0).reshape(4, 3, 2)[:, :, 1:])
    assert np.array_equal(found["J_regressor"], [[1, 0, 0, 0], [0, 0.5, 0.5, 0]])
    assert found["kintree_table"][0, 0] == 2**32 - 1
    assert found["f"].dtype == np.uint32
    assert found["bs_style"] == "lbs"


def test_a_computed_chumpy_array_is_refused_by_name():
    with pytest.raises(AssetError, match=r"chumpy\.ch_ops\.add without values"):
        read_array_pickle(python2_pickle(2), "old.pkl", ["expr"])


def test_every_truncation_is_refused():
    content = pickle.dumps({"a": np.arange(30.0), "s": sparse.csc_matrix(np.eye(3))}, 2)
    for length in range(len(content)):
        with pytest.raises(AssetError, match=r"cut\.pkl"):
            read_array_pickle(content[:length], "cut.pkl")


def test_random_damage_never_escapes_as_another_error():
    content = pickle.dumps({"a": np.arange(5.0), "s": sparse.csc_matrix(np.eye(3)), "t": "x"}, 2)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(1500):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            damaged[place] = rng.integers(0, 256)
        try:
            read_array_pickle(bytes(damaged), "damaged.pkl")
        except AssetError:
            refused += 1
    assert refused > 700


def test_sparse_parts_that_do_not_fit_are_refused():
    matrix = sparse.csc_matrix(np.eye(4))
    matrix.indices[0] = 9
    with pytest.raises(AssetError, match="outside its shape"):
        read(matrix)
    matrix = sparse.csc_matrix(np.eye(4))
    matrix.indptr[2] = 1000
    with pytest.raises(AssetError, match="pointers"):
        read(matrix)

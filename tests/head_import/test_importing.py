"""Heads that users have are installed; files that are not what they seem run nothing."""

import os
import pickle
import shutil
import sys
import types

import numpy as np
import pytest
from flame_files import companion_tables, flame_arrays, write_companions, write_flame
from hostile_files import HOSTILE

from smirk3d.assets import user_folder
from smirk3d.errors import AssetError, InputError, OutputError, UsageError
from smirk3d.head_import.importing import import_head
from smirk3d.heads.registry import find_head, load_head


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SMIRK3D_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_run_nothing_and_are_named(case, source, tmp_path):
    name, build, complaint = HOSTILE[case]
    canary = tmp_path / "canary"
    file = source / name
    file.write_bytes(build(canary))
    given = file
    if name == "landmark_embedding.npy":
        write_flame(source / "generic_model.pkl", flame_arrays())
        given = source
    with pytest.raises((AssetError, InputError), match=complaint) as refused:
        import_head(given)
    assert not canary.exists()
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not user_folder("heads").exists()


@pytest.mark.parametrize("case", ["posix.system", "builtins.eval", "nested reduce"])
def test_the_hostile_files_would_run_if_they_were_unpickled(case, tmp_path):
    canary = tmp_path / "canary"
    pickle.loads(HOSTILE[case][1](canary))
    assert canary.exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda a: a["v_template"].__setitem__((3, 1), np.nan), "v_template .* not finite"),
        (lambda a: a["f"].__setitem__((0, 0), 60), "f names a vertex outside 0 to 59"),
        (lambda a: a["weights"].__imul__(2), "rows of weights must be positive and sum to 1"),
        (lambda a: a.pop("posedirs"), "lacks posedirs"),
        (lambda a: a.update(posedirs=a["posedirs"][..., :9]), "posedirs must have shape"),
        (lambda a: a.update(shapedirs=a["shapedirs"][..., :300]), "300 shape directions"),
        (lambda a: a.update(v_template="text"), "does not hold numbers"),
        (lambda a: a["kintree_table"].__setitem__((0, 1), 4), "parents before their children"),
        (lambda a: a["J_regressor"].__imul__(0), "joints .* are not root, neck, jaw"),
        (lambda a: [a[k].__imul__(1000) for k in ("v_template",)], "heads are in metres"),
    ],
)
def test_damaged_flame_files_are_refused_with_the_reason(change, complaint, source):
    arrays = flame_arrays()
    change(arrays)
    file = source / "generic_model.pkl"
    file.write_bytes(pickle.dumps(arrays, 2))
    with pytest.raises(AssetError, match=complaint):
        import_head(file)


def test_a_body_model_is_refused(source):
    arrays = flame_arrays()
    count = len(arrays["v_template"])
    arrays |= {
        "weights": np.full((count, 24), 1 / 24),
        "J_regressor": np.full((24, count), 1 / count),
        "kintree_table": np.stack([np.arange(24) - 1, np.arange(24)]),
        "posedirs": np.zeros((count, 3, 207)),
    }
    with pytest.raises(AssetError, match="24 joints and FLAME has 5"):
        import_head(write_flame(source / "basic_model.pkl", arrays))


def test_flame_with_chumpy_arrays_needs_neither_chumpy_nor_smplx(source, monkeypatch):
    chumpy = types.ModuleType("chumpy")
    chumpy.ch = types.ModuleType("chumpy.ch")

    class Ch:
        def __init__(self, x):
            self.x = np.asarray(x)
            self._dirty_vars = set()

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    chumpy.ch.Ch = Ch
    arrays = flame_arrays()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "chumpy", chumpy)
        patch.setitem(sys.modules, "chumpy.ch", chumpy.ch)
        wrapped = {k: Ch(arrays[k]) for k in ("v_template", "shapedirs", "posedirs", "weights")}
        file = write_flame(source / "generic_model.pkl", arrays | wrapped)
    for package in ("chumpy", "smplx"):
        monkeypatch.setitem(sys.modules, package, None)
    head = load_head(import_head(file).name)
    assert head.name == "flame"
    assert np.allclose(head.v_template, arrays["v_template"], atol=1e-7)


def test_a_folder_as_smirk_has_it_gives_landmarks(source):
    arrays = flame_arrays()
    (source / "FLAME2020").mkdir()
    write_flame(source / "FLAME2020" / "generic_model.pkl", arrays)
    write_flame(source / "FLAME2020" / "male_model.pkl", arrays)
    write_companions(source, companion_tables(len(arrays["f"])))
    imported = import_head(source)
    assert imported.num_landmarks == 107
    assert imported.licence == "FLAME research licence"
    assert "non-commercial" in imported.notice
    head = load_head("flame")
    assert set(head.meta["companions"]) == {
        "landmark_embedding.npy", "mediapipe_landmark_embedding.npz"
    }  # fmt: skip
    assert list(head.meta["inputs_sha256"]) == ["generic_model.pkl"]


def test_landmarks_are_embedded_where_none_came_along(source):
    file = write_flame(source / "flame2023_Open.pkl", flame_arrays())
    asked = []

    def embed(head):
        asked.append(head.name)
        return {
            "lmk_mp_id": np.array([4]),
            "lmk_mp_tri": np.array([0]),
            "lmk_mp_bary": np.array([[1.0, 0, 0]]),
            "lmk_mp_sigma": np.array([0.002]),
        }

    imported = import_head(file, embed_landmarks=embed)
    assert asked == ["flame2023-open"]
    assert imported.num_landmarks == 1
    assert imported.licence == "CC-BY-4.0"


def test_a_head_file_keeps_its_content_under_another_name(source):
    copy = source / "mine.npz"
    shutil.copy(find_head("open"), copy)
    with pytest.raises(InputError, match="head 'open' of smirk3d cannot be replaced"):
        import_head(copy)
    imported = import_head(copy, "mine")
    assert load_head("mine").fingerprint == load_head("open").fingerprint
    assert imported.kind == "head"


def test_another_head_of_the_name_is_replaced_only_on_request(source):
    file = write_flame(source / "generic_model.pkl", flame_arrays())
    first = import_head(file, "mine").path.read_bytes()
    assert import_head(file, "mine").path.read_bytes() == first
    shutil.copy(find_head("open"), source / "other.npz")
    with pytest.raises(OutputError, match="another head has this name"):
        import_head(source / "other.npz", "mine")
    assert find_head("mine").read_bytes() == first
    import_head(source / "other.npz", "mine", overwrite=True)
    assert load_head("mine").fingerprint == load_head("open").fingerprint


def test_a_damaged_head_file_is_refused(source):
    copy = source / "mine.npz"
    copy.write_bytes(find_head("open").read_bytes()[:-5000])
    with pytest.raises((AssetError, InputError), match=r"mine\.npz"):
        import_head(copy, "mine")


@pytest.mark.parametrize("name", ["", "A", "../x", "a/b", "x" * 80, ".hidden"])
def test_names_that_could_lead_elsewhere_are_refused(name, source):
    file = write_flame(source / "generic_model.pkl", flame_arrays())
    with pytest.raises(UsageError, match="no head can be called"):
        import_head(file, name)


def test_several_models_are_not_chosen_between(source):
    for name in ("flame2023.pkl", "flame2023_Open.pkl"):
        write_flame(source / name, flame_arrays())
    with pytest.raises(InputError, match="several heads"):
        import_head(source)


def test_nothing_known_is_refused_with_the_kinds_that_are(source):
    with pytest.raises(InputError, match="does not exist"):
        import_head(source / "nothing")
    with pytest.raises(InputError, match=r"FLAME's \.pkl"):
        import_head(source)
    np.savez(source / "numbers.npz", a=np.ones(3))
    with pytest.raises(InputError, match="holds no head that is known"):
        import_head(source / "numbers.npz")


def test_checkpoints_are_sent_to_weights_import(source):
    import torch

    torch.save({"smirk_encoder.x": torch.ones(2)}, source / "SMIRK_em1.pt")
    with pytest.raises(InputError, match="weights import"):
        import_head(source / "SMIRK_em1.pt")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_home_is_an_output_error(source, home):
    from smirk3d.errors import OutputError

    home.mkdir()
    home.chmod(0o500)
    with pytest.raises(OutputError):
        import_head(write_flame(source / "generic_model.pkl", flame_arrays()))

"""Modules that a package imports but seldom uses are imported at their first use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from smirk3d.preprocessing.later_imports import imported_with_later


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that imports two others, one of them in a package."""
    (tmp_path / "plots_").mkdir()
    (tmp_path / "plots_" / "__init__.py").write_text("")
    (tmp_path / "plots_" / "pictures.py").write_text("figure = 'a figure'")
    (tmp_path / "sounds_.py").write_text("microphone = 'a microphone'")
    (tmp_path / "user_.py").write_text("import plots_.pictures as plt\nimport sounds_ as sd\n")
    (tmp_path / "needy_.py").write_text("import absent_sounds_\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("plots_", "plots_.pictures", "sounds_", "user_", "needy_"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def test_they_are_imported_at_their_first_use(packages: Path) -> None:
    user = imported_with_later("user_", ("plots_.pictures", "sounds_"))
    assert not {"plots_", "plots_.pictures", "sounds_"} & set(sys.modules)
    assert user.plt.figure == "a figure"
    assert user.sd.microphone == "a microphone"
    with pytest.raises(AttributeError, match="absent"):
        _ = user.sd.absent


def test_others_import_the_modules_themselves(packages: Path) -> None:
    imported_with_later("user_", ("plots_.pictures", "sounds_"))
    import sounds_

    assert sounds_.__file__ == str(packages / "sounds_.py")
    assert imported_with_later("sounds_", ()) is sounds_


def test_an_absent_module_is_missed_by_who_imports_it(packages: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="absent_sounds_"):
        imported_with_later("needy_", ("absent_sounds_", "absent_.part"))


def test_a_detector_needs_no_plots_and_no_microphone() -> None:
    code = (
        "import sys; from smirk3d.preprocessing.mediapipe_tasks import as_mediapipe_image as made;"
        "import numpy as np; made(np.zeros((4, 4, 3), np.uint8));"
        "print(sorted({'matplotlib', 'sounddevice'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["[]"]

"""One folder name of any file's name."""

from __future__ import annotations

import os

import pytest

from smirk3d.assets.safe_names import MAX_BYTES, path_text, safe_component

LATIN_1 = os.fsdecode(b"Fran\xe7ois")


@pytest.mark.parametrize(
    ("name", "component"),
    [
        ("plain", "plain"),
        ('it\'s "Zoë" 人', 'it\'s "Zoë" 人'),
        ("", "unnamed"),
        (".", "unnamed"),
        ("..", "unnamed"),
        ("...", "unnamed"),
        (" . ", "unnamed"),
        (".hidden", "_hidden"),
        ("..git", "_git"),
        ("a/b", "a_x2fb"),
        ("a\\b", "a_x5cb"),
        ("line\nbreak\x1b[2J", "line_x0abreak_x1b[2J"),
        ("right\u202eleft", "right_x202eleft"),
        ("end. .", "end"),
        ("CON", "_CON"),
        ("nul.tar", "_nul.tar"),
        ("com1", "_com1"),
        ("console", "console"),
        (LATIN_1, "Fran_xe7ois"),
    ],
)
def test_every_name_is_one_folder(name: str, component: str) -> None:
    assert safe_component(name) == component
    assert safe_component(component) == component


@pytest.mark.parametrize("letter", ["a", "ä", "人", "😀"])
def test_long_names_are_cut_and_stay_apart(letter: str) -> None:
    one, two = safe_component(letter * 240), safe_component(letter * 241)
    assert one != two
    for component in (one, two):
        assert MAX_BYTES - 8 < len(component.encode()) <= MAX_BYTES
        assert component.startswith(letter)


def test_every_byte_and_many_characters_give_a_folder(tmp_path) -> None:
    names = [os.fsdecode(bytes([byte])) for byte in range(1, 256)]
    names += [chr(code) for code in range(0x2000, 0x2070)] + [LATIN_1 * 40, "\ud800"]
    for name in names:
        folder = tmp_path / safe_component(name)
        folder.mkdir(exist_ok=True)
        assert folder.parent == tmp_path
        assert os.path.realpath(folder) != os.path.realpath(tmp_path)
        folder.name.encode("utf-8")


def test_paths_as_text_are_utf8() -> None:
    assert path_text(f"s1/{LATIN_1}.png") == "s1/Fran\\xe7ois.png"
    assert path_text("s1/Zoë.png") == "s1/Zoë.png"

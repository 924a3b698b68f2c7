from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from smirk3d.editing.provenance import ENDINGS, NOTICE, SOURCE_TYPE, write_marked
from smirk3d.errors import InputError

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"


@pytest.mark.parametrize("ending", ENDINGS)
def test_pictures_say_that_they_are_generated(ending: str, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 30, 3), dtype=np.uint8)
    path = tmp_path / f"edited{ending}"
    write_marked(path, image)
    with Image.open(path) as picture:
        packet = picture.info["xmp"]
        assert SOURCE_TYPE.encode() in packet
        text = packet.decode().strip("\0")
        description = ElementTree.fromstring(text).find(f".//{_RDF}Description")
        assert description is not None
        assert description.get(f"{_IPTC}DigitalSourceType") == SOURCE_TYPE
        assert picture.getexif()[0x010E] == NOTICE
        assert picture.size == (30, 40)
        if ending == ".png":
            assert np.array_equal(np.asarray(picture), image)
            assert picture.text["Description"] == NOTICE


def test_formats_that_cannot_hold_the_mark_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown ending '\.bmp'"):
        write_marked(tmp_path / "a.bmp", np.zeros((4, 4, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []

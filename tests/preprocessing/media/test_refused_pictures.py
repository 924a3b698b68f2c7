"""A file without a picture, or with one too small or too large, is refused by one line."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.preprocessing.media.small_pictures import png_of, saved, two_colours

from smirk3d.errors import InputError
from smirk3d.preprocessing.media import image_io
from smirk3d.preprocessing.media.image_io import read_image


def refused(path: Path | str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as raised:
        read_image(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing(tmp_path):
    refused(tmp_path / "absent.png", "does not exist")


def test_folder(tmp_path):
    refused(tmp_path, "is a folder")


def test_empty(tmp_path):
    (tmp_path / "a.png").touch()
    refused(tmp_path / "a.png", "is empty")


def test_name_too_long(tmp_path):
    refused(tmp_path / ("x" * 300), "cannot be read|does not exist")


def test_name_with_a_null_byte():
    with pytest.raises(InputError):
        read_image("a\0.png")


def test_device():
    refused("/dev/null", "not a regular file")


@pytest.mark.parametrize(
    "content", [b"Dear Sir,\nplease find attached.\n", bytes(1000), b"%!PS-Adobe"]
)
def test_no_picture(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    refused(tmp_path / "a.png", "not a picture in a known format: give JPEG")


def test_vector_formats_that_run_programs_are_not_opened(tmp_path):
    # Pillow would start Ghostscript for this file.
    (tmp_path / "a.eps").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n%%EOF\n"
    )
    refused(tmp_path / "a.eps", "not a picture in a known format")


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "avif", "tif", "gif", "bmp"])
def test_cut_short(tmp_path, ending):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = saved(Image.fromarray(noise), tmp_path / f"a.{ending}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(path, "damaged|not a picture")


def test_damaged_files_raise_nothing_else(tmp_path):
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (24, 24, 3), np.uint8))
    path = tmp_path / "a"
    outcomes = {"read": 0, "refused": 0}
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "TGA", "QOI"):
        file = io.BytesIO()
        noise.save(file, kind)
        for _ in range(25):
            content = bytearray(file.getvalue())
            for place in rng.integers(0, min(len(content), 400), 4):
                content[place] = rng.integers(256)
            path.write_bytes(content)
            try:
                read_image(path)
                outcomes["read"] += 1
            except InputError:
                outcomes["refused"] += 1
    assert min(outcomes.values()) > 20


@pytest.mark.parametrize("size", [(1, 1), (15, 400), (400, 15)])
def test_too_small(tmp_path, size):
    refused(saved(Image.new("RGB", size), tmp_path / "a.png"), "too few to hold a face")


@pytest.mark.parametrize("size", [(20_000, 10_001), (50_000, 50_000)])
def test_too_large(tmp_path, size):
    (tmp_path / "bomb.png").write_bytes(png_of(*size, b""))
    refused(tmp_path / "bomb.png", "more than 200 million")


def test_largest_sensor_is_not_refused_for_its_size(tmp_path):
    # 199.8 million pixels, as phones take; there are none in the file.
    (tmp_path / "a.png").write_bytes(png_of(16_320, 12_240, b""))
    with pytest.raises(InputError, match="damaged or cut short"):
        read_image(tmp_path / "a.png")
    assert Image.MAX_IMAGE_PIXELS is not None, "Pillow's own guard is as it was"


def test_out_of_memory(tmp_path, monkeypatch):
    path = saved(two_colours(), tmp_path / "a.png")

    def fail(_picture: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr(image_io, "_decoded", fail)
    refused(path, "does not fit into memory")


def test_not_permitted(tmp_path, monkeypatch):
    # Tests may run as root, who may read everything.
    path = saved(two_colours(), tmp_path / "a.png")

    def refuse(name: str, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(name))

    monkeypatch.setattr("smirk3d.preprocessing.media.regular_files.os.open", refuse)
    refused(path, "may not be read: change its permissions")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    refused(tmp_path / "a.png", "not a regular file")


def test_a_file_of_more_bytes_than_any_picture(tmp_path):
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(10**10)
    refused(tmp_path / "a.png", "more than 640 megabytes")


def test_an_icon_that_hides_a_larger_picture(tmp_path):
    # The directory tells 48 x 48 pixels, the picture in it 20000 x 10001.
    inner = png_of(20_000, 10_001, b"")
    entry = struct.pack("<BBBBHHII", 48, 48, 0, 0, 1, 32, len(inner), 22)
    (tmp_path / "a.ico").write_bytes(struct.pack("<HHH", 0, 1, 1) + entry + inner)
    refused(tmp_path / "a.ico", "more than 200 million")


@pytest.mark.parametrize("kind", [AssertionError, AttributeError, Image.DecompressionBombError])
def test_every_error_of_a_decoder_is_an_input_error(tmp_path, monkeypatch, kind):
    path = saved(two_colours(), tmp_path / "a.png")

    def fail(_picture: Image.Image) -> None:
        raise kind

    monkeypatch.setattr(image_io, "_decoded", fail)
    refused(path, "damaged|more than 200 million")

"""Pictures of many formats, modes, names and profiles are read as upright sRGB."""

from __future__ import annotations

import base64
import os
import struct
import sys

import numpy as np
import PIL
import pytest
from PIL import Image, ImageCms
from tests.preprocessing.media.small_pictures import (
    BLUE,
    assert_two_colours,
    png_of,
    saved,
    two_colours,
)

from smirk3d.errors import InputError, MissingExtra, OutputError, ShapeError
from smirk3d.preprocessing.media.image_io import (
    picture_bytes,
    read_image,
    read_image_bytes,
    write_png,
)

# import io, base64, pillow_heif; from PIL import Image; pillow_heif.register_heif_opener()
# im = Image.new("RGB", (64, 48), (200, 30, 30)); im.paste((30, 30, 200), (32, 0, 64, 48))
# b = io.BytesIO(); im.save(b, "HEIF", quality=50); print(base64.b64encode(b.getvalue()).decode())
HEIC = (
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAA"
    "AAAAAAACJpbG9jAAAAAERAAAEAAQAAAAABoQABAAAAAAAAAGEAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMx"
    "AAAAAA5waXRtAAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDA"
    "H//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgAB"
    "AAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAA"
    "EAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAGltZGF0AAAAXSgB"
    "rxOA9SeBP//gpUf/utZ4fg8NMT/+88Yj+gax/+L1d24DHYsoDCeJRFN4ju5YyxTWGlKz3AqVo6vSar2TaFL+E2j/4CPCeB"
    "8gQ94nsb48Udt6v1rvqjKULjKHbg=="
)


@pytest.mark.parametrize(
    ("ending", "tolerance"),
    [
        ("png", 0), ("bmp", 0), ("tif", 0), ("ppm", 0), ("tga", 0), ("gif", 0), ("jpg", 3),
        ("webp", 8), ("avif", 8), ("jp2", 0),
    ],
)  # fmt: skip
def test_formats(tmp_path, ending, tolerance):
    assert_two_colours(read_image(saved(two_colours(), tmp_path / f"a.{ending}")), tolerance)


def test_heic(tmp_path):
    pytest.importorskip("pi_heif", reason="pip install 'smirk3d[heic]' brings what reads HEIC")
    (tmp_path / "a.heic").write_bytes(base64.b64decode(HEIC))
    assert_two_colours(read_image(tmp_path / "a.heic"), 3)


def test_heic_without_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    (tmp_path / "a.heic").write_bytes(base64.b64decode(HEIC))
    with pytest.raises(MissingExtra, match=r"smirk3d\[heic\]"):
        read_image(tmp_path / "a.heic")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "avif"])
def test_exif_orientation(tmp_path, orientation, ending):
    # How a camera stores what is upright as two_colours(), after the EXIF standard: the number
    # says what the stored first row and first column are of the upright picture.
    store = {
        1: [], 2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM], 5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90], 7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }  # fmt: skip
    upright = two_colours()
    upright.paste((20, 200, 20), (0, 0, 32, 8))
    stored = upright
    for step in store[orientation]:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = read_image(saved(stored, tmp_path / f"a.{ending}", exif=exif))
    assert_two_colours(pixels, 8)
    assert pixels[3, 8, 1] > 150, "the green stripe belongs at the upper left"


def test_damaged_exif_counts_as_upright(tmp_path):
    exif = b"Exif\x00\x00II*\x00\xff\xff\xff\xff"
    assert_two_colours(read_image(saved(two_colours(), tmp_path / "a.jpg", exif=exif)), 3)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0, 257 * 100, 65535], np.uint16), [0, 100, 255]),
        (np.array([-5, 100, 255], np.int32), [0, 100, 255]),
        (np.array([0, 257 * 100, 65535], np.int32), [0, 100, 255]),
        (np.array([0, 1_000_000, 2_000_000], np.int32), [0, 127, 255]),
        (np.array([0.0, 0.5, 1.0], np.float32), [0, 128, 255]),
        (np.array([-1.0, 100.0, 255.0], np.float32), [0, 100, 255]),
        (np.array([np.nan, 100.0, 200.0], np.float32), [0, 100, 200]),
    ],
)
def test_wide_pixels(tmp_path, values, expected):
    picture = Image.fromarray(np.repeat(np.tile(values, (30, 1)), 10, axis=1))
    pixels = read_image(saved(picture, tmp_path / "a.tif"))
    np.testing.assert_array_equal(pixels[15, 5::10], np.repeat(expected, 3).reshape(3, 3))


def test_sixteen_bit_png(tmp_path):
    grey = Image.fromarray(np.full((20, 20), 257 * 100, np.uint16))
    assert (read_image(saved(grey, tmp_path / "a.png")) == 100).all()
    rgb = png_of(20, 20, np.full((20, 20, 3), 257 * 100, ">u2").tobytes(), depth=16, colour=2)
    (tmp_path / "b.png").write_bytes(rgb)
    assert (read_image(tmp_path / "b.png") == 100).all()


_WRITES_YCBCR = pytest.mark.skipif(
    int(PIL.__version__.split(".")[0]) < 13,
    reason="Pillow before 13 cannot read the YCbCr TIFF that it writes",
)


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "LA", "RGBA", "CMYK", pytest.param("YCbCr", marks=_WRITES_YCBCR)]
)
def test_modes_agree_with_rgb(tmp_path, mode):
    picture = two_colours().convert("L").convert("RGB")
    expected = np.asarray(picture.convert(mode).convert("RGB"))
    ending = {"CMYK": "tif", "YCbCr": "tif"}.get(mode, "png")
    pixels = read_image(saved(picture.convert(mode), tmp_path / f"a.{ending}"))
    np.testing.assert_allclose(pixels.astype(int), expected, atol=1)


def test_cmyk_jpeg_of_adobe(tmp_path):
    # Pillow writes CMYK JPEG as Adobe does: inverted, with Adobe's marker.
    path = saved(two_colours().convert("CMYK"), tmp_path / "a.jpg", quality=95)
    assert b"Adobe" in path.read_bytes()[:300]
    assert_two_colours(read_image(path), 6)


def test_transparency_shows_mid_grey(tmp_path):
    picture = two_colours().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 32, 48))
    pixels = read_image(saved(picture, tmp_path / "a.png"))
    assert pixels[24, 8].tolist() == [128] * 3
    assert pixels[24, 56].tolist() == list(BLUE)


def test_half_transparency_mixes(tmp_path):
    picture = Image.new("LA", (20, 20), (200, 51))
    pixels = read_image(saved(picture, tmp_path / "a.png"))
    # 0.2 * 200 + 0.8 * 128 = 142.4
    assert (pixels == 142).all()


def test_palette_with_a_transparent_entry(tmp_path):
    picture = two_colours().quantize(2)
    entry = picture.getpixel((8, 24))
    pixels = read_image(saved(picture, tmp_path / "a.png", transparency=entry))
    assert pixels[24, 8].tolist() == [128] * 3
    assert pixels[24, 56].tolist() == list(BLUE)


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "tif"])
def test_first_picture_of_several(tmp_path, ending):
    second = Image.new("RGB", (64, 48), (0, 255, 0))
    path = saved(
        two_colours(), tmp_path / f"a.{ending}", save_all=True, append_images=[second], quality=95
    )
    assert_two_colours(read_image(path), 8)


def test_profile_is_converted_to_srgb(tmp_path):
    # A profile whose red and blue primaries are swapped against sRGB's.
    swapped = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", swapped[128:132])[0]
    offsets = {}
    for i in range(count):
        tag, offset, _ = struct.unpack(">4sII", swapped[132 + 12 * i : 144 + 12 * i])
        offsets[tag] = offset
    red, blue = offsets[b"rXYZ"], offsets[b"bXYZ"]
    swapped[red : red + 20], swapped[blue : blue + 20] = (
        swapped[blue : blue + 20], swapped[red : red + 20],
    )  # fmt: skip
    profile = bytes(swapped).replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    stored = Image.fromarray(np.asarray(two_colours())[..., ::-1].copy())
    path = saved(stored, tmp_path / "a.png", icc_profile=profile)
    assert_two_colours(read_image(path), 2)


def test_damaged_profile_is_ignored(tmp_path):
    assert_two_colours(
        read_image(saved(two_colours(), tmp_path / "a.png", icc_profile=b"no profile"))
    )


def test_grey_picture_with_a_colour_profile(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    picture = Image.new("L", (20, 20), 77)
    assert (read_image(saved(picture, tmp_path / "a.png", icc_profile=profile)) == 77).all()


def test_taller_than_a_strip(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (700, 20, 3), np.uint8)
    read = read_image(saved(Image.fromarray(pixels), tmp_path / "a.png"))
    np.testing.assert_array_equal(read, pixels)


@pytest.mark.parametrize(
    "name", ["a b.png", 'it\'s "quoted".png', "größe 写真.png", "-x.png", "PHOTO.PNG"]
)
def test_names(tmp_path, name):
    assert_two_colours(read_image(str(saved(two_colours(), tmp_path / name, format="PNG"))))


def test_wrong_ending_does_not_matter(tmp_path):
    assert_two_colours(read_image(saved(two_colours(), tmp_path / "a.jpg", format="PNG")))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("name", [b"Fran\xe7ois.png", b"two\nlines.png", b"12:30 50%d.png"])
def test_names_of_every_kind(tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(saved(two_colours(), tmp_path / "a.png").read_bytes())
    assert_two_colours(read_image(path))
    path.write_bytes(b"no picture")
    with pytest.raises(InputError, match="not a picture"):
        read_image(path)


def test_pillows_own_limit_on_tiles_is_not_ours(tmp_path, monkeypatch):
    path = saved(two_colours(), tmp_path / "a.tif", compression="tiff_lzw")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert_two_colours(read_image(path))
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_a_tiff_of_196_million_pixels(shared_dir):
    path = shared_dir / "cases" / "tiff-179-200MP" / "a.tif"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    assert read_image(path).shape == (14_000, 14_000, 3)


def test_content_read_once_stays_what_it_was(tmp_path):
    path = saved(two_colours(), tmp_path / "a.png")
    content = picture_bytes(path)
    Image.new("RGB", (30, 90), (0, 200, 0)).save(path)
    assert_two_colours(read_image_bytes(content, path))


def test_content_is_refused_under_its_name():
    with pytest.raises(InputError, match=r"^photo\.png is not a picture"):
        read_image_bytes(b"Dear Sir", "photo.png")


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (5, 7, 4)])
def test_png_round_trip(tmp_path, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    write_png(tmp_path / "a.png", image)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), image)


def test_png_of_a_view(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (20, 40, 3), np.uint8)
    write_png(tmp_path / "a.png", image[::-1, ::2])
    np.testing.assert_array_equal(read_image(tmp_path / "a.png")[:, 0], image[::-1, 0])


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 2), np.uint8), np.zeros((3,), np.uint8)],
)
def test_png_of_another_shape(tmp_path, image):
    with pytest.raises(ShapeError, match="image must be uint8"):
        write_png(tmp_path / "a.png", image)


def test_png_of_nothing(tmp_path):
    with pytest.raises(OutputError, match="the picture is empty"):
        write_png(tmp_path / "a.png", np.zeros((0, 4, 3), np.uint8))


def test_png_over_a_folder(tmp_path):
    with pytest.raises(OutputError, match="is a folder"):
        write_png(tmp_path, np.zeros((4, 4, 3), np.uint8))

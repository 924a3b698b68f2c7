"""Small pictures in every format that is read."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from fuzz.inputs import Files

_WIDTH, _HEIGHT = 48, 40
_EXIF_ORIENTATION = 0x0112


def picture(mode: str = "RGB", width: int = _WIDTH, height: int = _HEIGHT) -> Image.Image:
    """Return a coloured ramp in one of Pillow's modes."""
    rows, columns = np.mgrid[:height, :width]
    ramp = np.stack([columns * 255 // width, rows * 255 // height, (rows * columns) % 256], -1)
    image = Image.fromarray(ramp.astype(np.uint8))
    if mode == "I;16":
        return Image.fromarray((ramp[..., 0] * 257).astype(np.uint16))
    return image.convert("F").point(lambda v: v / 255) if mode == "F" else image.convert(mode)


def jpeg(width: int = _WIDTH, height: int = _HEIGHT) -> bytes:
    """Return a JPEG of the ramp."""
    return _saved(picture("RGB", width, height), "JPEG", quality=80)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _turned() -> bytes:
    exif = Image.Exif()
    exif[_EXIF_ORIENTATION] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return _saved(picture(), "JPEG", exif=exif, icc_profile=profile, progressive=True)


def _animated(kind: str) -> bytes:
    frames = [picture().rotate(angle) for angle in (0, 90, 180)]
    return _saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=40)


def picture_seeds() -> list[Files]:
    """Return one picture a format and kind of pixel."""
    plain = {
        "plain.jpg": ("RGB", "JPEG"), "grey.jpg": ("L", "JPEG"), "cmyk.jpg": ("CMYK", "JPEG"),
        "rgb.png": ("RGB", "PNG"), "rgba.png": ("RGBA", "PNG"), "palette.png": ("P", "PNG"),
        "bits.png": ("1", "PNG"), "deep.png": ("I;16", "PNG"), "plain.webp": ("RGBA", "WEBP"),
        "plain.avif": ("RGB", "AVIF"), "plain.bmp": ("RGB", "BMP"), "palette.bmp": ("P", "BMP"),
        "plain.dib": ("RGB", "DIB"), "plain.ppm": ("RGB", "PPM"), "float.pfm": ("F", "PPM"),
        "bits.pbm": ("1", "PPM"), "plain.jp2": ("RGB", "JPEG2000"), "plain.tga": ("RGB", "TGA"),
        "plain.qoi": ("RGBA", "QOI"), "plain.ico": ("RGBA", "ICO"), "plain.sgi": ("RGB", "SGI"),
        "float.tif": ("F", "TIFF"), "deep.tif": ("I;16", "TIFF"), "cmyk.tif": ("CMYK", "TIFF"),
    }  # fmt: skip
    seeds = [{name: _saved(picture(mode), kind)} for name, (mode, kind) in plain.items()]
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits", "group4"):
        mode = "1" if compression == "group4" else "RGB"
        name = f"{compression}.tif"
        seeds.append({name: _saved(picture(mode), "TIFF", compression=compression)})
    seeds.append({"turned.jpg": _turned()})
    seeds.append({"rle.tga": _saved(picture(), "TGA", compression="tga_rle")})
    for name, kind in {"a.gif": "GIF", "a.webp": "WEBP", "a.png": "PNG", "a.tif": "TIFF"}.items():
        seeds.append({name: _animated(kind)})
    return seeds

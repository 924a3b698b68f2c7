"""Marks pictures and videos as generated.

The mark is IPTC's digital source type in XMP, which picture libraries, search engines and social
networks read: *composite with trained algorithmic media*, for a photo of which part was generated
by a trained network (cv.iptc.org/newscodes/digitalsourcetype). A text for people is beside it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from smirk3d.assets.atomic import atomic_path
from smirk3d.errors import InputError

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
NOTICE = "Generated picture: the facial expression was changed with smirk3d."
ENDINGS = (".png", ".jpg", ".jpeg", ".webp")

_XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}">
   <dc:description>
    <rdf:Alt><rdf:li xml:lang="x-default">{NOTICE}</rdf:li></rdf:Alt>
   </dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""

_DESCRIPTION, _SOFTWARE = 0x010E, 0x0131
"""Numbers of EXIF's tags (TIFF 6.0)."""
_QUALITY = 95
"""Of JPEG and WebP: above it files grow with hardly any gain (Pillow's documentation)."""


def check_ending(path: Path) -> None:
    """Refuse endings of formats that cannot hold the mark.

    Raises:
        InputError: if it is none of :data:`ENDINGS`.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: unknown ending {path.suffix!r}; have {', '.join(ENDINGS)}")


def write_marked(path: str | Path, image: NDArray[np.uint8]) -> None:
    """Write a generated picture uint8 ``[H, W, 3]`` with its mark, whole or not at all.

    Raises:
        InputError: if the ending is none of :data:`ENDINGS`.
        OutputError: if it cannot be written.
    """
    path = Path(path)
    check_ending(path)
    picture = Image.fromarray(image)
    exif = Image.Exif()
    exif[_DESCRIPTION], exif[_SOFTWARE] = NOTICE, "smirk3d"
    packet = _XMP.encode()
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".png":
            texts = PngInfo()
            texts.add_itxt("XML:com.adobe.xmp", _XMP)
            texts.add_text("Description", NOTICE)
            picture.save(temporary, "PNG", pnginfo=texts, exif=exif, compress_level=4)
        elif path.suffix.lower() == ".webp":
            picture.save(temporary, "WEBP", quality=_QUALITY, exif=exif, xmp=packet)
        else:
            picture.save(temporary, "JPEG", quality=_QUALITY, subsampling=0, exif=exif, xmp=packet)

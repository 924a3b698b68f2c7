"""Builds the Blender add-on: ``python scripts/blender_addon.py [OUT.zip]``.

The zip is an extension of Blender 4.2 or newer: drag it into Blender's window, or
``Edit > Preferences > Get Extensions > Install from Disk``. The same sources give the same bytes.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "blender" / "smirk3d"
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip holds, so that dates change no bytes


def build(out: Path) -> Path:
    out.parent.mkdir(parents=True, exist_ok=True)
    files = sorted((*SOURCE.glob("*.py"), SOURCE / "blender_manifest.toml", ROOT / "LICENSE"))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return out


if __name__ == "__main__":
    default = ROOT / "dist" / "smirk3d-blender.zip"
    print(build(Path(sys.argv[1]) if len(sys.argv) > 1 else default))

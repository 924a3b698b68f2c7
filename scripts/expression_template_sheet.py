"""A contact sheet of the expression templates, to check them by eye.

python scripts/expression_template_sheet.py docs/images/expression-templates.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image

from smirk3d.heads.registry import load_head
from smirk3d.rendering.clay import View, clay
from smirk3d.rendering.contact_sheet import contact_sheet
from smirk3d.synthesis.expression_templates import template_bank, template_weights


def main() -> None:
    head = load_head()
    with torch.no_grad():
        vertices = head(template_bank(head)).vertices
    view = View(width=150, height=170, fill=0.98)
    sheet = contact_sheet(
        [clay(head, face, view) for face in vertices], 11, list(template_weights())
    )
    path = Path(sys.argv[1])
    Image.fromarray(sheet).quantize(96, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    main()

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
from smirk3d.rendering.folds import face_slopes
from smirk3d.synthesis.expression_templates import template_bank, template_weights


def main() -> None:
    head = load_head()
    faces = template_bank(head)
    with torch.no_grad():
        vertices = head(faces).vertices
    view = View(width=150, height=170, fill=0.98)
    drawn = [
        clay(head, vertices[row], view, slopes=face_slopes(head, faces[row]))
        for row in range(len(vertices))
    ]
    sheet = Image.fromarray(contact_sheet(drawn, 11, list(template_weights())))
    path = Path(sys.argv[1])
    # the default method merges the few pixels of lips and tongues into the skin's colours
    few = sheet.quantize(160, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    main()

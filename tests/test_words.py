"""Names, docstrings, messages and pages use the field's terms; docs/glossary.md explains them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PRIVATE = {
    "spread(s), in_spreads": (r"spreads?|in_spreads", "standard deviation, std, standardized"),
    "amount, amount_unit": (r"amounts?|amount_unit", "weight in [0, 1], coefficient"),
    "wished": (r"wished", "target"),
    "judges": (r"judges?|judge_\w+", "feature networks, perceptual losses"),
    "place channels": (r"place[ _]channels?", "spatial features"),
    "standardised features": (r"standardised( features?)?", "normalized"),
    "calm, shaken, lively": (r"calm|shaken|livel(y|iest)", "neutral, perturbed, expressive"),
    "descend, descent": (r"descen(d|ds|ding|t)", "optimize, gradient descent"),
    "tremble": (r"trembl\w+", "jitter"),
    "painter, painting": (r"painters?|paintings?", "neural renderer, rendered image, inpainter"),
    "studio": (r"studios?", "fixture, lighting"),
    "bench": (r"bench", "evaluation context"),
    "carried photos": (r"carried photos?|carriers?", "warped photos"),
    "foretold": (r"foret(old|ells?)", "predicted by the motion model"),
    "warm start": (r"warm[ _-]starts?", "initialization, pseudo-labels"),
    "survival": (r"survivals?", "retention of added actions"),
    "round trip": (r"round[ _-]?trips?", "re-detection consistency"),
    "share of": (r"shares? of", "fraction of"),
    "lids": (r"lids?", "eyelids"),
    "tell, tick": (r"(?<!\.)(?<!def )tells?\(|tick\(|on_fit", "progress callback"),
    "names taken back": (r"names? taken back|take a name back", "re-identification"),
    "known (parameters)": (r"known (faces|parameters|expressions|targets)", "ground truth"),
}
"""Private words, the pattern that finds them as whole words, and the standard term."""

KEPT = {("painter, painting", "src/smirk3d/assets/weight_files.py")}
"""A key in files of weights that were written before."""

SOURCES = [
    path
    for pattern in ("src/**/*.py", "src/**/*.html", "docs/**/*.md", "README.md", "examples/*.py")
    for path in sorted(ROOT.glob(pattern))
]

STORED = re.compile(
    r"lid_(?:id|eye|gap)|place_channels|\"standardised\"|\.output\.spread"
    r"|descending=True|def tell\(self\) -> int|file\.tell\("
)
"""Names that files written before hold, and names of others' functions: neither can be changed."""


def _found(pattern: str, text: str) -> list[str]:
    text = STORED.sub("", text)
    whole = re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])", re.IGNORECASE)
    return [match[0] for match in whole.finditer(text)]


@pytest.mark.parametrize("word", PRIVATE)
def test_no_private_word(word: str) -> None:
    pattern, standard = PRIVATE[word]
    found = {
        str(path.relative_to(ROOT)): hits
        for path in SOURCES
        if (word, path.relative_to(ROOT).as_posix()) not in KEPT
        and (hits := _found(pattern, path.read_text(encoding="utf-8")))
    }
    assert not found, f"say {standard}"


def test_private_words_are_found_within_names() -> None:
    assert _found(r"spreads?", "in_spreads = named_spread(x)  # not widespread") == [
        "spreads", "spread"
    ]  # fmt: skip

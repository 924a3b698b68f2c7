"""Hooks of MkDocs: pages that lie outside docs/, an API reference, and the links between them.

Links in the repository's texts are those that work where the files lie. In the site every page has
its path from the repository's root, without ``docs/``; a link to a module of the package leads to
its page of the reference. ``mkdocs.yml`` names this file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]

OUTSIDE = ("CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "THIRD_PARTY.md", "fuzz/README.md")
"""Pages and files outside of docs/, besides the README and results of benchmarks."""

EXAMPLES = "examples/index.md"
"""Page of the example scripts."""

_LINK = re.compile(r"(\]\()([^)#\s:]+)(#[^)\s]*)?\)")
_ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):<code>~?\.?([^<]+)</code>")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add examples, results of benchmarks and the reference to the navigation."""
    assert config.nav is not None
    results = [path.relative_to(ROOT).as_posix() for path in _results()]
    packages: dict[str, list[str]] = {}
    for module in _modules():
        packages.setdefault(".".join(module.split(".")[:2]), []).append(_reference(module))
    if _examples():
        config.nav.insert(1, {"Examples": EXAMPLES})
    config.nav.append({"Results": results})
    config.nav.append({"Reference": [{name: pages} for name, pages in packages.items()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that docs/ does not hold."""
    for name in ("README.md", *OUTSIDE, *(str(path.relative_to(ROOT)) for path in _results())):
        uri = "index.md" if name == "README.md" else name
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / name)))
    for path in (*ROOT.glob("benchmarks/*.py"), *ROOT.glob("scripts/*.py")):  # pages link to some
        name = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    if _examples():
        files.append(File.generated(config, EXAMPLES, content=_examples()))
    for module in _modules():
        text = f"---\ntitle: {module.removeprefix('smirk3d.')}\n---\n\n::: {module}\n"
        files.append(File.generated(config, _reference(module), content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links between files of the repository into links between pages."""
    uri = page.file.src_uri
    if uri.startswith("reference/"):
        return markdown
    return _LINK.sub(lambda link: _page_link(link, uri), markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Turn the references of docstrings into links, where the reference has what they name."""
    return _ROLE.sub(
        lambda role: (
            f'<autoref optional identifier="{role[1]}"><code>'
            f"{role[1].rsplit('.', 1)[-1]}</code></autoref>"
        ),
        html,
    )


def _page_link(link: re.Match[str], uri: str) -> str:
    opening, target, anchor = link[1], link[2], link[3] or ""
    at = posixpath.dirname(_source(uri))
    path = posixpath.normpath(posixpath.join(at, target))
    if path == "benchmarks/results":  # a folder has no page: its first one stands for it
        path = _results()[0].relative_to(ROOT).as_posix()
    if path == "examples":
        path = EXAMPLES
    if path.startswith("src/") and path.endswith(".py"):
        module = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__")
        page = _reference(module.replace("/", "."))
    else:
        page = "index.md" if path == "README.md" else path.removeprefix("docs/")
    return f"{opening}{posixpath.relpath(page, posixpath.dirname(uri) or '.')}{anchor})"


def _source(uri: str) -> str:
    """Return where a page lies in the repository."""
    if uri == "index.md":
        return "README.md"
    return uri if (ROOT / uri).is_file() else f"docs/{uri}"


def _results() -> list[Path]:
    return sorted((ROOT / "benchmarks" / "results").glob("*.md"))


def _examples() -> str:
    """Return the page of the example scripts, empty where there are none."""
    scripts = sorted((ROOT / "examples").glob("[0-9]*.py"))
    code = [
        f"## {script.name}\n\n```python\n{script.read_text(encoding='utf-8')}```\n"
        for script in scripts
    ]
    return "\n".join(["# Examples\n", *code]) if code else ""


def _modules() -> Iterator[str]:
    """Yield the dotted names of all public modules, packages before what they hold."""
    for path in sorted((ROOT / "src").glob("smirk3d/**/*.py")):
        parts = path.relative_to(ROOT / "src").with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") for part in parts):
            yield ".".join(parts)


def _reference(module: str) -> str:
    return f"reference/{module}.md"

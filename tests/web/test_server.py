"""``smirk3d web``: the built page, its headers, and nothing else of the disk."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.assets.installed import shipped_files
from smirk3d.cli.main import main
from smirk3d.web_page import server as web_server


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page that takes its head from the package, where the package has its page."""
    monkeypatch.setattr(web_server, "__file__", str(tmp_path / "package" / "server.py"))
    folder = tmp_path / "package" / "built"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>page</title>", encoding="utf-8")
    about = {"head": DEFAULT_HEAD, "weights": DEFAULT_HEAD, "weights_sha256": ""}
    (folder / "assets" / "about.json").write_text(json.dumps(about), encoding="utf-8")
    (folder / "assets" / "encoder.onnx.gz").write_bytes(b"file")
    (tmp_path / "package" / "secret.txt").write_text("secret", encoding="utf-8")
    return folder


@pytest.fixture
def address(built: Path) -> Iterator[str]:
    with web_server.page_server("127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_the_page_has_its_headers(address: str) -> None:
    with urllib.request.urlopen(address, timeout=30) as answer:
        assert b"<title>page</title>" in answer.read()
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    with urllib.request.urlopen(address + "assets/encoder.onnx.gz", timeout=30) as answer:
        assert answer.read() == b"file"


def test_what_the_page_lacks_comes_from_the_package(address: str, built: Path) -> None:
    with urllib.request.urlopen(address + "assets/head.npz.gz", timeout=30) as answer:
        assert answer.read() == shipped_files("heads")[DEFAULT_HEAD].read_bytes()
        assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    (built / "assets" / "encoder.onnx.gz").unlink()
    encoder = shipped_files("weights")[DEFAULT_HEAD].with_suffix(".onnx")
    assert web_server.package_files(built)["assets/encoder.onnx.gz"] == encoder


@pytest.mark.parametrize("path", ["assets/", "../secret.txt", "%2e%2e/secret.txt", "absent.js"])
def test_nothing_else_is_given(address: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address + path, timeout=30)
    assert refused.value.code == 404


def test_a_page_that_is_not_built_is_said(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (built / "index.html").unlink()
    assert main(["web", "--port", "0"]) == 3
    said = capsys.readouterr().err
    assert "index.html" in said
    assert "make web" in said


@pytest.mark.parametrize("about", ["{", '{"head": "other", "weights": "other"}', '{"head": 1}'])
def test_a_page_of_another_head_is_said(
    built: Path, about: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (built / "assets" / "about.json").write_text(about, encoding="utf-8")
    assert main(["web", "--port", "0"]) == 3
    said = capsys.readouterr().err
    assert str(built / "assets") in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["--port", "70000"], 2, "--port must lie between 0 and 65535"),
        (["--host", "203.0.113.7"], 3, "--host 203.0.113.7 --port 8081: cannot listen there"),
    ],
)
def test_wrong_addresses_are_said(
    built: Path, arguments: list[str], code: int, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["web", *arguments]) == code
    assert reason in capsys.readouterr().err


def test_a_taken_port_is_said(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with web_server.page_server("127.0.0.1", 0) as server:
        port = str(server.server_address[1])
        assert main(["web", "--port", port]) == 3
    assert f"--port {port}: cannot listen there" in capsys.readouterr().err

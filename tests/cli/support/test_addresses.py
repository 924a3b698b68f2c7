"""The address that commands with a server print."""

from __future__ import annotations

import pytest

from smirk3d.cli.support.terminal import say_address


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://127.0.0.1:8080"),
        ("::1", "http://[::1]:8080"),
        ("example.org", "http://example.org:8080"),
    ],
)
def test_a_server_says_where_a_browser_finds_it(
    host: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say_address(host, 8080)
    assert capsys.readouterr().out == f"{shown}   Ctrl-C ends it\n"

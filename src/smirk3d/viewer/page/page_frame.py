"""Additions to viser's page: title, notices beside the face, a first hint, a limit for uploads."""

from __future__ import annotations

import json
from typing import Any

from smirk3d.assets.optional import require
from smirk3d.viewer.server.trouble import Trouble

NAME = "smirk3d"

_STYLE = """
.mantine-Notifications-root { top: auto !important; bottom: 1em !important; }
.mantine-Notification-root { font-size: 0.85em; }
@media (max-width: 640px) {
  .mantine-Notifications-root { top: 0.5em !important; bottom: auto !important; }
  .mantine-Notification-root:not([data-with-icon]) .mantine-Notification-description
    { display: none; }
}
.smirk3d-bubble { position: fixed; z-index: 50; transform: translateX(-50%);
  width: max-content; padding: 0.5em 0.9em; border-radius: 0.5em; color: #f1f3f5;
  background: rgba(20, 20, 20, 0.85); font: 0.9em sans-serif; pointer-events: none; }
"""

_SCRIPT = """
const said = SAID;
document.title = said.title;
const page = window.smirk3d ??= {};
page.bubble ??= (text, role) => {
  const canvas = document.querySelector('canvas[data-engine]');
  if (!canvas) { setTimeout(() => page.bubble(text, role), 200); return; }
  const box = canvas.getBoundingClientRect(), bubble = document.createElement('div');
  bubble.className = 'smirk3d-bubble';
  bubble.setAttribute('role', role);
  bubble.textContent = text;
  bubble.style.left = box.left + box.width / 2 + 'px';
  bubble.style.top = (innerWidth > 640 ? 1 : 5) + 'em';
  bubble.style.maxWidth = 'calc(' + box.width + 'px - 2em)';
  document.body.append(bubble);
  const away = () => { bubble.remove(); canvas.removeEventListener('pointermove', dragged); };
  const dragged = event => { if (event.buttons) away(); };
  if (role === 'note') canvas.addEventListener('pointermove', dragged);
  setTimeout(away, 8000);
};
if (!page.framed) {
  page.framed = true;
  const style = document.createElement('style');
  style.textContent = said.style;
  document.head.append(style);
  addEventListener('change', event => {
    const input = event.target, file = input.files && input.files[0];
    if (!file || file.size <= said.largest) return;
    event.stopImmediatePropagation();
    input.value = '';
    const limit = Math.floor(said.largest / 2 ** 20);
    page.bubble(file.name + ': larger than ' + limit + ' MB: reduce it first', 'alert');
  }, true);
  setTimeout(() => document.querySelectorAll('.mantine-Notification-root').forEach(notice => {
    if (/software/i.test(notice.textContent)) notice.querySelector('button')?.click();
  }), 8000);
}
if (said.hint && !page.hinted) {
  page.hinted = true;
  page.bubble(said.hint, 'note');
}
"""


class PageFrame:
    """Gives each page its title, and a hint when the first face is shown there."""

    def __init__(self, server: Any, trouble: Trouble, largest_upload: int) -> None:
        """Watch the pages of a server.

        Args:
            server: viser's.
            trouble: reports errors.
            largest_upload: bytes; a page sends no larger file.
        """
        self._server = server
        self._largest = largest_upload
        self._title = NAME
        self._hint = ""
        self._message = require("viser._messages", extra="viewer").RunJavascriptMessage
        server.on_client_connect(trouble.guard("page", self._greet))

    def show(self, name: str, hint: str) -> None:
        """Set the title of the pages, and show a hint once on each.

        Args:
            name: name of the subjects; any text.
            hint: one sentence, gone after the first drag or eight seconds.
        """
        self._title, self._hint = f"{NAME} \N{EM DASH} {name}", hint
        for client in self._server.get_clients().values():
            self._send(client)

    async def _greet(self, client: Any) -> None:
        self._send(client)

    def _send(self, client: Any) -> None:
        said = json.dumps(
            {
                "title": self._title,
                "hint": self._hint,
                "style": _STYLE,
                "largest": self._largest,
            }
        )
        client.gui._websock_interface.queue_message(self._message(_SCRIPT.replace("SAID", said, 1)))

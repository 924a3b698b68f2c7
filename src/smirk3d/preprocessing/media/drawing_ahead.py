"""Items that a thread of their own makes before they are asked for."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import Any, TypeVar

_Item = TypeVar("_Item")


def drawn_ahead(items: Iterator[_Item], count: int) -> Iterator[_Item]:
    """Yield what another thread draws from an iterator.

    The thread ends before this generator does.

    Args:
        items: none of them None. Its errors are raised here.
        count: how many items may wait to be asked for.
    """
    ready: queue.Queue[Any] = queue.Queue(count)
    stop = threading.Event()

    def put(item: Any) -> bool:
        while not stop.is_set():
            with contextlib.suppress(queue.Full):
                ready.put(item, timeout=0.1)
                return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(None)
        except BaseException as error:  # every error belongs to the reading thread
            put(error)

    thread = threading.Thread(target=work, name="drawing ahead", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()

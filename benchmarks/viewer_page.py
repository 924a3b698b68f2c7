"""A page that only counts what the viewer sends it: ``viewer_page.py PORT PROTOCOL SECONDS``."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time

import websockets.asyncio.client


async def count(port: int, protocol: str, seconds: float) -> None:
    """Read for some seconds; print each second's number, bytes and windows."""
    async with websockets.asyncio.client.connect(
        f"ws://127.0.0.1:{port}", subprotocols=[protocol], max_size=None
    ) as connection:
        await connection.recv()
        print("reading", flush=True)
        start, counts = time.perf_counter(), {}
        with contextlib.suppress(TimeoutError):
            while (now := time.perf_counter() - start) < seconds:
                data = await asyncio.wait_for(connection.recv(), seconds - now)
                second = int(time.perf_counter() - start)
                size, windows = counts.get(second, (0, 0))
                counts[second] = (size + len(data), windows + 1)
        for second in sorted(counts):
            print(second, *counts[second])


if __name__ == "__main__":
    asyncio.run(count(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))

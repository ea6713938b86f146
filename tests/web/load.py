"""A thousand browsers at once, and somebody who asks meanwhile whether the server still answers.

``python tests/web/load.py ADDRESS [PATH ...] [--clients 1000] [--seconds 60] [--pid SERVER]`` takes the address that
``latens serve`` printed. A client keeps its connection, asks one thing after the other, and after a 503 waits for as
long as it was told to. What is printed is one JSON object, times in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

PATHS = ("/api/search?text=1&limit=200",)
PATIENCE = 30.0


@dataclass
class Load:
    """What a thousand clients saw; times in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    broken: Counter[str] = field(default_factory=Counter)
    health_p99: float = 0.0
    health_worst: float = 0.0
    health_asked: int = 0
    growth: int | None = None

    def wait(self, share: float) -> float:
        """The time under which this share of the answers with status 200 came."""
        ordered = sorted(self.waits)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("inf")

    def facts(self) -> dict[str, object]:
        times = {"p50": self.wait(0.5), "p99": self.wait(0.99), "worst": self.wait(1.0)}
        health = {"health_p99": self.health_p99, "health_worst": self.health_worst}
        return {
            "requests": self.statuses.total(),
            "statuses": dict(sorted(self.statuses.items())),
            "broken": dict(self.broken),
            **{name: round(1000 * value, 1) for name, value in (times | health).items()},
            "health_asked": self.health_asked,
            "growth_MB": None if self.growth is None else round(self.growth / 1e6, 1),
        }


def open_session(address: str) -> tuple[int, str]:
    """The port and the cookie that an address with its token gives."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=PATIENCE)
    connection.request("GET", f"/?{parts.query}")
    answer = connection.getresponse()
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    connection.close()
    if answer.status != 303 or not cookie or parts.port is None:
        raise SystemExit(f"{answer.status}: the address opens no session; take a new one")
    return parts.port, cookie


async def _answer(reader: asyncio.StreamReader) -> tuple[int, float]:
    """A status, and the seconds to wait before the next request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if length is not None:
        await reader.readexactly(int(length[1]))
    else:
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    again = re.search(rb"(?i)\r\nretry-after: *(\d+)", head)
    return int(head.split(b" ", 2)[1]), float(again[1]) if again else 0.0


async def _client(number: int, port: int, head: bytes, paths: Sequence[str], end: float, load: Load) -> None:
    """Ask until the end, over a connection that is made anew only if it breaks."""
    chance = random.Random(number)
    writer = None
    while time.monotonic() < end:
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            begin = time.monotonic()
            writer.write(b"GET %s HTTP/1.1\r\n%s\r\n" % (chance.choice(paths).encode(), head))
            status, pause = await asyncio.wait_for(_answer(reader), PATIENCE)
        except (OSError, EOFError, TimeoutError) as error:
            load.broken[type(error).__name__] += 1
            writer, pause = None, 0.1
        else:
            load.statuses[status] += 1
            if status == 200:
                load.waits.append(time.monotonic() - begin)
        await asyncio.sleep(pause * chance.uniform(1.0, 2.0))
    if writer is not None:
        writer.close()


async def _clients(clients: int, port: int, cookie: str, paths: Sequence[str], end: float, load: Load) -> None:
    head = f"Host: 127.0.0.1:{port}\r\nCookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n".encode()
    await asyncio.gather(*(_client(number, port, head, paths, end, load) for number in range(clients)))


def watch_health(port: int, seconds: float) -> list[float]:
    """How long ``/health`` takes, asked twenty times a second."""
    waits, end = [], time.monotonic() + seconds
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    while time.monotonic() < end:
        begin = time.perf_counter()
        connection.request("GET", "/health")
        assert connection.getresponse().read() == b'{"status": "ok"}'
        waits.append(time.perf_counter() - begin)
        time.sleep(0.05)
    return sorted(waits)


def memory(pid: int) -> int:
    """What a process has in memory, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def run(
    address: str,
    paths: Sequence[str] = PATHS,
    clients: int = 1000,
    seconds: float = 60,
    pid: int | None = None,
) -> Load:
    """Load a server.

    Args:
        address: With the token in it.
        paths: That are asked for.
        clients: At once.
        seconds: Of asking.
        pid: Of the server, if its memory is to be watched.
    """
    port, cookie = open_session(address)
    load = Load()
    # A second of everything before the memory is measured: code is loaded and buffers grow once.
    asyncio.run(_clients(clients, port, cookie, paths, time.monotonic() + min(3.0, seconds / 4), Load()))
    before = None if pid is None else memory(pid)
    watcher = subprocess.Popen(
        [sys.executable, __file__, "--health", str(port), "--seconds", str(seconds)], stdout=subprocess.PIPE
    )
    asyncio.run(_clients(clients, port, cookie, paths, time.monotonic() + seconds, load))
    health = json.loads(watcher.communicate()[0])
    load.health_asked, load.health_p99, load.health_worst = len(health), health[int(0.99 * len(health))], health[-1]
    load.growth = None if before is None or pid is None else memory(pid) - before
    return load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", nargs="?")
    parser.add_argument("paths", nargs="*", default=PATHS)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pid", type=int)
    parser.add_argument("--health", type=int, metavar="PORT", help="only watch /health")
    given = parser.parse_args()
    if given.health:
        print(json.dumps(watch_health(given.health, given.seconds)))
        return
    print(json.dumps(run(given.address, given.paths, given.clients, given.seconds, given.pid).facts()))


if __name__ == "__main__":
    main()

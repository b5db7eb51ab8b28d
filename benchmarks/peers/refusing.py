"""A receiver that refuses each order's first two calls, which nginx cannot.

`python -m benchmarks.peers.refusing PORT LOG`; a line of the log is `EPOCH ID 1`, 0 for a refusal.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import BinaryIO, cast

import uvloop

from benchmarks.peers.programs.job import DELAYS_S, RECEIVERS

# A 4xx: the receiver is well, and only this call was refused.
REFUSED = b'{"errcode":-1,"errmsg":"system busy"}'
HEARD = b'{"errcode":0,"errmsg":"ok","msgid":1}'
END_OF_HEAD = b"\r\n\r\n"
ID = re.compile(rb"\r\nwebhook-id: *([^\r]*)", re.IGNORECASE)
LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class Caller(asyncio.Protocol):
    def __init__(self, calls: Counter[bytes], log: BinaryIO) -> None:
        self._calls = calls
        self._log = log
        self._rest = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while (end := self._rest.find(END_OF_HEAD)) >= 0:
            head = self._rest[:end]
            length = LENGTH.search(head)
            whole = end + len(END_OF_HEAD) + (int(length[1]) if length else 0)
            if len(self._rest) < whole:
                return
            self._rest = self._rest[whole:]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        found = ID.search(head)
        id_ = found[1] if found else b"-"
        self._calls[id_] += 1
        is_heard = self._calls[id_] > len(DELAYS_S)
        self._log.write(b"%.6f %s %d\n" % (time.time(), id_, is_heard))
        status, body = (b"200 OK", HEARD) if is_heard else (b"400 Bad Request", REFUSED)
        self._transport.write(
            b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (status, len(body), body)
        )


async def serve(port: int, path: Path) -> None:
    calls: Counter[bytes] = Counter()
    hosts = [f"127.0.0.{number}" for number in range(1, RECEIVERS + 1)]
    with path.open("wb") as log:
        loop = asyncio.get_running_loop()
        await loop.create_server(lambda: Caller(calls, log), hosts, port, backlog=1000)
        while True:
            await asyncio.sleep(0.2)
            log.flush()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2])))

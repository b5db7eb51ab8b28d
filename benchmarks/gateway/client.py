"""A client that costs little, so that the processors are the gateway's and the servers'."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter

from notifier.errors import NotifierError


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """latencies_s: of each request, from its first byte to the answer's last."""

    took_s: float
    latencies_s: list[float] = field(repr=False)


async def ask(port: int, requests: list[bytes], *, connections: int) -> Answers:
    """Each connection sends one after the other; all of them must be answered with 201."""
    rest, latencies = iter(requests), list[float]()
    began = perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_connection(port, rest, latencies))
    return Answers(took_s=perf_counter() - began, latencies_s=latencies)


async def _connection(port: int, rest: Iterator[bytes], latencies: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in rest:
        began = perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        latencies.append(perf_counter() - began)
        if not head.startswith(b"HTTP/1.1 201"):
            raise NotifierError(f"not accepted: {head.split(b' ', 2)[1].decode()} {body[:300]!r}")
    writer.close()


def _length(head: bytes) -> int:
    at = head.lower().index(b"content-length:") + 15
    return int(head[at : head.index(b"\r\n", at)])


def request_of(path: str, key: str, body: bytes) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body

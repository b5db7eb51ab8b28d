"""python -m benchmarks.client: the processor's time for one POST, by client, side by side.

A receiver of its own on loopback answers as nginx does; rounds of all clients take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import cycle, islice
from statistics import quantiles
from typing import TextIO, cast

import aiohttp
import uvloop
from yarl import URL

from notifier.channels.egress import Egress, EgressOptions

RECEIVERS, AT_ONCE, WARM_UP = 32, 64, 500
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
BODY = b'{"type":"order.assigned","timestamp":"2026-11-21T22:00:00.000Z","data":{"order_no":"1"}}'
FIELDS = {
    "webhook-id": "0192f3a0-7c3e-7aaa-8bbb-123456789abc",
    "webhook-timestamp": "1763764000",
    "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    "Accept": "*/*",
}
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 21 Nov 2026 22:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: 37\r\nConnection: keep-alive\r\n\r\n"
    b'{"errcode":0,"errmsg":"ok","msgid":1}'
)
Post = Callable[[URL], Awaitable[int]]


class Receiver(asyncio.Protocol):
    """A small request comes in one piece on loopback."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Receiver, "0.0.0.0", 0)  # noqa: S104
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def serving() -> Iterator[list[URL]]:
    """The URLs of one receiver on many addresses of loopback."""
    command = [sys.executable, "-m", "benchmarks.client", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        port = int(cast(TextIO, process.stdout).readline())
        try:
            yield [URL(f"http://127.0.0.{each + 1}:{port}/hook") for each in range(RECEIVERS)]
        finally:
            process.terminate()


@asynccontextmanager
async def of_egress() -> AsyncIterator[Post]:
    egress = Egress(EgressOptions(connections=0, allow=(LOOPBACK,)))

    async def post(url: URL) -> int:
        return (await egress.post_json(url, BODY, headers=FIELDS)).status

    try:
        yield post
    finally:
        await egress.close()


@asynccontextmanager
async def of_aiohttp() -> AsyncIterator[Post]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:

        async def post(url: URL) -> int:
            async with session.post(url, data=BODY, headers=FIELDS) as response:
                await response.read()
                return response.status

        yield post


async def spent_us(post: Post, urls: list[URL], count: int) -> float:
    """Microseconds of this process for each of so many requests."""
    turns = islice(cycle(urls), count)

    async def work() -> None:
        for url in turns:
            if await post(url) != 200:
                sys.exit("the receiver did not answer as it does")

    began_s = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return (time.process_time() - began_s) / count * 1e6


async def measure(urls: list[URL], *, rounds: int, requests: int) -> None:
    async with of_egress() as ours, of_aiohttp() as theirs:
        posts = {"egress": ours, "aiohttp": theirs}
        found: dict[str, list[float]] = {name: [] for name in posts}
        for post in posts.values():
            await spent_us(post, urls, WARM_UP)
        for _ in range(rounds):
            for name, post in posts.items():
                found[name].append(await spent_us(post, urls, requests))
    for name, each in found.items():
        low, middle, high = quantiles(each, n=4)
        print(f"{name:8} {middle:6.1f} us a request (quartiles {low:.1f} and {high:.1f})")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, metavar="N")
    parser.add_argument("--requests", type=int, default=1000, metavar="N", help="of a round")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        uvloop.run(serve())
        return
    with serving() as urls:
        uvloop.run(measure(urls, rounds=options.rounds, requests=options.requests))


if __name__ == "__main__":
    main()

"""The outbound client against servers and names that mean no good."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from yarl import URL

from notifier.channels.addresses import AddressBlocked, Network
from notifier.channels.egress import Egress, EgressFailed, EgressOptions
from notifier.channels.http.answer import LARGEST_BODY, LARGEST_HEAD
from notifier.channels.http.dialling import check_peer
from tests.channels.hostile import (
    HEAD,
    ScriptedResolver,
    Talk,
    answering,
    endless,
    listening,
    saying,
)

PUBLIC: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.1/32"),)
"""In these tests 127.0.0.1 stands for the world, and 127.0.0.2 for the inner network."""
TIMEOUT_S = 1.0


@asynccontextmanager
async def egress_asking(resolver: ScriptedResolver | None = None) -> AsyncIterator[Egress]:
    options = EgressOptions(
        allow=PUBLIC,
        timeout=timedelta(seconds=TIMEOUT_S),
        resolver=lambda: resolver or ScriptedResolver(["127.0.0.1"]),
    )
    egress = Egress(options)
    try:
        yield egress
    finally:
        await egress.close()


@dataclass(frozen=True)
class Hostile:
    """What a server does, and what is left of it: status and cut body, or a failure."""

    talk: Talk
    status: int = 200
    cut: str = ""
    failure: str = ""


def lines(count: int, length: int) -> bytes:
    return b"".join(b"X-%05d: %s\r\n" % (i, b"a" * length) for i in range(count))


SERVERS = {
    "endless body": Hostile(endless(HEAD + b"\r\n", b"x" * 65536), cut="too_large"),
    "endless chunks": Hostile(
        endless(
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"
        ),
        cut="too_large",
    ),
    "a giant announced": Hostile(
        endless(HEAD + b"Content-Length: 1099511627776\r\n\r\n", b"x" * 4096), cut="too_large"
    ),
    "a compressed bomb": Hostile(
        saying(
            HEAD, b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"0" * 10_000_000), close=True
        )
    ),
    "a body that drips": Hostile(endless(HEAD + b"\r\n", b"x", pause_s=0.05), cut="timeout"),
    "chunks that drip": Hostile(
        endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", pause_s=0.05),
        cut="timeout",
    ),
    "a body that stops": Hostile(
        saying(HEAD, b"Content-Length: 10\r\n\r\nabc", close=True), cut="garbled"
    ),
    "a bad chunk": Hostile(
        saying(HEAD, b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", close=True), cut="garbled"
    ),
    "headers that drip": Hostile(endless(HEAD, b"X: y\r\n", pause_s=0.05), failure="timeout"),
    "a status that drips": Hostile(
        endless(b"HTTP/1.1 200 ", b"O", pause_s=0.05), failure="timeout"
    ),
    "endless interim answers": Hostile(
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause_s=0.01), failure="timeout"
    ),
    "endless headers": Hostile(endless(HEAD, lines(100, 100)), failure="garbled"),
    "many headers": Hostile(saying(HEAD, lines(70, 10), b"\r\n", close=True), failure="garbled"),
    "headers beyond 16 KiB": Hostile(
        saying(HEAD, lines(5, LARGEST_HEAD // 5), b"\r\n", close=True), failure="too_large"
    ),
    "one giant header": Hostile(
        saying(HEAD, lines(1, 100_000), b"\r\n", close=True), failure="garbled"
    ),
    "a giant status line": Hostile(
        saying(b"HTTP/1.1 200 " + b"O" * 100_000 + b"\r\n\r\n", close=True), failure="garbled"
    ),
    "silence": Hostile(endless(b"", b"", pause_s=0.05), failure="timeout"),
    "a hang-up": Hostile(saying(close=True), failure="reset"),
    "another protocol": Hostile(saying(b"SSH-2.0-OpenSSH_9.2\r\n", close=True), failure="garbled"),
    "two lengths": Hostile(
        saying(HEAD, b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", close=True),
        failure="garbled",
    ),
    "a negative length": Hostile(
        saying(HEAD, b"Content-Length: -1\r\n\r\nab", close=True), failure="garbled"
    ),
    "status 99999": Hostile(saying(b"HTTP/1.1 99999 No\r\n\r\n", close=True), failure="garbled"),
    "a redirect to the metadata": Hostile(
        saying(
            b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\n"
            b"Location: http://169.254.169.254/latest/meta-data/\r\n\r\n",
            close=True,
        ),
        status=302,
    ),
    "a protocol switch": Hostile(
        saying(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", close=True),
        status=101,
    ),
}


@pytest.mark.parametrize("name", SERVERS)
async def test_a_hostile_server_gets_no_more_than_its_share(name: str) -> None:
    server = SERVERS[name]
    resolver = ScriptedResolver(["127.0.0.1"])
    async with listening(server.talk) as listener, egress_asking(resolver) as out:
        began = time.monotonic()
        try:
            answer = await out.post_json(URL(f"http://a.com:{listener.port}/"), b"{}")
        except EgressFailed as failure:
            found = Hostile(server.talk, failure=failure.code if failure.perhaps_sent else "?")
        else:
            found = Hostile(server.talk, status=answer.status, cut=answer.cut)
            assert len(answer.body) <= LARGEST_BODY
        took_s = time.monotonic() - began

    assert found == server
    assert took_s < TIMEOUT_S + 0.5
    assert listener.connections == 1
    assert resolver.questions == ["a.com"]


async def test_what_is_compressed_stays_so() -> None:
    bomb = gzip.compress(b"0" * 1_000_000)
    async with (
        listening(answering(bomb, b"Content-Encoding: gzip")) as server,
        egress_asking() as out,
    ):
        answer = await out.post_json(URL(f"http://a.com:{server.port}/"), b"{}")

    assert answer.body == bomb


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.2"],
        ["10.0.0.1", "127.0.0.2"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.2", "::ffff:7f00:2"],
        ["64:ff9b::7f00:2", "2002:7f00:2::1", "fe80::1%1", "fd00:ec2::254"],
        ["0.0.0.0", "::"],
        [],
    ],
)
async def test_a_name_that_leads_inside_is_blocked(addresses: Sequence[str]) -> None:
    resolver = ScriptedResolver(addresses)
    async with listening(answering(b""), "127.0.0.2") as inner, egress_asking(resolver) as out:
        with pytest.raises(EgressFailed) as caught:
            await out.post_json(URL(f"http://a.com:{inner.port}/"), b"{}")

    assert (caught.value.code, caught.value.perhaps_sent) == ("blocked", False)
    assert inner.connections == 0


async def test_of_several_addresses_only_the_public_ones_are_dialled() -> None:
    resolver = ScriptedResolver(["127.0.0.2", "10.0.0.1", "127.0.0.1", "::1"])
    async with (
        listening(answering(b"world")) as world,
        listening(answering(b"inside"), "127.0.0.2", world.port) as inner,
        egress_asking(resolver) as out,
    ):
        answer = await out.post_json(URL(f"http://a.com:{world.port}/"), b"{}")

    assert answer.body == b"world"
    assert inner.connections == 0


async def test_a_name_that_turns_inside_after_the_check_gains_nothing() -> None:
    """The address that was checked is the one that is dialled: nobody asks a second time."""
    resolver = ScriptedResolver(["127.0.0.1"], ["127.0.0.2"])
    async with (
        listening(answering(b"world", b"Connection: close")) as world,
        listening(answering(b"inside"), "127.0.0.2", world.port) as inner,
    ):
        url = URL(f"http://a.com:{world.port}/")
        async with egress_asking(resolver) as out:
            first = await out.post_json(url, b"{}")
        async with egress_asking(resolver) as out:
            with pytest.raises(EgressFailed, match="blocked"):
                await out.post_json(url, b"{}")

    assert first.body == b"world"
    assert resolver.questions == ["a.com", "a.com"]
    assert (world.connections, inner.connections) == (1, 0)


@pytest.mark.parametrize(
    ("allow", "hosts", "is_blocked"),
    [((), frozenset(), True), (PUBLIC, frozenset(), False), ((), frozenset({"a.com"}), False)],
)
async def test_the_peer_is_looked_at_once_more_before_the_first_byte(
    allow: tuple[Network, ...], hosts: frozenset[str], is_blocked: bool
) -> None:
    async with listening(answering(b"")) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as connected:
            if is_blocked:
                with pytest.raises(AddressBlocked):
                    check_peer(connected, "a.com", allow, hosts)
            else:
                check_peer(connected, "a.com", allow, hosts)


def test_a_peer_that_nobody_knows_is_blocked() -> None:
    with socket.socket() as unconnected, pytest.raises(AddressBlocked):
        check_peer(unconnected, "a.com", PUBLIC, frozenset())


async def test_a_name_that_the_operator_allows_leads_where_it_leads() -> None:
    options = EgressOptions(
        hosts=frozenset({"orders"}), resolver=lambda: ScriptedResolver(["127.0.0.2"])
    )
    async with listening(answering(b"inside"), "127.0.0.2") as inner:
        egress = Egress(options)
        answer = await egress.post_json(URL(f"http://orders:{inner.port}/"), b"{}")
        with pytest.raises(EgressFailed, match="blocked"):
            await egress.post_json(URL(f"http://others.com:{inner.port}/"), b"{}")
        await egress.close()

    assert answer.body == b"inside"


async def test_two_tenants_of_one_host_share_no_connection() -> None:
    async with listening(answering(b"")) as server, egress_asking() as out:
        for tenant in ("a", "b", "", "a", "b", ""):
            await out.post_json(URL(f"http://a.com:{server.port}/"), b"{}", tenant=tenant)

    first, second, nobodys, *again = server.peers
    assert [first, second, nobodys] == again
    assert len(set(again)) == 3


async def test_the_headers_that_matter_are_kept_and_short() -> None:
    headers = (b"Retry-After: 120", b"Content-Type: " + b"t" * 1000, b"X-Other: secret")
    async with listening(answering(b"", *headers)) as server, egress_asking() as out:
        answer = await out.post_json(URL(f"http://a.com:{server.port}/"), b"{}")

    assert answer.headers == {"Retry-After": "120", "Content-Type": "t" * 256}


async def test_the_headers_of_a_request_replace_the_usual_ones() -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, egress_asking() as out:
        url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        answer = await out.post_json(url, b"{}", headers={"webhook-id": "7", "Accept": "*/*"})

    assert answer.status == 204
    assert b"webhook-id: 7\r\n" in seen[0]
    assert b"Accept: */*\r\n" in seen[0]

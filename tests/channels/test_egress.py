"""The outbound client: where it goes, what it refuses, what it reads."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from notifier import __version__
from notifier.channels.addresses import (
    ANYWHERE,
    AddressBlocked,
    GuardedResolver,
    Network,
    literal_address,
    may_reach,
)
from notifier.channels.egress import Egress, EgressFailed, EgressOptions
from notifier.channels.http.answer import LARGEST_BODY

LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"),)


@asynccontextmanager
async def egress_with(
    allow: tuple[Network, ...] = LOOPBACK, timeout_s: float = 5
) -> AsyncIterator[Egress]:
    egress = Egress(EgressOptions(allow=allow, timeout=timedelta(seconds=timeout_s)))
    try:
        yield egress
    finally:
        await egress.close()


@asynccontextmanager
async def serving(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[URL]:
    """A plain HTTP server that answers every POST so."""
    application = web.Application()
    application.router.add_post("/{any:.*}", answer)
    async with TestServer(application) as server:
        yield server.make_url("/hook")


@pytest.mark.parametrize(
    "text",
    [
        *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1"),
        *("100.64.0.1", "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16"),
        *("192.0.0.8", "192.0.0.9", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1"),
        *("198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1"),
        *("64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1"),
        *("5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1"),
    ],
)
def test_an_address_that_is_not_public_may_not_be_reached(text: str) -> None:
    assert not may_reach(text)
    assert may_reach(text, ANYWHERE)


@pytest.mark.parametrize(
    "text",
    ["1.1.1.1", "8.8.8.8", "172.32.0.1", "::ffff:8.8.8.8", "2606:4700::1111", "2400:3200::1"],
)
def test_a_public_address_may_be_reached(text: str) -> None:
    assert may_reach(text)


@pytest.mark.parametrize(
    ("host", "literal"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("example.org", None),
        ("127.1", None),
        ("2130706433", None),
    ],
)
def test_only_canonical_addresses_are_literals(host: str, literal: str | None) -> None:
    assert literal_address(host) == literal


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1"])
async def test_a_name_for_a_forbidden_address_resolves_to_nothing(host: str) -> None:
    with pytest.raises(AddressBlocked):
        await GuardedResolver(()).resolve(host, 443)

    assert await GuardedResolver(ANYWHERE).resolve(host, 443)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "169.254.169.254"]
)
async def test_a_forbidden_host_is_not_even_connected_to(host: str) -> None:
    connections = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    async with await asyncio.start_server(count, "127.0.0.1", 0) as server, egress_with(()) as out:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(EgressFailed) as caught:
            await out.post_json(URL(f"http://{host}:{port}/"), b"{}")

    assert not caught.value.perhaps_sent
    assert caught.value.code in {"blocked", "bad_url"}
    assert connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_not_followed(status: int) -> None:
    calls = []

    async def redirect(request: web.Request) -> web.Response:
        calls.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with serving(redirect) as url, egress_with() as out:
        answer = await out.post_json(url, b"{}")

    assert answer.status == status
    assert calls == ["/hook"]


async def test_no_cookie_is_kept_and_the_agent_gives_its_name() -> None:
    seen = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.copy())
        response = web.Response()
        response.set_cookie("session", "1")
        return response

    async with serving(answer) as url, egress_with() as out:
        for _ in range(2):
            await out.post_json(url, b"{}")

    assert all("Cookie" not in headers for headers in seen)
    assert seen[0]["User-Agent"] == f"notifier/{__version__}"
    assert seen[0]["Accept-Encoding"] == "identity"


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="direct")

    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serving(answer) as url, egress_with() as out:
        assert (await out.post_json(url, b"{}")).body == b"direct"


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_is_read_up_to_its_limit(is_chunked: bool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        size = int(await request.text())
        if not is_chunked:
            return web.Response(body=b"x" * size)
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b"x" * size)
        return response

    async with serving(answer) as url, egress_with() as out:
        largest = await out.post_json(url, str(LARGEST_BODY).encode())
        larger = await out.post_json(url, str(LARGEST_BODY + 1).encode())

    assert (len(largest.body), largest.cut) == (LARGEST_BODY, "")
    assert (len(larger.body), larger.cut) == (LARGEST_BODY, "too_large")


async def test_what_is_no_http_is_garbled() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server, egress_with() as out:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(EgressFailed) as caught:
            await out.post_json(URL(f"http://127.0.0.1:{port}/"), b"{}")

    assert (caught.value.code, caught.value.perhaps_sent) == ("garbled", True)


async def test_a_handshake_that_never_ends_certainly_sent_nothing() -> None:
    finished = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await finished.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server, egress_with(timeout_s=0.6) as out:
        port = server.sockets[0].getsockname()[1]
        began = time.monotonic()
        with pytest.raises(EgressFailed) as caught:
            await out.post_json(URL(f"https://127.0.0.1:{port}/"), b"{}")
        finished.set()

    assert time.monotonic() - began < 2
    assert (caught.value.code, caught.value.perhaps_sent) == ("connect_timeout", False)


async def test_a_name_that_does_not_exist_certainly_sent_nothing() -> None:
    async with egress_with() as out:
        with pytest.raises(EgressFailed) as caught:
            await out.post_json(URL("https://absent.invalid/"), b"{}")

    assert (caught.value.code, caught.value.perhaps_sent) == ("dns", False)


async def test_no_error_text_repeats_the_query() -> None:
    async with egress_with() as out:
        for url in (
            "https://absent.invalid/?access_token=planted",
            "https://127.0.0.1:1/?t=planted",
        ):
            with pytest.raises(EgressFailed) as caught:
                await out.post_json(URL(url), b"{}")
            assert "planted" not in str(caught.value)
            assert caught.value.__suppress_context__

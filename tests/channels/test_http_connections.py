"""When a connection is used again, when it is not, and who may use it."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from yarl import URL

from notifier.channels.addresses import Network
from notifier.channels.egress import Egress, EgressFailed, EgressOptions
from notifier.channels.http.connection import Lane
from notifier.channels.http.dialling import Dialler
from notifier.channels.http.names import Names
from notifier.channels.http.pool import Pool
from notifier.channels.lookup import Found
from tests.channels.hostile import ScriptedResolver, Talk, answering, listening, saying

LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.1/32"),)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def egress_with(**changes: Any) -> AsyncIterator[Egress]:
    usual: dict[str, Any] = {"allow": LOOPBACK, "timeout": timedelta(seconds=30)}
    egress = Egress(EgressOptions(**usual | changes))
    try:
        yield egress
    finally:
        await egress.close()


def url_of(port: int, path: str = "/") -> URL:
    return URL(f"http://127.0.0.1:{port}{path}")


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not is_so():
            await asyncio.sleep(0.005)


class Scripted:
    """One talk for each request, in order; the last one stays."""

    def __init__(self, *talks: Talk) -> None:
        self._talks = list(talks)
        self.writers: list[asyncio.StreamWriter] = []

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        await (self._talks.pop(0) if len(self._talks) > 1 else self._talks[0])(writer)


async def test_one_request_after_the_other_uses_one_connection_whatever_their_paths() -> None:
    async with listening(answering(b"ok")) as server, egress_with() as out:
        for path in ("/a", "/b", "/b?c=d", "/e"):
            assert (await out.post_json(url_of(server.port, path), b"{}")).body == b"ok"

    assert (server.connections, len(server.peers)) == (1, 4)


@pytest.mark.parametrize("rest", [b"\n", b"\r\n", b"x", ANSWER, b"HTTP/1.1 408 Too Slow\r\n\r\n"])
@pytest.mark.parametrize("is_at_once", [True, False])
async def test_what_is_left_in_a_connection_is_nobodys_answer(
    rest: bytes, is_at_once: bool
) -> None:
    parts = [saying(ANSWER + rest)] if is_at_once else [saying(ANSWER)]
    talk = Scripted(*parts, answering(b"mine"))
    async with listening(talk) as server, egress_with() as out:
        first = await out.post_json(url_of(server.port), b"{}")
        if not is_at_once:
            talk.writers[0].write(rest)
            await until(lambda: not talk.writers[0].transport.get_write_buffer_size())
        second = await out.post_json(url_of(server.port), b"{}")

    assert (first.body, second.body) == (b"ok", b"mine")
    assert len(set(server.peers)) == 2


async def test_a_connection_that_the_peer_has_closed_is_not_used_again() -> None:
    talk = Scripted(answering(b"ok"))
    async with listening(talk) as server, egress_with() as out:
        for _ in range(3):
            assert (await out.post_json(url_of(server.port), b"{}")).status == 200
            talk.writers[-1].transport.close()
            await talk.writers[-1].wait_closed()

    assert len(set(server.peers)) == 3


async def test_a_request_that_meets_a_closing_connection_is_not_sent_twice() -> None:
    """The receiver may have done what it was asked for: the ladder decides, not the client."""
    async with (
        listening(Scripted(answering(b"ok"), saying(close=True))) as server,
        egress_with() as out,
    ):
        await out.post_json(url_of(server.port), b"{}")
        with pytest.raises(EgressFailed) as caught:
            await out.post_json(url_of(server.port), b"{}")

    assert (caught.value.code, caught.value.perhaps_sent) == ("reset", True)
    assert len(server.peers) == 2
    assert server.connections == 1


async def _silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def swallowing() -> AsyncIterator[tuple[int, list[bytes], asyncio.Event]]:
    """Reads what comes and says nothing. Yields its port, what came, and whether a client left."""
    came: list[bytes] = []
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            came.append(data)
        left.set()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], came, left


async def test_who_gives_up_closes_the_connection_and_leaves_the_place_to_others() -> None:
    async with (
        swallowing() as (port, came, left),
        listening(answering(b"ok")) as server,
        egress_with(connections=1) as out,
    ):
        task = asyncio.create_task(out.post_json(url_of(port), b"{}"))
        await until(lambda: came)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(30):
            await left.wait()
        assert (await out.post_json(url_of(server.port), b"{}")).status == 200


async def test_a_request_that_nobody_answers_in_time_closes_the_connection() -> None:
    async with swallowing() as (port, came, left), egress_with() as out:
        with pytest.raises(EgressFailed) as caught:
            await out.post_json(url_of(port), b"{}", limit=timedelta(seconds=0.2))
        async with asyncio.timeout(30):
            await left.wait()

    assert (caught.value.code, caught.value.perhaps_sent) == ("timeout", True)
    assert len(came) == 1


async def _late(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.5)
    writer.write(ANSWER)


async def test_each_request_on_a_connection_has_its_own_time() -> None:
    long, short = timedelta(seconds=30), timedelta(seconds=0.25)
    talk = Scripted(answering(b"ok"), _late, answering(b"ok"), _silence)
    async with listening(talk) as server, egress_with() as out:
        for limit in (short, long, long):
            answer = await out.post_json(url_of(server.port), b"{}", limit=limit)
            assert answer.body == b"ok"
        with pytest.raises(EgressFailed) as caught:
            await out.post_json(url_of(server.port), b"{}", limit=short)

    assert (caught.value.code, caught.value.perhaps_sent) == ("timeout", True)
    assert server.connections == 1


async def test_of_one_too_many_nothing_is_sent() -> None:
    async with swallowing() as (port, came, _), egress_with(connections=1) as out:
        task = asyncio.create_task(out.post_json(url_of(port), b"{}"))
        await until(lambda: came)
        with pytest.raises(EgressFailed) as caught:
            await out.post_json(url_of(port), b"{}", limit=timedelta(seconds=0.2))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert (caught.value.code, caught.value.perhaps_sent) == ("connect_timeout", False)
    assert len(came) == 1


async def test_an_idle_connection_goes_after_its_time() -> None:
    talk = Scripted(answering(b"ok"))
    keep_alive = timedelta(seconds=0.1)
    async with listening(talk) as server, egress_with(keep_alive=keep_alive) as out:
        await out.post_json(url_of(server.port), b"{}")
        await until(talk.writers[0].transport.is_closing)
        await out.post_json(url_of(server.port), b"{}")

    assert len(set(server.peers)) == 2


async def test_when_too_many_are_idle_the_one_that_waited_longest_goes() -> None:
    async with listening(answering(b"ok")) as server:
        dialler = Dialler(
            ssl.create_default_context(),
            ScriptedResolver(["127.0.0.1"]),
            allow=LOOPBACK,
            hosts=frozenset(),
        )
        pool = Pool(keep_alive_s=60, most_idle=2)
        lanes = [Lane(False, "127.0.0.1", server.port, name) for name in ("a", "b", "c")]
        dialled = [await dialler.dial(lane, on_lost=pool.forget) for lane in lanes]
        for connection in dialled:
            pool.admit(connection)
            pool.keep(connection)

        assert pool.take(lanes[0]) is None
        assert [pool.take(lane) for lane in lanes[1:]] == dialled[1:]
        assert [connection.is_open for connection in dialled] == [False, True, True]
        pool.close()
        assert not any(connection.is_open for connection in dialled)


async def test_an_answer_before_the_request_was_read_ends_the_connection() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await left.wait()
        writer.transport.abort()

    left = asyncio.Event()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, egress_with() as out:
        url = url_of(server.sockets[0].getsockname()[1])
        for _ in range(2):
            assert (await out.post_json(url, b"x" * 16_000_000)).body == b"ok"
        left.set()

    assert connections == 2


async def test_who_speaks_before_it_is_asked_gets_no_request_or_no_second_one() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(ANSWER * 2)
        await reader.read(-1)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, egress_with() as out:
        url = url_of(server.sockets[0].getsockname()[1])
        for _ in range(20):
            try:
                answer = await out.post_json(url, b"{}")
            except EgressFailed as failure:
                assert failure.code == "reset"  # noqa: PT017 - either is right
            else:
                assert answer.body == b"ok"

    assert connections == 20


class CountingResolver:
    """Answers when it is allowed to."""

    def __init__(self) -> None:
        self.questions = 0
        self.may_answer = asyncio.Event()

    async def resolve(self, host: str, port: int) -> list[Found]:
        self.questions += 1
        await self.may_answer.wait()
        return await ScriptedResolver(["127.0.0.1"]).resolve(host, port)


async def test_many_who_ask_for_one_name_ask_once_and_none_takes_the_answer_from_others() -> None:
    resolver = CountingResolver()
    names = Names(resolver)
    tasks = [asyncio.create_task(names.resolve("a.com", 80)) for _ in range(100)]
    await until(lambda: resolver.questions)
    tasks[0].cancel()
    await asyncio.gather(tasks[0], return_exceptions=True)
    resolver.may_answer.set()

    found: Sequence[Sequence[Found]] = await asyncio.gather(*tasks[1:])
    assert {each[0].host for each in found} == {"127.0.0.1"}
    assert await names.resolve("a.com", 80)
    assert resolver.questions == 1
    await names.close()


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, Path]:
    ca = trustme.CA()
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return ca, path


@asynccontextmanager
async def listening_with_tls(ca: trustme.CA, name: str) -> AsyncIterator[tuple[int, list[int]]]:
    """Yields its port and the client's port of each request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)
    peers: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"{}") if not reader.at_eof() else b"":
            peers.append(writer.get_extra_info("peername")[1])
            writer.write(ANSWER)
        writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1], peers


async def test_an_encrypted_connection_is_used_again(authority: tuple[trustme.CA, Path]) -> None:
    ca, ca_file = authority
    async with (
        listening_with_tls(ca, "a.com") as (port, peers),
        egress_with(ca_file=ca_file, resolver=lambda: ScriptedResolver(["127.0.0.1"])) as out,
    ):
        for _ in range(3):
            assert (await out.post_json(URL(f"https://a.com:{port}/"), b"{}")).body == b"ok"

    assert len(peers) == 3
    assert len(set(peers)) == 1


@pytest.mark.parametrize(("name", "is_trusted"), [("b.com", True), ("a.com", False)])
async def test_a_certificate_of_another_name_or_authority_gets_no_request(
    name: str, is_trusted: bool, authority: tuple[trustme.CA, Path]
) -> None:
    ca, ca_file = authority
    async with (
        listening_with_tls(ca if is_trusted else trustme.CA(), name) as (port, peers),
        egress_with(ca_file=ca_file, resolver=lambda: ScriptedResolver(["127.0.0.1"])) as out,
    ):
        with pytest.raises(EgressFailed) as caught:
            await out.post_json(URL(f"https://a.com:{port}/"), b"{}")

    assert (caught.value.code, caught.value.perhaps_sent) == ("tls", False)
    assert not peers

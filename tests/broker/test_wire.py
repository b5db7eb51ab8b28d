"""What is read past aiormq: every frame reaches one of both, whole, however it arrives."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field

import aio_pika
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.common import FieldTable

from notifier.broker.connection import Link, Server, open_connection
from notifier.broker.consumer import Consumer
from notifier.broker.frames import BODY, END, HEAD, HEADER, HEARTBEAT, METHOD
from notifier.broker.topology import Topology
from notifier.broker.wire import Inflow
from tests.broker.messages import Inbox

OURS, THEIRS = 1, 2


@dataclass
class Mouth:
    """Takes all but methods."""

    eaten: list[bytes] = field(default_factory=list)

    def take(self, kind: int, data: bytes, start: int, end: int) -> bool:
        if kind == METHOD:
            return False
        self.eaten.append(data[start:end])
        return True


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return HEAD.pack(kind, channel, len(payload)) + payload + END


def inflow_to(reader: asyncio.StreamReader) -> tuple[Inflow, Mouth]:
    inflow, mouth = Inflow(reader), Mouth()
    inflow.takers[OURS] = mouth
    return inflow, mouth


async def left_in(reader: asyncio.StreamReader) -> bytes:
    reader.feed_eof()
    return await reader.read()


frames = st.lists(
    st.tuples(
        st.sampled_from([METHOD, HEADER, BODY]),
        st.sampled_from([OURS, THEIRS]),
        st.binary(max_size=40),
    ),
    min_size=1,
    max_size=12,
)


@given(frames=frames, cuts=st.lists(st.integers(min_value=0, max_value=600)))
def test_however_the_stream_is_cut_each_frame_goes_to_its_reader(
    frames: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    async def main() -> None:
        reader = asyncio.StreamReader()
        inflow, mouth = inflow_to(reader)
        stream = b"".join(frame(*each) for each in frames)
        edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
        for start, end in itertools.pairwise(edges):
            inflow.data_received(stream[start:end])
        ours = [each for each in frames if each[0] != METHOD and each[1] == OURS]
        theirs = b"".join(frame(*each) for each in frames if each not in ours)
        assert mouth.eaten == [payload for _, _, payload in ours]
        assert (await left_in(reader)).replace(HEARTBEAT, b"") == theirs

    asyncio.run(main())


async def test_what_is_no_amqp_is_left_to_the_library_that_says_so() -> None:
    reader = asyncio.StreamReader()
    inflow, _ = inflow_to(reader)
    for piece in (b"HT", b"TP/1.1 400 Bad Request\r\n", b"\r\n"):
        inflow.data_received(piece)
    assert await left_in(reader) == b"HTTP/1.1 400 Bad Request\r\n\r\n"


async def test_a_broker_that_sends_nothing_but_deliveries_counts_as_alive() -> None:
    """aiormq gives up a connection on which it has seen no frame for three heartbeats."""
    reader = asyncio.StreamReader()
    inflow, mouth = inflow_to(reader)
    for _ in range(100):
        inflow.data_received(frame(BODY, OURS, b"x"))
    assert len(mouth.eaten) == 100
    assert await left_in(reader) == HEARTBEAT


@pytest.mark.parametrize("size", [0, 1, 131_064, 131_065, 262_144])
async def test_a_body_comes_whole_whatever_its_size_and_its_headers_with_it(
    link: Link, server: Server, topology: Topology, size: int
) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    queue = topology.queue_of(1)
    headers: FieldTable = {"kind": "foreign", "deep": {"list": [1, "two"]}}
    async with await open_connection(server, name="test") as connection:
        channel = await connection.channel()
        await channel.default_exchange.publish(
            aio_pika.Message(body, headers=headers), routing_key=queue
        )
    inbox = Inbox()
    await Consumer(link, queue).consume(inbox, prefetch=1)
    (delivery,) = await inbox.holds(1)
    assert delivery.body == body
    assert delivery.headers == headers

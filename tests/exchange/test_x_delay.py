"""Every spelling of the x-delay header."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelPreconditionFailed
from aiormq.abc import FieldValue

from tests.exchange.rig import Rig, build, count

NOW: tuple[FieldValue, ...] = (
    None,
    0,
    -1,
    -3_000_000_000,
    "0",
    "-250",
    "",
    "soon",
    "1.5",
    "250 ms",
    "9" * 40,
    250.0,
    True,
    Decimal("250"),
    datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC),
    [250],
    {"ms": 250},
)
# One for each width of AMQP integer that a client library chooses, then decimal strings; with the
# hold queue in which the message has to be found.
HELD: tuple[tuple[FieldValue, str], ...] = (
    (99, "final.99"),
    (30_000, "final.30000"),
    (40_000, "final.40000"),
    (123_456, "hold.120000"),
    (3_123_456_789, "hold.3100000000"),
    (4_294_967_295, "hold.4200000000"),
    ("60000", "final.60000"),
    ("0061001", "hold.61000"),
    ("+62000", "final.62000"),
)
TOO_LONG: tuple[FieldValue, ...] = (4_294_967_296, 10**15, "4294967296")


@pytest.mark.parametrize("value", NOW, ids=repr)
async def test_what_is_no_delay_goes_through_at_once(rig: Rig, value: FieldValue) -> None:
    await rig.publish(b"now", value)
    [arrival] = await rig.wait_for(1, within_s=2)
    # One that had been held would come from the companion.
    assert arrival.message.exchange == rig.name


async def test_an_empty_x_delay_of_type_void_goes_through_at_once(rig: Rig) -> None:
    await rig.publish(b"now", headers={"x-delay": None})
    [arrival] = await rig.wait_for(1, within_s=2)
    assert arrival.message.exchange == rig.name


@pytest.mark.parametrize(("value", "queue"), HELD, ids=repr)
async def test_a_delay_is_held_however_it_is_spelled(
    channel: AbstractChannel, name: str, value: FieldValue, queue: str
) -> None:
    rig = await build(channel, name)
    await rig.publish(b"held", value)
    assert await count(channel, f"{name}.{queue}") == 1


@pytest.mark.parametrize("value", TOO_LONG, ids=repr)
async def test_a_delay_that_cannot_be_held_is_refused_and_not_shortened(
    channel: AbstractChannel, name: str, value: FieldValue
) -> None:
    rig = await build(channel, name)
    with pytest.raises(ChannelPreconditionFailed, match="longer than 4294967295 ms"):
        await rig.publish(b"never", value)


@pytest.mark.parametrize(
    ("delay_ms", "stops"),
    [
        (7, ["final.7"]),
        (99, ["final.99"]),
        (15_000, ["final.15000"]),
        (1_234, ["hold.1200", "final.34"]),
        (100_034, ["hold.100000", "final.34"]),
        (
            4_294_967_295,
            ["hold.4200000000", "hold.94000000", "hold.960000", "hold.7200", "final.95"],
        ),
    ],
)
async def test_a_delay_takes_one_hop_for_every_two_leading_digits(
    channel: AbstractChannel, name: str, delay_ms: int, stops: list[str]
) -> None:
    rig = await build(channel, name)
    await rig.publish(b"held", delay_ms)
    # All stops are made ready before the first is used.
    held = [await count(channel, f"{name}.{stop}") for stop in stops]
    assert held[1:] == [0] * (len(stops) - 1)

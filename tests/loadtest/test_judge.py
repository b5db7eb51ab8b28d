"""Promises against effects: who was told never, twice, or without having been promised."""

from __future__ import annotations

import pytest

from notifier.loadtest.judge import Effect, Promise, Verdict, judge

PREFIX = "oLT1-"


def promise(number: int) -> Promise:
    return Promise(
        order_no=f"LT-1-{number}",
        notification_id=f"id {number}",
        whom=(f"{PREFIX}d{number}", f"{PREFIX}p{number}"),
    )


def judged(told: str, *, promises: int = 2) -> Verdict:
    """told: names without their prefix; one with a dot is left as it is."""
    effects = [
        Effect(whom=name if "." in name else PREFIX + name, received_at=0.0)
        for name in told.split()
    ]
    return judge(map(promise, range(promises)), effects, prefix=PREFIX)


@pytest.mark.parametrize(
    ("told", "lost", "doubled", "unpromised"),
    [
        ("d0 p0 d1 p1", "", "", ""),
        ("p1 d0 d1 p0", "", "", ""),
        ("d0 p0 d1", "p1", "", ""),
        ("p0 p1", "d0 d1", "", ""),
        ("", "d0 d1 p0 p1", "", ""),
        ("d0 d0 p0 d1 p1", "", "d0", ""),
        ("d0 d0 d0 d1 p1 p1", "p0", "d0 p1", ""),
        ("d0 p0 d1 p1 d2", "", "", "d2"),
        ("d0 p0 d1 p1 d2 d2", "", "d2", "d2"),
        ("d0 p0 d1 p1 some.body some.body", "", "", ""),
    ],
)
def test_each_designer_and_publisher_is_to_be_told_once(
    told: str, lost: str, doubled: str, unpromised: str
) -> None:
    verdict = judged(told)

    assert [_short(names) for names in (verdict.lost, verdict.doubled, verdict.unpromised)] == [
        lost,
        doubled,
        unpromised,
    ]
    assert verdict.is_clean == (not (lost or doubled or unpromised))


def test_told_counts_promised_people_and_not_effects() -> None:
    assert judged("d0 d0 p0 d2").told == 2


def test_a_repetition_that_the_receiver_recognised_is_no_doubling() -> None:
    effects = [
        Effect(whom=f"{PREFIX}d0", received_at=0.0, calls=3),
        Effect(whom=f"{PREFIX}p0", received_at=0.0),
    ]

    verdict = judge([promise(0)], effects, prefix=PREFIX)

    assert verdict.is_clean
    assert verdict.repeated_calls == 2


def _short(names: tuple[str, ...]) -> str:
    return " ".join(name.removeprefix(PREFIX) for name in names)

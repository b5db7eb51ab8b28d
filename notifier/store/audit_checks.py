"""What must always be true, as SQL conditions on rows that break it.

Each group is one statement, so that it sees one moment of a database that is at work: a claim or a
record is in it with all its rows or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from notifier.domain.ladder import Ladder
from notifier.domain.notification import GIVEN_UP, TERMINAL
from notifier.store.publishers import NO_ADDRESS
from notifier.store.sql import literal

GRACE_S = 60
"""How much later than its moment the calendar may look at a row before that is a fault."""
LONGEST_WAIT_S = 600 + GRACE_S
"""The sweeper's longest pause between two looks at a waiting row, and the grace."""
TOLERANCE_US = 50_000
"""An attempt may begin that much before its ladder's delay is over: the broker's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """broken: a condition. found: an expression of text, what the row has. expected: for people."""

    name: str
    broken: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """source: from FROM to GROUP BY. id, order_no: expressions that name the row."""

    source: str
    checks: tuple[Check, ...]
    id: str = "n.id"
    order_no: str = "n.order_no"

    @property
    def statement(self) -> str:
        """Columns: id, order_no, then for each check what was found or NULL."""
        texts = ", ".join(
            f"IF({check.broken}, {check.found}, NULL) AS c{number}"
            for number, check in enumerate(self.checks)
        )
        broken = " OR ".join(f"c{number} IS NOT NULL" for number in range(len(self.checks)))
        return f"SELECT {self.id}, {self.order_no}, {texts} {self.source} HAVING {broken}"


_ENDED = f"n.state IN ({', '.join(literal(state.value) for state in sorted(TERMINAL))})"
_WAITS = "n.state IN ('scheduled', 'waiting')"
_LATE = f"NOW(6) - INTERVAL {GRACE_S} SECOND"
_GIVEN_UP = f"n.state IN ({', '.join(literal(state.value) for state in sorted(GIVEN_UP))})"
_OWNER_TO_BE_TOLD = f"n.channel = 'task' AND {_GIVEN_UP} AND n.next_sweep_at >= {_LATE}"

ROWS = Group(
    source="FROM notifier_notification n",
    checks=(
        Check(
            name="overdue",
            broken=f"{_WAITS} AND (n.next_sweep_at IS NULL OR n.next_sweep_at < {_LATE})",
            found="CONCAT(n.state, ', to be looked at ', IFNULL(n.next_sweep_at, 'never'), "
            "', swept ', n.sweeps, ' and postponed ', n.postponements, ' times')",
            expected=f"looked at within {GRACE_S} s by the calendar of a running fleet",
        ),
        Check(
            name="forgotten",
            broken=f"n.state = 'waiting' AND n.next_sweep_at > GREATEST(n.due_at, NOW(6)) "
            f"+ INTERVAL {LONGEST_WAIT_S} SECOND "
            f"OR n.state = 'scheduled' AND n.next_sweep_at > GREATEST(n.due_at, NOW(6)) "
            f"+ INTERVAL {GRACE_S} SECOND",
            found="CONCAT('due ', n.due_at, ', to be looked at ', n.next_sweep_at)",
            expected="looked at soon after it is due",
        ),
        Check(
            name="expired_lease",
            broken=f"n.state = 'in_flight' AND n.lease_until < {_LATE}",
            found="CONCAT('lease of ', IFNULL(n.lease_owner, '?'), ' ended ', n.lease_until)",
            expected=f"closed within {GRACE_S} s by the calendar of a running fleet",
        ),
        Check(
            name="lease",
            broken="(n.state = 'in_flight') <> (n.lease_token IS NOT NULL) "
            "OR (n.state = 'in_flight') <> (n.lease_until IS NOT NULL)",
            found="CONCAT(n.state, IF(n.lease_token IS NULL, ' without', ' with'), "
            "' a lease, until ', IFNULL(n.lease_until, 'never'))",
            expected="a lease in flight, and only there",
        ),
        Check(
            name="settled",
            broken=f"{_ENDED} <> (n.settled_at IS NOT NULL) "
            f"OR {_ENDED} AND n.next_sweep_at IS NOT NULL AND NOT ({_OWNER_TO_BE_TOLD})",
            found="CONCAT(n.state, ', settled ', IFNULL(n.settled_at, 'never'), "
            "', to be looked at ', IFNULL(n.next_sweep_at, 'never'))",
            expected="settled_at where it ended, next_sweep_at where it did not, or for a moment "
            "until the owner of a task is told",
        ),
        Check(
            name="counters",
            broken="n.state = '' OR n.attempt < 1 OR n.attempt > n.seq OR n.step >= n.attempt",
            found="CONCAT(\"'\", n.state, \"', step \", n.step, ', attempt ', n.attempt, "
            "', seq ', n.seq)",
            expected="a known state, step < attempt and attempt <= seq",
        ),
        Check(
            name="told_without_dispatch",
            broken="n.state = 'sent' AND n.role = 'designer' AND n.order_book <> 'none' "
            "AND n.dispatched_at IS NULL",
            found="'sent, never dispatched'",
            expected="an order that was claimed before its designer was told",
        ),
        Check(
            name="left_alone",
            broken="n.state = 'cancelled' AND n.role = 'designer' AND n.dispatched_at IS NOT NULL "
            "AND (n.reason IN ('order_designed', 'order_finished', 'already_dispatched') "
            "OR n.reason LIKE 'status\\\\_%')",
            found="CONCAT('cancelled for ', n.reason, ', dispatched ', n.dispatched_at)",
            expected="an order in another status than 0 is left alone",
        ),
    ),
)

_MADE = "COUNT(a.attempt)"
_SENT = "IFNULL(SUM(a.outcome = 'sent'), 0)"
_RIGHT_NUMBER = (
    f"CASE WHEN {_WAITS} OR n.state = 'in_flight' THEN n.attempt = {_MADE} + 1 "
    f"WHEN n.state = 'cancelled' OR n.state = 'dead' AND n.reason = '{NO_ADDRESS}' "
    f"THEN n.attempt IN ({_MADE}, {_MADE} + 1) ELSE n.attempt = {_MADE} END"
)

ATTEMPTS = Group(
    source="FROM notifier_notification n LEFT JOIN notifier_attempt a ON a.notification_id = n.id "
    "GROUP BY n.id",
    checks=(
        Check(
            name="told_once",
            broken=f"{_SENT} <> (n.state = 'sent')",
            found=f"CONCAT(n.state, ' with ', {_SENT}, ' successful attempts')",
            expected="exactly one successful attempt where it is sent, and none elsewhere",
        ),
        Check(
            name="gapless",
            broken=f"{_MADE} > 0 AND (MIN(a.attempt) <> 1 OR MAX(a.attempt) <> {_MADE})",
            found=f"CONCAT({_MADE}, ' attempts numbered ', MIN(a.attempt), ' to ', MAX(a.attempt))",
            expected="attempts numbered from 1 without a gap",
        ),
        Check(
            name="attempts",
            broken=f"NOT ({_RIGHT_NUMBER})",
            found=f"CONCAT(n.state, ' at attempt ', n.attempt, ' with ', {_MADE}, ' recorded')",
            expected="as many recorded attempts as were made in this state",
        ),
        Check(
            name="attempt_seq",
            broken="MAX(a.seq) > n.seq",
            found="CONCAT('an attempt of seq ', MAX(a.seq), ', the notification at ', n.seq)",
            expected="no attempt newer than its notification's schedule",
        ),
    ),
)

STRAY_ATTEMPTS = Group(
    source="FROM notifier_attempt a LEFT JOIN notifier_notification n ON n.id = a.notification_id",
    id="a.notification_id",
    order_no="''",
    checks=(
        Check(
            name="stray_attempt",
            broken="n.id IS NULL",
            found="CONCAT('attempt ', a.attempt, ' of no notification')",
            expected="every attempt belongs to a notification",
        ),
    ),
)


def spacing(ladders: Mapping[str, Ladder]) -> Group:
    """No attempt before the ladder's delay after the one before it.

    The smaller of today's delay and the tier that was recorded counts, so that a ladder that was
    changed since accuses nobody. Where a claim was released, a process died or a person replayed,
    the step did not rise, and no delay is owed; nor where a person changed the moment.
    """
    cases = " ".join(_delay_case(ladder) for ladder in ladders.values())
    delay_us = f"LEAST(CASE {cases} ELSE 0 END, CAST(b.tier AS SIGNED) * 1000000)"
    gap_us = (
        "TIMESTAMPDIFF(MICROSECOND, a.started_at, b.started_at) - CAST(a.duration_us AS SIGNED)"
    )
    return Group(
        source="FROM notifier_attempt a JOIN notifier_attempt b "
        "ON b.notification_id = a.notification_id AND b.attempt = a.attempt + 1 "
        "JOIN notifier_notification n ON n.id = a.notification_id "
        "WHERE b.step = a.step + 1 AND a.outcome IN ('retry', 'unknown') "
        "AND a.code <> 'lease_lost' AND NOT EXISTS (SELECT 1 FROM notifier_rescheduled r "
        "WHERE r.notification_id = a.notification_id AND r.seq > a.seq AND r.seq <= b.seq)",
        checks=(
            Check(
                name="too_soon",
                broken=f"{gap_us} < {delay_us} - {TOLERANCE_US}",
                found=f"CONCAT('attempt ', b.attempt, ' began ', ROUND(({gap_us}) / 1000), "
                f"' ms after the one before it, its ladder says ', ROUND({delay_us} / 1000))",
                expected="each attempt waits for its step of the ladder",
            ),
        ),
    )


def _delay_case(ladder: Ladder) -> str:
    delays = ", ".join(str(round(delay.total_seconds() * 1_000_000)) for delay in ladder.delays)
    step = f"LEAST(b.step + 1, {len(ladder.delays)})"
    return f"WHEN n.ladder = {literal(ladder.name)} THEN ELT({step}, {delays})"

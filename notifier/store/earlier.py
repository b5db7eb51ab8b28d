"""What was accepted before under the same key, and whether it said the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from notifier.domain.notification import State
from notifier.domain.order import shorten
from notifier.domain.submission import Accepted, Submission
from notifier.errors import IdempotencyConflict
from notifier.store.mysql import Database
from notifier.store.sql import marks

Fetch = Callable[[str, Sequence[Any]], Awaitable[list[tuple[Any, ...]]]]
AT_ONCE = 1000

NOT_YET = Accepted(
    id=UUID(int=0), state=State.WAITING, due_at=datetime.fromtimestamp(0, UTC), new=False
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """said: by field, what makes two of one key the same; the moments and the ladder do not."""

    accepted: Accepted
    said: dict[str, object]

    @classmethod
    def as_of(cls, submission: Submission) -> Earlier:
        """One that is about to be accepted."""
        return cls(accepted=NOT_YET, said=_said(submission))

    def conflict_with(self, submission: Submission) -> IdempotencyConflict | None:
        """None where no idempotency key was given, or the same is said."""
        key = submission.idempotency_key
        if key is None or not self.said["recipient"]:  # of a forgotten person nothing is left
            return None
        other = [name for name, value in _said(submission).items() if self.said[name] != value]
        if not other:
            return None
        which = "above" if self.accepted is NOT_YET else f"as {self.accepted.id}"
        return IdempotencyConflict(
            key,
            f"{shorten(key)} was used before, {which}, with another {' and '.join(other)}; "
            "a new notification needs a new key",
        )


async def conflicts(
    database: Database, submissions: Sequence[Submission]
) -> dict[int, IdempotencyConflict]:
    """Those that would be refused for their key, by their place; changes nothing."""
    keys = [one.dedupe_key for one in submissions if one.idempotency_key and one.dedupe_key]
    earlier = await earlier_ones(database.fetch, keys)
    found = {}
    for place, submission in enumerate(submissions):
        if submission.idempotency_key is None or submission.dedupe_key is None:
            continue
        one = earlier.setdefault(submission.dedupe_key, Earlier.as_of(submission))
        if conflict := one.conflict_with(submission):
            found[place] = conflict
    return found


async def earlier_ones(fetch: Fetch, keys: Sequence[bytes]) -> dict[bytes, Earlier]:
    """By dedupe key."""
    found = {}
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        rows = await fetch(
            "SELECT dedupe_key, id, state, due_at, channel, recipient, template, payload, order_no "
            f"FROM notifier_notification WHERE dedupe_key IN ({marks(len(some))})",
            some,
        )
        found.update({row[0]: _earlier(*row[1:]) for row in rows})
    return found


def _earlier(id_: bytes, state: str, due_at: datetime, *said: Any) -> Earlier:
    channel, recipient, template, payload, order_no = said
    return Earlier(
        accepted=Accepted(id=UUID(bytes=id_), state=State(state), due_at=due_at, new=False),
        said={
            "channel": channel,
            "recipient": recipient,
            "template": template,
            "payload": orjson.loads(payload) if payload else {},
            "order_no": order_no,
        },
    )


def _said(submission: Submission) -> dict[str, object]:
    return {
        "channel": submission.channel.value,
        "recipient": submission.recipient,
        "template": submission.template,
        # As it reads after a way through the database: no tuples, no subclasses.
        "payload": orjson.loads(orjson.dumps(submission.payload)),
        "order_no": submission.order_no,
    }

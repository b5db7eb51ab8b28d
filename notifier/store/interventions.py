"""What a person decides of one notification: drop, resolve, cancel. Rows are kept as proof."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from notifier.domain.intervention import Intervened
from notifier.domain.notification import State
from notifier.store.mysql import Cursor, Database
from notifier.store.sql import marks

GONE = "does not exist"
LONGEST_REASON = 191
LONGEST_DETAIL = 2048


class Interventions:
    """Each call is one transaction under the rows' locks. Raises StoreUnavailable, StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def drop(self, ids: Sequence[UUID], *, who: str) -> list[Intervened]:
        """Nobody is told any more of these dead or unknown ones: they become cancelled."""

        def judge(state: State) -> str:
            if state in (State.DEAD, State.UNKNOWN):
                return ""
            return f"is {state}; only dead and unknown ones are dropped"

        async with self._database.transaction() as cursor:
            results = await _judge(cursor, ids, judge, done="dropped")
            await _end(cursor, _done(results), State.CANCELLED, f"dropped by {who}")
        return results

    async def resolve(self, id_: UUID, *, sent: bool, who: str) -> Intervened:
        """Somebody found out whether an unknown one was told."""

        def judge(state: State) -> str:
            return "" if state is State.UNKNOWN else f"is {state}, not unknown"

        done = "sent" if sent else "dead"
        async with self._database.transaction() as cursor:
            results = await _judge(cursor, [id_], judge, done=done)
            if sent and results[0].done:
                await _tell(cursor, id_, who)
                await _end(cursor, [id_], State.SENT, "")
            elif results[0].done:
                await _end(cursor, [id_], State.DEAD, f"resolved by {who}")
        return results[0]

    async def cancel(self, ids: Sequence[UUID], *, who: str) -> list[Intervened]:
        """What waits ends; an attempt under way decides, and a failed one is not repeated."""
        reason = f"cancelled by {who}"[:LONGEST_REASON]
        async with self._database.transaction() as cursor:
            states = await _lock(cursor, ids)
            results = [_cancelled(id_, states.get(id_)) for id_ in dict.fromkeys(ids)]
            waiting = [
                result.id
                for result in results
                if result.done and states[result.id][0] is not State.IN_FLIGHT
            ]
            flying = [id_ for id_ in _done(results) if id_ not in waiting]
            await _end(cursor, waiting, State.CANCELLED, reason)
            if flying:
                await cursor.run(
                    "UPDATE notifier_notification SET cancel_requested = %s "
                    f"WHERE id IN ({marks(len(flying))})",
                    [reason, *[id_.bytes for id_ in flying]],
                )
        return results


async def _lock(cursor: Cursor, ids: Sequence[UUID]) -> dict[UUID, tuple[State, str]]:
    wanted = sorted({id_.bytes for id_ in ids})
    rows = await cursor.fetch(
        "SELECT id, state, order_no FROM notifier_notification "
        f"WHERE id IN ({marks(len(wanted))}) ORDER BY id FOR UPDATE",
        wanted,
    )
    return {UUID(bytes=row[0]): (State(row[1]), row[2]) for row in rows}


async def _judge(
    cursor: Cursor, ids: Sequence[UUID], judge: Callable[[State], str], *, done: str
) -> list[Intervened]:
    """judge: why a state does not allow it, "" where it does."""
    states = await _lock(cursor, ids)
    results = []
    for id_ in dict.fromkeys(ids):
        if id_ not in states:
            results.append(Intervened(id=id_, refused=GONE))
            continue
        state, order_no = states[id_]
        refused = judge(state)
        results.append(
            Intervened(id=id_, order_no=order_no, done="" if refused else done, refused=refused)
        )
    return results


def _cancelled(id_: UUID, found: tuple[State, str] | None) -> Intervened:
    if found is None:
        return Intervened(id=id_, refused=GONE)
    state, order_no = found
    match state:
        case State.SCHEDULED | State.WAITING:
            return Intervened(id=id_, order_no=order_no, done="cancelled")
        case State.IN_FLIGHT:
            done = "an attempt is under way; it is not repeated if it fails"
            return Intervened(id=id_, order_no=order_no, done=done)
        case _:
            return Intervened(id=id_, order_no=order_no, refused=f"is already {state}")


def _done(results: Sequence[Intervened]) -> list[UUID]:
    return [result.id for result in results if result.done]


async def _end(cursor: Cursor, ids: Sequence[UUID], state: State, reason: str) -> None:
    """A new `seq`, so that a message that still travels is forgotten."""
    if ids:
        await cursor.run(
            "UPDATE notifier_notification SET state = %s, reason = %s, seq = seq + 1, "
            "settled_at = NOW(6), next_sweep_at = NULL, unknown_since = NULL "
            f"WHERE id IN ({marks(len(ids))})",
            [state.value, reason[:LONGEST_REASON], *[id_.bytes for id_ in ids]],
        )


async def _tell(cursor: Cursor, id_: UUID, who: str) -> None:
    """The attempt that told, after all: a late success if there is one, else the last unknown."""
    rows = await cursor.fetch(
        "SELECT attempt, code, detail FROM notifier_attempt WHERE notification_id = %s "
        "AND outcome IN ('unknown', 'repeated') "
        "ORDER BY outcome = 'repeated' DESC, attempt DESC LIMIT 1",
        [id_.bytes],
    )
    attempt, code, detail = rows[0]
    text = f"resolved by {who}; was {code} {detail}".strip()
    await cursor.run(
        "UPDATE notifier_attempt SET outcome = 'sent', code = 'resolved', detail = %s "
        "WHERE notification_id = %s AND attempt = %s",
        [text[:LONGEST_DETAIL], id_.bytes, attempt],
    )

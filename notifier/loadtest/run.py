"""One load test, from the refusal of a wrong target to the verdict."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from notifier import wiring
from notifier.domain.notification import State
from notifier.errors import InvalidInput, StoreUnavailable
from notifier.loadtest.generate import Generator, put_all_orders
from notifier.loadtest.ids_file import IdsFile, read_promises
from notifier.loadtest.judge import Effect, judge
from notifier.loadtest.lateness import as_received, by_attempts
from notifier.loadtest.machine import Machine, this_machine
from notifier.loadtest.plan import Plan
from notifier.loadtest.report import Asked, Report
from notifier.loadtest.rows import read_run, read_states
from notifier.loadtest.target import Receiver, check_target, refusing, rules_of
from notifier.loadtest.watch import NobodyConsumes, Sources, Tally, Watch
from notifier.settings import Settings
from notifier.store.mysql import Database
from notifier.store.presence import RedisPresence

HEARTBEAT_WITHIN_S = 4.0
"""A fleet that was started just now beats for the first time."""
CLOCKS_APART = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """rate: orders a second. fail: 0 to 1. timeout_s: from the last acceptance to the last end.

    folder: for the file of accepted ids.
    """

    count: int
    rate: float | None
    fail: float
    timeout_s: float | None
    folder: Path
    target_is_mine: bool = False


class LoadTest:
    """receiver: the sandbox's control port, None if there is none."""

    def __init__(
        self,
        settings: Settings,
        options: LoadOptions,
        receiver: Receiver | None,
        *,
        show: Callable[[Tally], None],
    ) -> None:
        self._settings = settings
        self._options = options
        self._receiver = receiver
        self._show = show
        self._plan = Plan(count=options.count, began=datetime.now(UTC), salt=secrets.token_hex(2))
        self._tally = Tally(expected=self._plan.expected)
        self._ids_path = options.folder / f"{self._plan.run}.accepted.jsonl"

    async def run(self) -> Report:
        """Raises InvalidInput (nothing was published), NobodyConsumes, NotifierError."""
        machine = this_machine()
        await self._check()
        before = await self._codes()
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(wiring.open_database(self._settings))
            await put_all_orders(database, self._plan)
            rules = rules_of(self._options.fail, self._plan.openid_prefix)
            async with refusing(self._receiver, rules):
                settled_in_time = await self._generate_and_watch(database)
            refusals = await self._codes() - before
            return await self._report(database, settled_in_time, machine, refusals)

    async def _check(self) -> None:
        if self._receiver is None and (self._options.fail or not self._options.target_is_mine):
            raise InvalidInput(
                "control_url",
                "no sandbox is known; start `notifier sandbox run` and point this shell at it with "
                '`eval "$(notifier sandbox env)"`, or give --control-url',
            )
        if self._receiver is not None and not self._options.target_is_mine:
            await check_target(self._settings.wechat.base_url, self._receiver)
        await need_a_fleet(self._settings)

    async def _generate_and_watch(self, database: Database) -> bool:
        settings, tally = self._settings, self._tally
        watch = Watch(tally, await self._sources(database), show=self._show)
        async with wiring.open_intake(settings) as intake, failing_first() as group:
            watching = group.create_task(
                watch.until_settled(
                    timeout_s=self._timeout_s(), first_delay_s=settings.ladder.delays_s[0]
                )
            )
            with IdsFile(self._ids_path) as ids:
                tally.began = monotonic()
                generator = Generator(self._plan, intake, ids=ids, tally=tally)
                await generator.run(self._options.rate)
            tally.is_all_accepted = True
            return await watching

    async def _sources(self, database: Database) -> Sources:
        async def states() -> Mapping[State, int]:
            return await read_states(database, self._plan)

        async def told_by_rows() -> int:
            return (await states()).get(State.SENT, 0)

        receiver = self._receiver
        if receiver is None:
            return Sources(told=told_by_rows, states=states)
        before = int((await receiver.counters())["effects"])

        async def told() -> int:
            return int((await receiver.counters())["effects"]) - before

        return Sources(told=told, states=states)

    async def _report(
        self,
        database: Database,
        settled_in_time: bool,
        machine: Machine,
        refusals: Counter[str],
    ) -> Report:
        options, rows = self._options, await read_run(database, self._plan)
        effects = None if self._receiver is None else await self._effects(self._receiver)
        promises = await asyncio.to_thread(lambda: list(read_promises(self._ids_path)))
        prefix = self._plan.openid_prefix
        ends = rows.first_accepted, rows.last_settled
        return Report(
            run=self._plan.run,
            asked=Asked(
                count=options.count,
                rate=options.rate,
                fail=options.fail,
                base_url=self._settings.wechat.base_url,
                control_url=self._settings.sandbox.control_url,
            ),
            machine=machine,
            ids_file=self._ids_path,
            accepted=len(promises),
            accepting_s=self._tally.accepted_until - self._tally.began,
            settled_in_time=settled_in_time,
            held_up=self._tally.held_up,
            states=rows.states,
            wall_s=(ends[1] - ends[0]).total_seconds() if ends[0] and ends[1] else None,
            verdict=None if effects is None else judge(promises, effects, openid_prefix=prefix),
            refusals=refusals,
            attempted=by_attempts(rows.attempts),
            received=as_received(rows.attempts, effects or ()),
        )

    async def _effects(self, receiver: Receiver) -> list[Effect]:
        prefix, since = self._plan.openid_prefix, (self._plan.began - CLOCKS_APART).timestamp()
        return [
            Effect(openid=row["openid"], received_at=row["received_at"], calls=row["wire_count"])
            async for row in receiver.effects(since=since)
            if row.get("openid", "").startswith(prefix)
        ]

    async def _codes(self) -> Counter[str]:
        if self._receiver is None:
            return Counter()
        codes = (await self._receiver.counters())["codes"].get("template_send", {})
        return Counter({code: times for code, times in codes.items() if code != "0"})

    def _timeout_s(self) -> float:
        if self._options.timeout_s is not None:
            return self._options.timeout_s
        return 60 + 2 * sum(self._settings.ladder.delays_s) + self._plan.expected / 100


async def need_a_fleet(settings: Settings) -> None:
    """Raises NobodyConsumes where no fleet's heart beats; a Redis that is away tells nothing."""
    url, prefix = settings.redis.url.get_secret_value(), settings.redis.prefix
    async with aclosing(RedisPresence(url, prefix=prefix)) as presence:
        try:
            await _wait_for(presence.everybody)
        except StoreUnavailable:
            return


async def _wait_for(everybody: Callable[[], Awaitable[Mapping[str, bytes]]]) -> None:
    until = monotonic() + HEARTBEAT_WITHIN_S
    while not await everybody():
        if monotonic() > until:
            raise NobodyConsumes("no heartbeat in Redis")
        await asyncio.sleep(0.2)


@asynccontextmanager
async def failing_first() -> AsyncIterator[asyncio.TaskGroup]:
    """A TaskGroup that raises its first failure as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failed:
        error: BaseException = failed
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None

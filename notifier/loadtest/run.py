"""One load test, from the refusal of a wrong target to the verdict."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from notifier.domain.notification import ChannelName, State
from notifier.errors import InvalidInput
from notifier.loadtest.course import course_of
from notifier.loadtest.fleet import need_a_fleet
from notifier.loadtest.generate import Generator
from notifier.loadtest.ids_file import IdsFile, read_promises
from notifier.loadtest.judge import judge
from notifier.loadtest.lateness import as_received, by_attempts, distribution
from notifier.loadtest.listeners import Listeners
from notifier.loadtest.load import Load
from notifier.loadtest.machine import Machine, this_machine
from notifier.loadtest.orders import OrderLoad
from notifier.loadtest.plan import Plan
from notifier.loadtest.pushes import PushLoad
from notifier.loadtest.report import Accepting, Asked, Report
from notifier.loadtest.rows import read_run, read_states
from notifier.loadtest.target import Receiver, check_target, lift_quotas, refusing
from notifier.loadtest.watch import Sources, Tally, Watch
from notifier.loadtest.webhooks import WebhookLoad
from notifier.loadtest.witness import Witness
from notifier.settings import Settings
from notifier.store.mysql import Database
from notifier.wiring import entry, parts

NO_SANDBOX = (
    "no sandbox is known; start `notifier sandbox run` and point this shell at it with "
    '`eval "$(notifier sandbox env)"`, or give --control-url'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """channel: wechat or webhook. count: orders, or webhooks. endpoints: that webhooks go to.

    rate: a second; None: as fast as they are accepted. fail: 0 to 1.
    timeout_s: from the last acceptance to the last end; None: by the ladder and the count.
    folder: for the file of accepted ids.
    """

    count: int
    rate: float | None
    fail: float
    timeout_s: float | None
    folder: Path
    channel: ChannelName = ChannelName.WECHAT
    endpoints: int = 100
    target_is_mine: bool = False


async def run_load_test(
    settings: Settings,
    options: LoadOptions,
    receiver: Receiver | None,
    *,
    show: Callable[[Tally], None],
) -> Report:
    """receiver: the sandbox's control port, None if there is none. show: called now and then.

    Pushes have a receiver of their own. Raises InvalidInput (nothing was published),
    NobodyConsumes, NotifierError.
    """
    if options.channel is ChannelName.PUSH:
        receiver = Listeners(settings)
    plan = Plan(count=options.count, began=datetime.now(UTC), salt=secrets.token_hex(2))
    machine = this_machine()
    await check(settings, options, receiver)
    async with parts.open_database(settings) as database:
        load = load_of(settings, options, receiver, plan=plan, database=database)
        witness = None
        if receiver is not None:
            await lift_quotas(receiver)
            witness = await Witness.of(receiver, load)
        test = LoadTest(settings, options, load, database=database, witness=witness)
        async with load.in_place():
            async with refusing(receiver, load.rules(options.fail)):
                settled_in_time = await test.load(show)
            return await test.report(settled_in_time=settled_in_time, machine=machine)


def load_of(
    settings: Settings,
    options: LoadOptions,
    receiver: Receiver | None,
    *,
    plan: Plan,
    database: Database,
) -> Load:
    """Raises InvalidInput."""
    if options.channel is ChannelName.WECHAT:
        return OrderLoad(plan=plan, database=database)
    if isinstance(receiver, Listeners):
        return PushLoad(plan=plan, listeners=receiver)
    if options.channel is not ChannelName.WEBHOOK:
        raise InvalidInput("channel", f"{options.channel} cannot be loaded: load wechat, webhook")
    if receiver is None:
        raise InvalidInput("control_url", NO_SANDBOX)
    return WebhookLoad(plan=plan, endpoints=options.endpoints, settings=settings, receiver=receiver)


async def check(settings: Settings, options: LoadOptions, receiver: Receiver | None) -> None:
    """Raises InvalidInput where the target is not one to be loaded, NobodyConsumes."""
    has_own_receiver = options.channel is not ChannelName.WECHAT
    if receiver is None and (options.fail or has_own_receiver or not options.target_is_mine):
        raise InvalidInput("control_url", NO_SANDBOX)
    if receiver is not None and has_own_receiver:
        await receiver.health()
    elif receiver is not None and not options.target_is_mine:
        await check_target(settings.wechat.base_url, receiver)
    await need_a_fleet(settings)


class LoadTest:
    """witness: None where no sandbox can be asked who was told."""

    def __init__(
        self,
        settings: Settings,
        options: LoadOptions,
        load: Load,
        *,
        database: Database,
        witness: Witness | None,
    ) -> None:
        self._settings = settings
        self._options = options
        self._load = load
        self._plan = load.plan
        self._database = database
        self._witness = witness
        self._tally = Tally(wanted=options.count, expected=load.each * options.count)
        self._ids_path = options.folder / f"{load.plan.run}.accepted.jsonl"

    async def load(self, show: Callable[[Tally], None]) -> bool:
        """Publish, and wait for the end of all; whether it came in time."""
        tally, delays_s = self._tally, self._settings.ladder.delays_s
        watch = Watch(tally, self._sources(), show=show)
        timeout_s = self._options.timeout_s
        if timeout_s is None:
            timeout_s = 60 + 2 * sum(delays_s) + tally.expected / 100
        async with entry.open_intake(self._settings) as intake, failing_first() as group:
            watching = group.create_task(
                watch.until_settled(timeout_s=timeout_s, first_delay_s=delays_s[0])
            )
            with IdsFile(self._ids_path) as ids:
                tally.began = monotonic()
                await Generator(self._load, intake, ids=ids, tally=tally).run(self._options.rate)
            tally.is_all_accepted = True
            return await watching

    def _sources(self) -> Sources:
        async def states() -> Mapping[State, int]:
            return await read_states(self._database, self._plan)

        async def told_by_rows() -> int:
            return (await states()).get(State.SENT, 0)

        told = told_by_rows if self._witness is None else self._witness.told
        return Sources(told=told, states=states)

    async def report(self, *, settled_in_time: bool, machine: Machine) -> Report:
        promises = await asyncio.to_thread(lambda: list(read_promises(self._ids_path)))
        rows = await read_run(self._database, self._load)
        verdict, refusals, effects = None, {}, []
        if self._witness is not None:
            refusals = await self._witness.refusals()
            effects = await self._witness.effects()
            verdict = judge(promises, effects, prefix=self._load.prefix)
        return Report(
            run=self._plan.run,
            asked=self._asked(),
            machine=machine,
            accepting=Accepting(
                count=len(promises),
                promised=sum(len(each.whom) for each in promises),
                seconds=self._tally.accepted_until - self._tally.began,
                ids_file=self._ids_path,
                held_up=self._tally.held_up,
            ),
            settled_in_time=settled_in_time,
            states=rows.states,
            wall_s=rows.wall_s,
            verdict=verdict,
            refusals=refusals,
            attempted=by_attempts(rows.attempts),
            received=as_received(rows.attempts, effects),
            distribution=distribution(rows.attempts),
            course=course_of(rows.accepted, rows.attempts),
            settings=telling(self._settings),
        )

    def _asked(self) -> Asked:
        is_webhook = self._options.channel is ChannelName.WEBHOOK
        return Asked(
            channel=self._options.channel,
            count=self._options.count,
            endpoints=self._options.endpoints if is_webhook else None,
            rate=self._options.rate,
            fail=self._options.fail,
            base_url=self._settings.wechat.base_url,
            control_url=self._settings.sandbox.control_url,
        )


def telling(settings: Settings) -> dict[str, str]:
    """The settings that decide the figures; the fleet may have been started with others."""
    return {
        "ladder.delays_s": ", ".join(map(str, settings.ladder.delays_s)),
        "fleet.tiers": ", ".join(map(str, settings.fleet.tiers)),
        "fleet.concurrency": str(settings.fleet.concurrency),
        "attempt.batch": str(settings.attempt.batch),
        "calendar.horizon_s": f"{settings.calendar.horizon_s:g}",
    }


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

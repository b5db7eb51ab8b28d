"""Enqueue from a program that runs on asyncio."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from notifier.client.quiet import log_as_a_library
from notifier.dispatch.intake import Intake, batches
from notifier.dispatch.ordering import Timing, order_submission
from notifier.domain.ladder import find_ladder
from notifier.domain.notice import Notice, check_timing, submission_of
from notifier.domain.order import OrderRecord, parse_record, record_text
from notifier.domain.submission import Accepted, Submission
from notifier.errors import InvalidInput, NotifierError
from notifier.settings import Settings, read_settings
from notifier.wiring import entry
from notifier.wiring.parts import ladders_of, offer_of


class AsyncNotifier:
    """Enqueues notifications; one per event loop, for as long as the program runs.

        async with AsyncNotifier() as notifier:
            await notifier.notify(channel="push", recipient="user-7", payload={"text": "ready"})

    Connects on first use, and anew when a server was away. Any number of tasks may use it at once.
    Every call returns after the commit, and raises

    - InvalidInput (IdempotencyConflict among it): what is asked is wrong, nothing was accepted;
    - StoreUnavailable: MySQL did not answer. Nothing was accepted, unless just the answer to the
      commit got lost; with an idempotency_key the same call can simply be made again.

    That RabbitMQ is away is no error: what is accepted is published when it is back.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        """settings: by default NOTIFIER_* and notifier.toml. Raises SettingsError."""
        log_as_a_library()
        self._settings = settings or read_settings()
        self._offer = offer_of(self._settings)
        self._ladders = ladders_of(self._settings)
        self._opening = asyncio.Lock()
        self._opened: tuple[Intake, AsyncExitStack] | None = None
        self._home: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._is_closed = False

    async def notify(
        self,
        *,
        channel: str,
        recipient: str,
        template: str = "",
        payload: Mapping[str, object] | None = None,
        order_no: str = "",
        idempotency_key: str | None = None,
        at: datetime | None = None,
        delay: timedelta | None = None,
        ladder: str = "default",
        deadline: datetime | None = None,
    ) -> Accepted:
        """Enqueue one. The arguments are the fields of Notice, which says what they mean."""
        notice = Notice(
            channel=channel,
            recipient=recipient,
            template=template,
            payload=payload or {},
            order_no=order_no,
            idempotency_key=idempotency_key,
            at=at,
            delay=delay,
            ladder=ladder,
            deadline=deadline,
        )
        submission = submission_of(notice, self._offer, now=datetime.now(UTC))
        return (await self._accept([submission]))[0]

    async def notify_many(self, notices: Iterable[Notice]) -> list[Accepted]:
        """Enqueue many, in their order; every one is judged before the first is accepted.

        Each 500 are committed together.
        """
        return await self._accept(self._judged(notices))

    async def publish_order(
        self,
        record: str | OrderRecord,
        *,
        at: datetime | None = None,
        delay: timedelta | None = None,
        ladder: str = "default",
        deadline: datetime | None = None,
        again: bool = False,
    ) -> Accepted:
        """Enqueue a designer order: dispatched when nobody took it until its claim window ends.

        record: `order_no##order_id##claim_deadline##openid##designer_name##designer_id`, or the
        same as a value. at or delay: instead of the end of the claim window. again: although the
        same record was accepted before.
        """
        check_timing(at, delay, deadline=deadline, now=datetime.now(UTC))
        text = record if isinstance(record, str) else record_text(record)
        name = find_ladder(self._ladders, ladder).name
        submission = order_submission(
            parse_record(text),
            Timing(at=at, delay=delay, deadline=deadline, ladder=name),
            order_book="orders" if self._settings.orders.enabled else "none",
            again=again,
        )
        return (await self._accept([submission]))[0]

    async def close(self) -> None:
        """Give the connections back; afterwards every call raises NotifierError."""
        self._is_closed = True
        async with self._opening:
            opened, self._opened = self._opened, None
            if opened is not None:
                await opened[1].aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _judged(self, notices: Iterable[Notice]) -> list[Submission]:
        judged = []
        for place, notice in enumerate(notices):
            try:
                judged.append(submission_of(notice, self._offer, now=datetime.now(UTC)))
            except InvalidInput as error:
                reason = str(error).removeprefix(f"{error.field}: ")
                raise InvalidInput(f"notices[{place}].{error.field}", reason) from None
        return judged

    async def _accept(self, submissions: Sequence[Submission]) -> list[Accepted]:
        intake = await self._intake()
        accepted: list[Accepted] = []
        for batch in batches(submissions):
            accepted += (await intake.accept(batch)).accepted
        return accepted

    async def _intake(self) -> Intake:
        self._check_home()
        async with self._opening:
            if self._opened is None:
                async with AsyncExitStack() as stack:
                    intake = await stack.enter_async_context(entry.open_intake(self._settings))
                    self._opened = intake, stack.pop_all()
            return self._opened[0]

    def _check_home(self) -> None:
        if self._is_closed:
            raise NotifierError("this AsyncNotifier is closed; make a new one")
        here = os.getpid(), asyncio.get_running_loop()
        if self._home is None:
            self._home = here
        if self._home != here:
            raise NotifierError(
                "this AsyncNotifier was first used in another process or on another event loop; "
                "make one in each"
            )

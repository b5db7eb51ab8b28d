"""Enqueue from a program without asyncio."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

from notifier.client.asynchronous import AsyncNotifier
from notifier.client.loop_thread import LoopThread
from notifier.client.quiet import log_as_a_library
from notifier.domain.notice import Notice
from notifier.domain.order import OrderRecord
from notifier.domain.submission import Accepted
from notifier.errors import NotifierError
from notifier.settings import Settings, read_settings

Answer = TypeVar("Answer")


class Notifier:
    """Enqueues notifications; one per program, for as long as it runs.

        notifier = Notifier()
        notifier.notify(channel="push", recipient="user-7", payload={"text": "ready"})

    Connects on first use, on a thread of its own. Any number of threads may use it at once, and a
    process forked from one that used it makes its own connections. Calls return after the commit,
    and raise what those of AsyncNotifier do; a call blocks its thread, so on asyncio use that one.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        """settings: by default NOTIFIER_* and notifier.toml. Raises SettingsError."""
        log_as_a_library()
        self._settings = settings or read_settings()
        self._starting = threading.Lock()
        self._running: tuple[LoopThread, AsyncNotifier] | None = None
        self._is_closed = False
        _ALIVE.add(self)

    def notify(
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
        return self._call(
            lambda notifier: notifier.notify(
                channel=channel,
                recipient=recipient,
                template=template,
                payload=payload,
                order_no=order_no,
                idempotency_key=idempotency_key,
                at=at,
                delay=delay,
                ladder=ladder,
                deadline=deadline,
            )
        )

    def notify_many(self, notices: Iterable[Notice]) -> list[Accepted]:
        """See AsyncNotifier.notify_many."""
        asked = list(notices)
        return self._call(lambda notifier: notifier.notify_many(asked))

    def publish_order(
        self,
        record: str | OrderRecord,
        *,
        at: datetime | None = None,
        delay: timedelta | None = None,
        ladder: str = "default",
        deadline: datetime | None = None,
        again: bool = False,
    ) -> Accepted:
        """See AsyncNotifier.publish_order."""
        return self._call(
            lambda notifier: notifier.publish_order(
                record, at=at, delay=delay, ladder=ladder, deadline=deadline, again=again
            )
        )

    def close(self) -> None:
        """Give the connections back; afterwards every call raises NotifierError.

        Happens by itself at the program's end.
        """
        with self._starting:
            self._is_closed = True
            running, self._running = self._running, None
        if running is not None:
            thread, notifier = running
            thread.call(notifier.close())
            thread.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _call(self, ask: Callable[[AsyncNotifier], Coroutine[Any, Any, Answer]]) -> Answer:
        thread, notifier = self._start()
        return thread.call(ask(notifier))

    def _start(self) -> tuple[LoopThread, AsyncNotifier]:
        with self._starting:
            if self._is_closed:
                raise NotifierError("this Notifier is closed; make a new one")
            if self._running is None:
                self._running = LoopThread(), AsyncNotifier(self._settings)
            return self._running

    def _begin_anew(self) -> None:
        """In a forked process, where no other thread is: the lock may have been held by one."""
        self._starting = threading.Lock()
        running, self._running = self._running, None
        if running is not None:
            running[0].let_go()
            _PARENTS.append(running)


_ALIVE: weakref.WeakSet[Notifier] = weakref.WeakSet()
_PARENTS: list[object] = []
"""Kept, so that no destructor runs while the program does."""


def _after_fork() -> None:
    for notifier in list(_ALIVE):
        notifier._begin_anew()


def _at_exit() -> None:
    for notifier in list(_ALIVE):
        notifier.close()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)

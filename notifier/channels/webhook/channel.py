"""Sends a notification as a signed POST."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Protocol
from uuid import UUID

import structlog

from notifier.channels.egress import Egress, EgressFailed, EgressOptions
from notifier.channels.targets import check_target
from notifier.channels.webhook.body import encode
from notifier.channels.webhook.dialects import (
    GONE,
    outcome_of_answer,
    outcome_of_failure,
    printable,
)
from notifier.channels.webhook.gates import QUEUE_S, Gates
from notifier.channels.webhook.signature import signed_headers
from notifier.channels.webhook.target import Target, WebhookOptions, target_of_url
from notifier.domain.claim import WORTH_WAITING
from notifier.domain.endpoint import Endpoint, endpoint_of
from notifier.domain.notification import ChannelName, Notification
from notifier.domain.outcome import Held, Outcome, Paused, Permanent, Retry, Sent, Unknown
from notifier.errors import InvalidInput, NotifierError, SettingsError, StoreError, Unavailable

log = structlog.get_logger(__name__)

MOST_WAITS = 5
"""For a turn that is near; whoever others were quicker than so often comes back another time."""
SHORT_KEEP_ALIVE = timedelta(seconds=4)
"""Receivers are many, and each idle connection is an open file."""
MOST_URLS = 4096


class EndpointBook(Protocol):
    """Where endpoints are registered."""

    async def find(self, name: str) -> Endpoint | None:
        """Raises Unavailable, StoreError, and SettingsError where its secret cannot be read."""
        ...

    async def note(self, endpoint: Endpoint, *, heard: bool) -> None:
        """Whether it has just heard. One that has failed for days is paused. Raises Unavailable."""
        ...

    async def disable(self, name: str, *, reason: str) -> None:
        """It rests until a person resumes it. Raises Unavailable."""
        ...


class Turns(Protocol):
    """Who may send to an endpoint that takes only so many a second."""

    async def take(self, endpoint: str, *, rate_per_s: float, id_: UUID) -> timedelta:
        """Nothing: now. Else come back after so long. Raises Unavailable."""
        ...

    async def close(self) -> None: ...


class WebhookChannel:
    """Implements `notifier.domain.notification.Channel`; connects on first use."""

    name = ChannelName.WEBHOOK
    # The receiver knows a repetition by its webhook-id, for as long as it keeps them.
    protected_for: timedelta | None = None

    def __init__(
        self,
        options: WebhookOptions,
        *,
        endpoints: EndpointBook | None,
        turns: Turns | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """endpoints: None where there are only URLs. turns: None for no limits; closed with it.

        Raises SettingsError for a bad CA file.
        """
        self._options = options
        self._endpoints = endpoints
        self._turns = turns
        self._now = now
        self._rules_with_http = options.rules.with_http()
        self._egress = Egress(
            EgressOptions(
                timeout=options.timeout,
                # Who waits for a connection that others hold would look like one who is down.
                connections=0,
                keep_alive=SHORT_KEEP_ALIVE,
                ca_file=options.ca_file,
                allow=options.rules.networks,
                hosts=options.rules.hosts,
            )
        )
        self._gates = Gates(options.gates)
        self._target_of_url = lru_cache(maxsize=MOST_URLS)(partial(target_of_url, options))
        self.timeout = options.timeout + timedelta(seconds=QUEUE_S)

    async def send(self, notification: Notification) -> Outcome | Held:
        """Post once; the same id and the same body in every attempt."""
        try:
            target = await self._target(notification.recipient)
            if not isinstance(target, Target):
                return target
            return await self._send_at_its_turn(notification, target)
        except InvalidInput as error:
            return Permanent(code="bad_message", detail=str(error))
        except Exception as error:
            # The contract: a channel answers, whatever happens. The error's text may hold a URL.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("webhook_send_broken", error=type(error).__name__, where=where)
            return Unknown(code="internal", detail=type(error).__name__)

    async def close(self) -> None:
        await self._egress.close()
        if self._turns is not None:
            await self._turns.close()

    async def _send_at_its_turn(self, notification: Notification, target: Target) -> Outcome | Held:
        body = encode(notification)
        entered = await self._gates.enter(target.name)
        if isinstance(entered, Held):
            return entered
        with entered as call:
            if target.endpoint is not None and (
                held := await self._hold(target.endpoint, notification.id)
            ):
                return held
            outcome = await self._send(body, target, str(notification.id))
            call.came_to(outcome)
        if target.endpoint is not None and self._endpoints is not None:
            await self._note(target.endpoint, outcome, self._endpoints)
        return outcome

    async def _hold(self, endpoint: Endpoint, id_: UUID) -> Held | None:
        """Until its turn comes; one that is near is waited for here."""
        form = endpoint.form
        if self._turns is None or form.rate_per_s is None:
            return None
        try:
            for _ in range(MOST_WAITS):
                wait = await self._turns.take(form.name, rate_per_s=form.rate_per_s, id_=id_)
                if not wait:
                    return None
                if wait > WORTH_WAITING:
                    break
                await asyncio.sleep(wait.total_seconds())
        except Unavailable as error:
            # A limit is a courtesy, and being told is not.
            log.warning("endpoint_limit_not_kept", endpoint=form.name, error=str(error))
            return None
        return Held(wait=wait, reason=f"rate_limit:{form.rate_per_s:g} a second")

    async def _target(self, recipient: str) -> Target | Outcome:
        name = endpoint_of(recipient)
        if name is None:
            return self._target_of_url(recipient)
        try:
            endpoint = await self._endpoints.find(name) if self._endpoints else None
        except (Unavailable, StoreError) as error:
            return Retry(code="store_away", detail=printable(str(error)))
        except SettingsError as error:
            return Paused(code="secret_unreadable", detail=str(error), scope=recipient)
        if endpoint is None:
            return Permanent(code="no_endpoint", detail=f"no endpoint is named {printable(name)}")
        return self._registered(endpoint, recipient)

    def _registered(self, endpoint: Endpoint, recipient: str) -> Target | Paused:
        form = endpoint.form
        rules = self._rules_with_http if form.http else self._options.rules
        try:
            url = check_target(form.url, rules)
        except InvalidInput as error:
            return Paused(code="url_not_allowed", detail=str(error), scope=recipient)
        return Target(
            name=form.name,
            url=url,
            dialect=form.dialect,
            secrets=endpoint.secrets,
            timeout=min(form.timeout or self._options.timeout, self._options.timeout),
            endpoint=endpoint,
        )

    async def _send(self, body: bytes, target: Target, webhook_id: str) -> Outcome:
        timestamp = int(self._now().timestamp())
        headers = signed_headers(webhook_id, timestamp, body, secrets=target.secrets)
        headers["Accept"] = "*/*"
        began = time.monotonic()
        try:
            reply = await self._egress.post_json(
                target.url,
                body,
                headers=headers,
                limit=target.timeout,
                tenant=target.endpoint.form.name if target.endpoint else "",
            )
        except EgressFailed as failure:
            return outcome_of_failure(failure)
        latency = timedelta(seconds=time.monotonic() - began)
        return outcome_of_answer(reply, target.dialect, latency=latency, now=self._now())

    async def _note(self, endpoint: Endpoint, outcome: Outcome, endpoints: EndpointBook) -> None:
        """The answer stands, whether or not its consequences could be written down."""
        name = endpoint.form.name
        try:
            if isinstance(outcome, Permanent) and outcome.code == GONE:
                await endpoints.disable(name, reason="it answered 410: gone")
            await endpoints.note(endpoint, heard=isinstance(outcome, Sent))
        except NotifierError as error:
            log.warning("endpoint_health_not_kept", endpoint=name, error=str(error))

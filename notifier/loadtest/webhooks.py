"""Synthetic webhooks to endpoints at the sandbox, registered for the length of the run."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from notifier.dispatch.endpoints import Registry
from notifier.domain.endpoint import PREFIX, EndpointForm, endpoint_of
from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput
from notifier.loadtest.judge import Effect
from notifier.loadtest.load import Rule, refused_at_first
from notifier.loadtest.plan import Plan
from notifier.loadtest.target import Receiver
from notifier.settings import Settings
from notifier.wiring.endpoints import open_registry

MOST_ENDPOINTS = 1000
PATH = "/webhook/"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookLoad:
    """Each webhook carries its number, so that one that came under two ids is told twice.

    endpoints: how many; the webhooks go to them in turn.
    """

    plan: Plan
    endpoints: int
    settings: Settings
    receiver: Receiver
    each: ClassVar[int] = 1
    counter: ClassVar[str] = "webhooks"
    calls: ClassVar[str] = "webhook"

    def __post_init__(self) -> None:
        if not 1 <= self.endpoints <= MOST_ENDPOINTS:
            raise InvalidInput(
                "endpoints", f"{self.endpoints} is not between 1 and {MOST_ENDPOINTS}"
            )

    @property
    def prefix(self) -> str:
        return self.plan.endpoint_prefix

    @asynccontextmanager
    async def in_place(self) -> AsyncIterator[None]:
        """The endpoints, and the sandbox knows their secrets; removed at the end, however it ends.

        Raises InvalidInput, SettingsError: nothing was published.
        """
        data_url = (await self.receiver.addresses())["data_url"]
        async with open_registry(self.settings) as registry:
            secrets: dict[str, str] = {}
            try:
                for number in range(self.endpoints):
                    name = self._endpoint(number)
                    form = EndpointForm(name=name, url=f"{data_url}{PATH}{name}")
                    secrets[name] = await _add(registry, form)
                await self.receiver.webhooks({PATH + name: [key] for name, key in secrets.items()})
                yield
            finally:
                for name in secrets:
                    await registry.remove(name)

    def submissions(self, numbers: range) -> list[Submission]:
        return [
            Submission(
                role=Role.RECIPIENT,
                channel=ChannelName.WEBHOOK,
                recipient=PREFIX + self._endpoint(number),
                order_no=self.plan.order_no(number),
                template="notifier.loadtest",
                payload={"number": number},
                dedupe_key=hashlib.sha256(self.plan.order_no(number).encode()).digest(),
            )
            for number in numbers
        ]

    def whom(self, number: int) -> tuple[str, ...]:
        return (_told(self._endpoint(number), number),)

    def told_by(self, recipient: str, order_no: str) -> str:
        return _told(endpoint_of(recipient) or "", int(order_no.rpartition("-")[2]))

    def effect_of(self, row: Mapping[str, Any]) -> Effect | None:
        """What the receiver could not verify, or what has no number, was promised to nobody."""
        if row["kind"] != "webhook":
            return None
        body = row["body"]
        data = body.get("data") if isinstance(body, dict) else None
        number = data.get("number") if isinstance(data, dict) else None
        whom = _told(row["path"].removeprefix(PATH), number if type(number) is int else -1)
        return Effect(
            whom=whom if row["is_verified"] else f"{whom} unverified",
            received_at=row["received_at"],
            calls=row["wire_count"],
        )

    def rules(self, fail: float) -> list[Rule]:
        return refused_at_first(
            fail,
            {
                "endpoint": self.calls,
                "match": {"path": f"{PATH}{self.prefix}*"},
                "per": "webhook_id",
                "action": "http:500",
            },
        )

    def _endpoint(self, number: int) -> str:
        return f"{self.prefix}{number % self.endpoints:03}"


async def _add(registry: Registry, form: EndpointForm) -> str:
    try:
        return (await registry.add(form, secret=None)).secret
    except InvalidInput as error:
        raise InvalidInput(
            "target",
            f"{form.url} cannot be registered ({error}); nothing was published. Open the fleet and "
            'this shell for the sandbox with `eval "$(notifier sandbox env)"`',
        ) from None


def _told(endpoint: str, number: int) -> str:
    return f"{endpoint}:{number:07}"

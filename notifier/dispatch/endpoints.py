"""Registering receivers of webhooks, and looking after them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from yarl import URL

from notifier.channels.addresses import literal_address, may_reach
from notifier.channels.targets import TargetRules, check_target
from notifier.domain.endpoint import (
    PREFIX,
    EndpointForm,
    EndpointStanding,
    check_endpoint_name,
    check_form,
    key_of,
    new_secret,
)
from notifier.domain.notification import Channel, ChannelName, Notification, Role, new_id
from notifier.domain.outcome import Held, Outcome, Retry
from notifier.errors import InvalidInput

LONGEST_OVERLAP = timedelta(days=7)
TEST_TYPE = "notifier.test"


class EndpointStore(Protocol):
    async def add(self, form: EndpointForm, secret: str) -> None: ...

    async def change(self, form: EndpointForm) -> None: ...

    async def all(self) -> list[EndpointStanding]: ...

    async def one(self, name: str) -> EndpointStanding: ...

    async def rotate(self, name: str, secret: str, *, overlap: timedelta) -> None: ...

    async def remove(self, name: str) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryRules:
    ladders: Collection[str]
    longest_timeout: timedelta
    targets: TargetRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """secret: the one time that it is shown. is_resolved: whether its host has an address today."""

    secret: str
    is_resolved: bool


class Registry:
    """Every method raises NotFound for an unknown name, StoreUnavailable and StoreError.

    resolve: all addresses of a host, none where it cannot be resolved.
    """

    def __init__(
        self,
        store: EndpointStore,
        *,
        channel: Channel,
        rules: RegistryRules,
        resolve: Callable[[str], Awaitable[Sequence[str]]],
    ) -> None:
        self._store = store
        self._channel = channel
        self._rules = rules
        self._resolve = resolve

    async def add(self, form: EndpointForm, *, secret: str | None) -> Added:
        """secret: None for a new one. Raises InvalidInput, SettingsError."""
        secret = _checked(secret)
        is_resolved = await self._check(form)
        await self._store.add(form, secret)
        return Added(secret=secret, is_resolved=is_resolved)

    async def change(self, form: EndpointForm) -> bool:
        """All but its name and its secret; whether its host has an address. Raises InvalidInput."""
        is_resolved = await self._check(form)
        await self._store.change(form)
        return is_resolved

    async def all(self) -> list[EndpointStanding]:
        return await self._store.all()

    async def one(self, name: str) -> EndpointStanding:
        return await self._store.one(check_endpoint_name(name))

    async def rotate(self, name: str, *, secret: str | None, overlap: timedelta) -> str:
        """The new secret; the one before signs too for `overlap`. Raises InvalidInput."""
        if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
            raise InvalidInput(
                "overlap", f"{overlap} is not between 0 and {LONGEST_OVERLAP.days} days"
            )
        secret = _checked(secret)
        await self._store.rotate(check_endpoint_name(name), secret, overlap=overlap)
        return secret

    async def remove(self, name: str) -> int:
        """How many notifications for it had not ended."""
        return await self._store.remove(check_endpoint_name(name))

    async def test(self, name: str) -> Outcome:
        """Send one webhook of type notifier.test now, at rest or not; nothing of it is kept."""
        await self.one(name)
        outcome = await self._channel.send(
            Notification(
                id=new_id(),
                role=Role.RECIPIENT,
                channel=ChannelName.WEBHOOK,
                recipient=PREFIX + name,
                template=TEST_TYPE,
                payload={"endpoint": name},
                accepted_at=datetime.now(UTC),
            )
        )
        if isinstance(outcome, Held):
            return Retry(code="rate_limited", detail=f"its turn comes in {outcome.wait}")
        return outcome

    async def _check(self, form: EndpointForm) -> bool:
        check_form(form, longest_timeout=self._rules.longest_timeout)
        if form.ladder and form.ladder not in self._rules.ladders:
            known = ", ".join(self._rules.ladders)
            raise InvalidInput("ladder", f"there is no {form.ladder!r}; there are {known}")
        return await self._check_addresses(check_target(form.url, self._targets(form)))

    def _targets(self, form: EndpointForm) -> TargetRules:
        return self._rules.targets.with_http() if form.http else self._rules.targets

    async def _check_addresses(self, url: URL) -> bool:
        """At registration every address has to be a good one; a name may have none yet."""
        host = url.raw_host or ""
        if literal_address(host) is not None or host in self._rules.targets.hosts:
            return True
        found = await self._resolve(host)
        if not all(may_reach(address, self._rules.targets.networks) for address in found):
            raise InvalidInput("url", "has a host with an address that may not be reached")
        return bool(found)


def _checked(secret: str | None) -> str:
    if secret is None:
        return new_secret()
    key_of(secret)
    return secret

"""Whom webhooks are for, judged before they are accepted: a bad address is no dead letter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from notifier.domain.endpoint import endpoint_of
from notifier.domain.notification import ChannelName
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput


class EndpointFinder(Protocol):
    async def known(self, names: Sequence[str]) -> set[str]:
        """Those of them that are registered. Raises StoreUnavailable."""
        ...


class Addresses:
    """check_url: raises InvalidInput for a URL that may not be called."""

    def __init__(self, endpoints: EndpointFinder, *, check_url: Callable[[str], object]) -> None:
        self._endpoints = endpoints
        self._check_url = check_url

    async def unknown(self, submissions: Sequence[Submission]) -> dict[int, InvalidInput]:
        """Those for an endpoint that nobody registered, by their place. Raises StoreUnavailable."""
        named = names_of(submissions)
        if not named:
            return {}
        return no_such(named, await self._endpoints.known(sorted(set(named.values()))))

    async def check(self, submissions: Iterable[Submission]) -> None:
        """Raises InvalidInput for a URL that may not be called, or an endpoint nobody registered;
        StoreUnavailable.
        """
        names = set()
        for submission in submissions:
            if submission.channel is not ChannelName.WEBHOOK:
                continue
            name = endpoint_of(submission.recipient)
            if name is None:
                self._check_url(submission.recipient)
            else:
                names.add(name)
        if names and (unknown := names - await self._endpoints.known(sorted(names))):
            some = ", ".join(repr(name[:64]) for name in sorted(unknown)[:5])
            raise InvalidInput(
                "recipient", f"there is no endpoint {some}; `notifier endpoint list` shows them"
            )


def names_of(submissions: Sequence[Submission]) -> dict[int, str]:
    """The endpoints they are for, by their place."""
    named = {
        place: endpoint_of(submission.recipient)
        for place, submission in enumerate(submissions)
        if submission.channel is ChannelName.WEBHOOK
    }
    return {place: name for place, name in named.items() if name is not None}


def no_such(named: Mapping[int, str], known: Collection[str]) -> dict[int, InvalidInput]:
    return {
        place: InvalidInput(
            "recipient", f"there is no endpoint {name!r}; `notifier endpoint list` shows them"
        )
        for place, name in named.items()
        if name not in known
    }

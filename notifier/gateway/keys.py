"""Who asks, and whether he may: keys of the API in the Authorization header."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import OrderedDict, deque
from dataclasses import dataclass
from time import monotonic

import structlog
from starlette.requests import HTTPConnection

from notifier.domain.api_key import ApiKey, Scope, id_of_key
from notifier.errors import StoreUnavailable
from notifier.gateway.problem import Problem
from notifier.store.api_keys import ApiKeys

TRUSTED_S = 5.0
"""How long a key that was found is not looked up again; so long one that was removed may work."""
FAILURES, FAILURES_S = 20, 60.0
"""From one address; then it has to wait, unless its key is known to be good."""
MOST_REMEMBERED = 10_000

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    key: ApiKey
    until_s: float


class Keys:
    """One for the process."""

    def __init__(self, store: ApiKeys) -> None:
        self._store = store
        self._found: OrderedDict[str, _Found] = OrderedDict()
        self._failures = Failures()
        self._noting: set[asyncio.Task[None]] = set()

    async def require(self, request: HTTPConnection, scope: Scope) -> ApiKey:
        """Raises Problem 401, 403, 429, StoreUnavailable."""
        key = await self._key_of(request)
        if scope not in key.scopes:
            has = ", ".join(sorted(key.scopes)) or "none"
            raise Problem(
                403,
                f"the key {key.name!r} lacks the scope {scope}; it has {has}. "
                f"`notifier key add NAME --scope {scope}` makes one that has it",
            )
        return key

    async def _key_of(self, request: HTTPConnection) -> ApiKey:
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        text = text.strip()
        if kind.lower() != "bearer" or not text:
            raise _unauthorized("send `Authorization: Bearer KEY`; `notifier key add` makes one")
        found = self._found.get(text)
        if found is not None and found.until_s > monotonic():
            return found.key
        return await self._look_up(text, address_of(request))

    async def _look_up(self, text: str, address: str) -> ApiKey:
        if wait_s := self._failures.wait_s(address):
            raise Problem(
                429,
                f"too many bad keys from {address}; try again in {wait_s} s",
                headers={"retry-after": str(wait_s)},
            )
        id_ = id_of_key(text)
        key = await self._store.find(id_) if id_ else None
        if key is None or not key.is_opened_by(text):
            self._found.pop(text, None)
            self._failures.note(address)
            logger.warning("api_key_refused", address=address, key_id=id_ or "")
            raise _unauthorized("this key is not known; `notifier key list` shows those that are")
        self._keep(text, key)
        return key

    def _keep(self, text: str, key: ApiKey) -> None:
        self._found[text] = _Found(key=key, until_s=monotonic() + TRUSTED_S)
        if len(self._found) > MOST_REMEMBERED:
            self._found.popitem(last=False)
        noting = asyncio.create_task(self._note_use(key.id))
        self._noting.add(noting)
        noting.add_done_callback(self._noting.discard)

    async def _note_use(self, id_: str) -> None:
        try:
            await self._store.note_use(id_)
        except StoreUnavailable as error:
            logger.info("api_key_use_not_noted", reason=str(error))


class Failures:
    """How often each address came with a bad key, of late."""

    def __init__(self) -> None:
        self._moments: OrderedDict[str, deque[float]] = OrderedDict()

    def note(self, address: str) -> None:
        moments = self._moments.setdefault(address, deque(maxlen=FAILURES))
        moments.append(monotonic())
        self._moments.move_to_end(address)
        if len(self._moments) > MOST_REMEMBERED:
            self._moments.popitem(last=False)

    def wait_s(self, address: str) -> int:
        """0 where it may try."""
        moments = self._moments.get(address)
        if moments is None or len(moments) < FAILURES:
            return 0
        left_s = moments[0] + FAILURES_S - monotonic()
        return int(left_s) + 1 if left_s > 0 else 0


def address_of(request: HTTPConnection) -> str:
    """Of the client; a network of IPv6 counts as one, since a client has all of it."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False))


def _unauthorized(detail: str) -> Problem:
    return Problem(401, detail, headers={"www-authenticate": 'Bearer realm="notifier"'})

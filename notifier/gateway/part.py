"""What the parts of the gateway get, and what they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from fastapi import APIRouter

from notifier.dispatch.tally import Tally
from notifier.gateway.keys import Keys
from notifier.gateway.shortcut import Handler
from notifier.settings import Settings
from notifier.wiring.gateway import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One process. draining: it takes nothing new, and ends as soon as what it has is done.

    keys: for every route of the API, `await gateway.keys.require(request, Scope.READ)`.
    shortcuts: see notifier.gateway.shortcut.
    """

    settings: Settings
    tools: Tools
    keys: Keys
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    tally: Tally = field(default_factory=Tally)
    shortcuts: dict[tuple[str, str], Handler] = field(default_factory=dict)


Part = Callable[[Gateway], AbstractAsyncContextManager[APIRouter]]
"""Opens what it needs for the process's life, and yields its routes.

It is closed before the tools are, and after the last request has been answered. What lasts longer
than a request (WebSockets, event streams) has to end itself once `draining` is set.
"""

"""Channels and stores as the tests need them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from notifier.channels.addresses import ANYWHERE
from notifier.channels.egress import Egress, EgressOptions
from notifier.channels.wechat import WechatChannel, WechatOptions, WechatTemplate
from notifier.channels.wechat.stable_token import Account, TokenEndpoint
from notifier.domain.endpoint import Endpoint
from notifier.domain.notification import ChannelName, Notification, Role, new_id
from notifier.sandbox.options import APP_ID, APP_SECRET, DESIGNER_TEMPLATE
from notifier.store.tokens import MemoryTokenStore
from tests.sandbox.rig import OPENID, Sandbox

DISPATCHED_AT = datetime(2026, 11, 21, 16, 30, 5, tzinfo=UTC)
"""Half past midnight of the next day in Beijing."""
TEMPLATE = WechatTemplate(
    template_id=DESIGNER_TEMPLATE,
    fields={"keyword1": "{order_no}", "keyword2": "{dispatched_at}"},
)


def options_for(sandbox: Sandbox, **changes: Any) -> WechatOptions:
    """The settings of a channel that speaks to this sandbox."""
    options = WechatOptions(
        app_id=APP_ID,
        app_secret=APP_SECRET,
        templates={"designer": TEMPLATE},
        base_url=sandbox.addresses["data_url"],
        ca_file=Path(sandbox.addresses["ca_file"]),
    )
    return replace(options, **changes)


def endpoint_for(sandbox: Sandbox) -> tuple[TokenEndpoint, Egress]:
    """The token call alone; the egress is the caller's to close."""
    ca_file = Path(sandbox.addresses["ca_file"])
    egress = Egress(EgressOptions(ca_file=ca_file, allow=ANYWHERE))
    account = Account(app_id=APP_ID, app_secret=APP_SECRET, base_url=sandbox.addresses["data_url"])
    return TokenEndpoint(account, egress=egress), egress


def notification(**changes: Any) -> Notification:
    """Good for WeChat, with an id of its own."""
    usual = Notification(
        id=new_id(),
        role=Role.DESIGNER,
        channel=ChannelName.WECHAT,
        recipient=OPENID,
        order_no="1912136916313",
        dispatched_at=DISPATCHED_AT,
    )
    return replace(usual, **changes)


class Clock:
    """A monotonic clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def advance(self, by: timedelta) -> None:
        self.now_s += by.total_seconds()


def channel_for(sandbox: Sandbox, **changes: Any) -> WechatChannel:
    """A channel with a token store of its own; to be closed."""
    return WechatChannel(options_for(sandbox, **changes), tokens=MemoryTokenStore())


def token_calls(sandbox: Sandbox) -> int:
    """How often anybody asked the sandbox for a stable token."""
    calls: int = sandbox.control.counters()["calls"].get("stable_token", 0)
    return calls


class Endpoints:
    """A book in memory; remembers what it was told of whom."""

    def __init__(self, *endpoints: Endpoint) -> None:
        self.known = {endpoint.form.name: endpoint for endpoint in endpoints}
        self.noted: list[tuple[str, bool]] = []
        self.disabled: dict[str, str] = {}
        self.fault: Exception | None = None

    async def find(self, name: str) -> Endpoint | None:
        if self.fault is not None:
            raise self.fault
        return self.known.get(name)

    async def note(self, endpoint: Endpoint, *, heard: bool) -> None:
        self.noted.append((endpoint.form.name, heard))

    async def disable(self, name: str, *, reason: str) -> None:
        self.disabled[name] = reason

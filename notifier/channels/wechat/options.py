"""What the WeChat channel is given; the settings are read elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from pathlib import Path

from notifier.channels.wechat.verdict import BEIJING


@dataclass(frozen=True, slots=True, kw_only=True)
class WechatTemplate:
    """fields: the template's key to text; `{order_no}`, `{dispatched_at}`, `{accepted_at}` and the
    payload's keys are filled in.
    """

    template_id: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WechatOptions:
    """templates: by the name that a notification asks for; a role's default under the role's name.

    base_url: https, without a path. ca_file: trust this CA (PEM) instead of the system's.
    timeout: one request, connecting included. connections: kept alive at most, per process.
    time_zone: for the times shown to people.
    """

    app_id: str
    app_secret: str = field(repr=False)
    templates: Mapping[str, WechatTemplate]
    base_url: str = "https://api.weixin.qq.com"
    ca_file: Path | None = None
    timeout: timedelta = timedelta(seconds=7)
    connections: int = 64
    time_zone: tzinfo = BEIJING

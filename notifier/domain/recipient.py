"""Whom a channel can reach: what a recipient looks like on each of them."""

from __future__ import annotations

import re
from collections.abc import Callable

from notifier.domain.endpoint import ENDPOINT_NAME, PREFIX
from notifier.domain.notification import ChannelName
from notifier.domain.order import OPENID, shorten
from notifier.errors import InvalidInput

LONGEST = 2048

_USER_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:@-]{0,127}")

CheckUrl = Callable[[str], object]
"""Raises InvalidInput for a URL that may not be called."""


def check_recipient(channel: ChannelName, recipient: str, check_url: CheckUrl) -> str:
    """An openid, a URL or `endpoint:NAME`, or a user id. Raises InvalidInput."""
    needs = _NEEDS[channel]
    if not recipient:
        raise InvalidInput("recipient", f"is empty; {channel} needs {needs}")
    if len(recipient) > LONGEST:
        raise InvalidInput("recipient", f"has {len(recipient)} characters, at most {LONGEST}")
    if channel is ChannelName.WEBHOOK and not recipient.startswith(PREFIX):
        check_url(recipient)
        return recipient
    if not _PATTERNS[channel].fullmatch(recipient.removeprefix(_PREFIXES.get(channel, ""))):
        raise InvalidInput("recipient", f"{shorten(recipient)} is none; {channel} needs {needs}")
    return recipient


_PATTERNS = {
    ChannelName.WECHAT: OPENID,
    ChannelName.WEBHOOK: ENDPOINT_NAME,
    ChannelName.PUSH: _USER_ID,
    ChannelName.TASK: _USER_ID,
}
_PREFIXES = {ChannelName.WEBHOOK: PREFIX}
_NEEDS = {
    ChannelName.WECHAT: "an openid, 5 to 64 letters, digits, '_' or '-'",
    ChannelName.WEBHOOK: "https://… or endpoint:NAME",
    ChannelName.PUSH: "a user id, 1 to 128 letters, digits or ._:@-",
    ChannelName.TASK: "a user id, 1 to 128 letters, digits or ._:@-",
}

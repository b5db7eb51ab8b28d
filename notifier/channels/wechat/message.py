"""A notification as the JSON body of WeChat's template message.

Source: WeChat's page on sending template messages (touser, template_id, data, client_msg_id) and
its table of the typed keys' value rules.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from functools import lru_cache
from uuid import UUID

import orjson

from notifier.channels.wechat.options import WechatTemplate
from notifier.domain.notification import Notification
from notifier.errors import InvalidInput

TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_TYPED_KEY = re.compile(r"([a-z_]+)\d+")
# JSON can write most of them only as the escapes that WeChat refuses.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CHINESE = re.compile(r"[\u3400-\u9fff]")


def _shape(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _is_name(value: str) -> bool:
    return len(value) <= (10 if _CHINESE.search(value) else 20)


VALUE_RULES: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "thing": (_shape(r"(?s).{1,20}"), "at most 20 characters"),
    "character_string": (_shape(r"[!-~ ]{1,32}"), "at most 32 ASCII characters"),
    "const": (_shape(r"(?s).{1,20}"), "at most 20 characters"),
    "phone_number": (_shape(r"[0-9+() -]{1,17}"), "at most 17 digits and signs"),
    "car_number": (_shape(r".{1,8}"), "at most 8 characters"),
    "number": (_shape(r"(?=.{1,32}$)-?[0-9]+(\.[0-9]+)?"), "a number of at most 32 digits"),
    "letter": (_shape(r"[A-Za-z]{1,32}"), "at most 32 letters"),
    "symbol": (_shape(r"\S{1,5}"), "at most 5 symbols"),
    "amount": (_shape(r"[^\d\s]?[0-9]{1,10}(\.[0-9]{1,2})?元?"), "a sign and at most 10 digits"),
    "name": (_is_name, "at most 10 Chinese or 20 other characters"),
    "phrase": (_shape(r"[\u3400-\u9fff]{1,5}"), "at most 5 Chinese characters"),
}
"""By the kind that a typed key begins with; keywordN and other keys have no stated rule."""


def client_msg_id(notification_id: UUID, resends: int = 0) -> str:
    """The same for every attempt, 26 of `[a-z2-7]`: WeChat tells an openid once per id.

    Another one after each time that WeChat could not deliver: it would swallow the old one.
    """
    name = f"{notification_id}#{resends}" if resends else str(notification_id)
    digest = hashlib.sha256(name.encode()).digest()
    return base64.b32encode(digest[:20])[:26].decode().lower()


def encode(
    notification: Notification, templates: Mapping[str, WechatTemplate], *, time_zone: tzinfo
) -> bytes:
    """The body to post, in real UTF-8: WeChat refuses `\\u` escapes.

    Raises InvalidInput: no attempt of this notification can ever succeed.
    """
    template = _template(notification, templates)
    if not notification.recipient:
        raise InvalidInput("recipient", "is empty, an openid is needed")
    values = _values(notification, time_zone)
    body = {
        "touser": notification.recipient,
        "template_id": template.template_id,
        "data": {
            key: {"value": _check(key, _fill(key, text, values))}
            for key, text in template.fields.items()
        },
        "client_msg_id": client_msg_id(notification.id, notification.resends),
    }
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError as error:
        raise InvalidInput("payload", f"cannot be written as UTF-8: {error}") from error


def needed_of(template: WechatTemplate) -> frozenset[str]:
    """The names that its texts are filled with."""
    return frozenset(
        name for text in template.fields.values() for name in _PLACEHOLDER.findall(text)
    )


def _template(
    notification: Notification, templates: Mapping[str, WechatTemplate]
) -> WechatTemplate:
    name = notification.template or notification.role.value
    template = templates.get(name)
    if template is None:
        known = ", ".join(sorted(templates)) or "none"
        raise InvalidInput("template", f"{name!r} is not in the settings; known: {known}")
    return template


def _values(notification: Notification, time_zone: tzinfo) -> dict[str, str]:
    values: dict[str, str] = {}
    for key, value in notification.payload.items():
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            values[key] = str(value)
    values["order_no"] = notification.order_no
    for key, moment in (
        # Where no order is dispatched, the acceptance is what stays the same over all attempts.
        ("dispatched_at", notification.dispatched_at or notification.accepted_at),
        ("accepted_at", notification.accepted_at),
    ):
        values.pop(key, None)
        if moment is not None:
            values[key] = _moment(moment, time_zone)
    return values


@lru_cache(maxsize=1024)
def _moment(moment: datetime, time_zone: tzinfo) -> str:
    return moment.astimezone(time_zone).strftime(TIME_FORMAT)


def _fill(key: str, text: str, values: Mapping[str, str]) -> str:
    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            raise InvalidInput(
                key, f"needs {{{name}}}: the notification has no text or number so named"
            )
        return values[name]

    return _PLACEHOLDER.sub(value_of, text)


def _check(key: str, value: str) -> str:
    """WeChat would refuse it too; here the reason is plainer and no call is spent."""
    if found := _CONTROL.search(value):
        raise InvalidInput(key, f"contains the control character U+{ord(found.group()):04X}")
    typed = _TYPED_KEY.fullmatch(key)
    rule = VALUE_RULES.get(typed.group(1)) if typed else None
    if rule is not None and not (value and rule[0](value)):
        raise InvalidInput(key, f"{len(value)} characters break WeChat's rule: {rule[1]}")
    return value

"""A receiver of webhooks that is registered under a name."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from notifier.errors import InvalidInput

PREFIX = "endpoint:"
"""A recipient that begins so names an endpoint; any other is a URL."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - no secret
# Source: the Standard Webhooks specification 1.0.0, "Signature scheme".
SHORTEST_KEY, LONGEST_KEY = 24, 64
ENDPOINT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Dialect(StrEnum):
    """By which answer a receiver says that it has heard."""

    STANDARD = "standard"
    """Any status of 200 to 299."""
    ALIPAY = "alipay"
    """The body is `success` and nothing else."""
    WECHATPAY_V2 = "wechatpay-v2"
    """XML whose return_code is SUCCESS."""
    WECHATPAY_V3 = "wechatpay-v3"
    """The status is 200 or 204, whatever the body says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointForm:
    """What a person decides of an endpoint; checked by `checked`.

    ladder: of its notifications that ask for no other; "" for the default.
    rate_per_s: requests a second at most; None: as many as there are.
    timeout: of one request; None: the settings'. http: it may be called unencrypted.
    """

    name: str
    url: str
    dialect: Dialect = Dialect.STANDARD
    ladder: str = ""
    rate_per_s: float | None = None
    timeout: timedelta | None = None
    http: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A registered one, as a channel needs it.

    secrets: that sign, the newest first; two of them during a rotation.
    failing_since: the first failure after the last success; None where the last attempt was heard.
    """

    form: EndpointForm
    secrets: tuple[str, ...] = field(repr=False)
    failing_since: datetime | None = None


def endpoint_of(recipient: str) -> str | None:
    """The name of the endpoint that a recipient means, None for a URL or anybody else."""
    return recipient.removeprefix(PREFIX) if recipient.startswith(PREFIX) else None


def check_endpoint_name(name: str) -> str:
    """Raises InvalidInput."""
    if not ENDPOINT_NAME.fullmatch(name):
        raise InvalidInput(
            "endpoint", f"{name[:64]!r} is no name: 1 to 64 letters, digits, '.', '_' and '-'"
        )
    return name


def check_form(form: EndpointForm, *, longest_timeout: timedelta) -> EndpointForm:
    """All but the URL, whose rules are the guard's. Raises InvalidInput."""
    check_endpoint_name(form.name)
    if form.rate_per_s is not None and not 0 < form.rate_per_s <= 100_000:
        raise InvalidInput(
            "rate", f"{form.rate_per_s:g} is not above 0 and at most 100000 a second"
        )
    if form.timeout is not None and not timedelta(seconds=1) <= form.timeout <= longest_timeout:
        raise InvalidInput(
            "timeout",
            f"{form.timeout.total_seconds():g} s is not between 1 s and the "
            f"{longest_timeout.total_seconds():g} s of [webhook] timeout_s",
        )
    return form


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The bytes that sign. Raises InvalidInput, which does not repeat the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise InvalidInput(
            "secret",
            f"must be {SECRET_PREFIX} and the base64 of {SHORTEST_KEY} to {LONGEST_KEY} bytes",
        )
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointStanding:
    """A registered one, for people; without its secret.

    failing_since: as in Endpoint. old_secret_until: until then the secret before signs too.
    pause_reason: "" where it does not rest. paused_until: None for a rest without an end.
    held: notifications that are held back and come again soon, where that was asked for;
    held_reason: of one of them, as in Held.
    """

    form: EndpointForm
    created_at: datetime
    failing_since: datetime | None
    failures: int
    old_secret_until: datetime | None
    pause_reason: str
    paused_by: str
    paused_until: datetime | None
    held: int = 0
    held_reason: str = ""

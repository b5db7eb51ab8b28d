"""What a sandbox is started with, where it then listens, and how WeChat's side behaves in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from notifier.errors import NotifierError

APP_ID = "wxsandbox0000000001"
APP_SECRET = "sandbox-secret-0123456789abcdef"  # noqa: S105 - a public test value
DESIGNER_TEMPLATE = "C3HSuUJdS86p_4gj4xxth943DdE2zkE3IxnlrK5MFTI"
PUBLISHER_TEMPLATE = "sandboxPublisherTemplate_000000000000000000"
CALLBACK_TOKEN = "sandboxcallbacktoken"  # noqa: S105 - a public test value
SERVER_NAME = "notifier-sandbox"


class SandboxError(NotifierError):
    """The sandbox cannot start, or was told something that it cannot do."""


class CertificateMode(StrEnum):
    """Which certificate the data port shows."""

    GOOD = "good"
    EXPIRED = "expired"
    WRONG_HOST = "wrong_host"
    SELF_SIGNED = "self_signed"


class RepeatAnswer(StrEnum):
    """What a repeated client_msg_id is answered; what WeChat does is not documented."""

    SAME_MSGID = "same_msgid"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """WeChat's side; every field can be changed while the sandbox runs.

    A limit of 0 is no limit. Source of the limits: WeChat's pages on access tokens and on
    template messages.
    """

    templates: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            DESIGNER_TEMPLATE: ("keyword1", "keyword2"),
            PUBLISHER_TEMPLATE: ("keyword1", "keyword2"),
        }
    )
    token_length: int = 136
    token_lifetime_s: int = 7200
    token_grace_s: int = 300
    """How long the replaced token of the classic endpoint still works."""
    classic_per_day: int = 2_000
    stable_per_minute: int = 10_000
    stable_per_day: int = 500_000
    force_per_day: int = 20
    force_gap_s: int = 30
    wrong_secret_errcode: int = 40001
    allowed_ips: tuple[str, ...] = ()
    """Empty allows all."""
    is_secret_frozen: bool = False
    is_api_off: bool = False
    banned_words: tuple[str, ...] = ()
    accepts_unicode_escapes: bool = False
    """Whether the text may come as backslash-u escapes; WeChat's own text for 40033 says no."""
    sends_per_minute: int = 0
    sends_per_day: int = 100_000
    quota_clears_per_month: int = 10
    repeat_window_s: int = 600
    repeat_answer: RepeatAnswer = RepeatAnswer.SAME_MSGID
    repeat_errcode: int = 45065
    refusal_status: int = 200

    def changed(self, changes: Mapping[str, Any]) -> Behaviour:
        """This behaviour with some fields replaced by values read from JSON.

        Raises: SandboxError for an unknown field or a value of another type.
        """
        known = {each.name for each in fields(self)}
        if unknown := sorted(set(changes) - known):
            raise SandboxError(f"behaviour: no field {unknown[0]!r}; known: {sorted(known)}")
        values = {name: _like(getattr(self, name), name, value) for name, value in changes.items()}
        return replace(self, **values)


def _like(present: object, name: str, value: Any) -> Any:
    if isinstance(present, RepeatAnswer) and value in list(RepeatAnswer):
        return RepeatAnswer(value)
    if isinstance(present, bool) and isinstance(value, bool):
        return value
    if type(present) is int and type(value) is int and value >= 0:
        return value
    if isinstance(present, tuple) and _is_list_of_text(value):
        return tuple(value)
    if isinstance(present, Mapping) and _is_lists_by_name(value):
        return {template: tuple(keys) for template, keys in value.items()}
    raise SandboxError(f"behaviour: {name} cannot be {value!r}; it is {present!r} now")


def _is_lists_by_name(value: object) -> bool:
    return isinstance(value, Mapping) and all(_is_list_of_text(each) for each in value.values())


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackTarget:
    """The account's server, which is told what became of a send.

    token, key: as both sides have them; key is the EncodingAESKey of the safe mode, "" for plain.
    """

    url: str = ""
    token: str = field(default=CALLBACK_TOKEN, repr=False)
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """How to start a sandbox; a port of 0 takes any free one.

    folder: effects, certificates and sandbox.json; a second start in it continues the first.
    script: parsed JSON: a list of rules, or an object with `rules`, `behaviour`, `people`,
        `webhooks` and `callback`, each as POST /_sim/<name> takes it.
    """

    folder: Path
    host: str = "127.0.0.1"
    data_port: int = 0
    control_port: int = 0
    webhook_port: int = 0
    certificate: CertificateMode = CertificateMode.GOOD
    app_id: str = APP_ID
    app_secret: str = field(default=APP_SECRET, repr=False)
    script: Any = None
    behaviour: Behaviour = field(default_factory=Behaviour)
    callback: CallbackTarget | None = None
    """None: nobody is told what became of a send."""
    wire_rows: int = 10_000
    """How many calls GET /_sim/wire remembers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a running sandbox listens, and the CA that verifies its data port."""

    data_url: str
    control_url: str
    webhook_url: str
    ca_file: Path
    effects_file: Path

    def listed(self) -> dict[str, str]:
        """As JSON has it."""
        return {name: str(value) for name, value in asdict(self).items()}

"""The channels, and where they may go."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints, field_validator
from pydantic_settings import NoDecode

from notifier.domain import reminder
from notifier.settings.section import Section, secret_of

TemplateName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
PICKUP_FIELDS = {"keyword1": reminder.TEXT, "keyword2": "{reserved_at}"}
ORDER_FIELDS = {"keyword1": "{order_no}", "keyword2": "{dispatched_at}"}


class NamedTemplate(Section):
    template_id: str = Field(min_length=1, max_length=64)
    """WeChat's id of the template."""
    fields: dict[str, str] = Field(min_length=1)
    """Template key to text; {order_no}, {accepted_at} and the payload's keys are filled in."""


class Wechat(Section):
    app_id: str = Field("", max_length=64)
    app_secret: SecretStr = SecretStr("")
    """Or app_secret_file."""
    app_secret_file: Path | None = None
    """A file with the secret, readable by nobody else."""
    callback_token: SecretStr = SecretStr("")
    """The token of WeChat's server configuration; with it the gateway has /wechat/callback."""
    callback_token_file: Path | None = None
    """A file with that token, readable by nobody else."""
    callback_key: SecretStr = SecretStr("")
    """EncodingAESKey, where the safe mode is chosen there."""
    callback_key_file: Path | None = None
    """A file with that key, readable by nobody else."""
    base_url: str = Field("https://api.weixin.qq.com", pattern=r"^https://[^/]+$")
    ca_file: Path | None = None
    """Verify WeChat's certificate against this CA instead of the system's (for the sandbox)."""
    timeout_s: float = Field(7, gt=0, le=60)
    """One request, connect included, seconds."""
    connections: int = Field(64, ge=1, le=1000)
    """Kept-alive connections per process."""
    designer_template: str = Field("C3HSuUJdS86p_4gj4xxth943DdE2zkE3IxnlrK5MFTI", max_length=64)
    designer_fields: dict[str, str] = Field(default=ORDER_FIELDS)
    """Template key to text; {order_no}, {dispatched_at} and the payload's keys are filled in."""
    publisher_template: str = Field("C3HSuUJdS86p_4gj4xxth943DdE2zkE3IxnlrK5MFTI", max_length=64)
    publisher_fields: dict[str, str] = Field(default=ORDER_FIELDS)
    pickup_template: str = Field("C3HSuUJdS86p_4gj4xxth943DdE2zkE3IxnlrK5MFTI", max_length=64)
    pickup_fields: dict[str, str] = Field(default=PICKUP_FIELDS)
    """Of `notifier remind`; {seconds}, {reserved_at}, {pickup_at}, {order_no} are filled in."""
    templates: dict[TemplateName, NamedTemplate] = Field(default={})
    """More by name, for `publish --template`: [wechat.templates.ready] template_id, fields."""
    time_zone: str = "Asia/Shanghai"
    """For the times shown to people."""

    @field_validator("templates")
    @classmethod
    def _check_names(cls, value: dict[str, NamedTemplate]) -> dict[str, NamedTemplate]:
        for name, own in (
            ("designer", "designer"),
            ("publisher", "publisher"),
            (reminder.TEMPLATE, "pickup"),
        ):
            if name in value:
                raise ValueError(f"{name!r} is set by {own}_template and {own}_fields")
        return value

    def secret(self) -> str:
        """Raises SettingsError where its file cannot be read, or others can read it."""
        return secret_of("[wechat] app_secret_file", self.app_secret, self.app_secret_file)

    def callback_token_text(self) -> str:
        """Raises SettingsError."""
        return secret_of(
            "[wechat] callback_token_file", self.callback_token, self.callback_token_file
        )

    def callback_key_text(self) -> str:
        """Raises SettingsError."""
        return secret_of("[wechat] callback_key_file", self.callback_key, self.callback_key_file)


class Egress(Section):
    allow_cidrs: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks that webhooks may reach though they are not public, comma-separated."""
    allow_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Names that webhooks may call wherever they lead, comma-separated."""
    ports: Annotated[tuple[int, ...], NoDecode] = (443, 8443)
    """Ports that webhooks may call, comma-separated; empty: any. 80 goes with http."""
    allow_http: bool = False
    """Allow unencrypted webhooks, to any URL; an endpoint can be allowed alone."""

    @field_validator("allow_cidrs", "allow_hosts", "ports", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("allow_cidrs")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_network(text)) for text in value)

    @field_validator("allow_hosts")
    @classmethod
    def _in_lower_case(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(text.lower().removesuffix(".") for text in value)


class Webhook(Section):
    timeout_s: float = Field(15, ge=1, le=60)
    """The longest one request may take, connect included, seconds."""
    concurrency: int = Field(16, ge=1, le=1000)
    """Requests under way at once to one endpoint, per process."""
    open_after: int = Field(5, ge=0, le=1000)
    """Failures in a row after which an endpoint is left alone, but for one probe; 0: never."""
    ca_file: Path | None = None
    """Verify receivers' certificates against this CA instead of the system's."""
    secret: SecretStr = SecretStr("")
    """whsec_…; signs what goes to a URL that is no endpoint. Or secret_file."""
    secret_file: Path | None = None
    """A file with that secret, readable by nobody else."""
    key: SecretStr = SecretStr("")
    """Encrypts the endpoints' secrets: base64 of 32 bytes; older ones behind commas."""
    key_file: Path | None = None
    """A file with the key, readable by nobody else."""
    give_up_after_h: float = Field(120, ge=1, le=8760)
    """An endpoint that has failed for so long is paused, hours."""

    def signing_secret(self) -> str:
        """Raises SettingsError."""
        return secret_of("[webhook] secret_file", self.secret, self.secret_file)

    def keys(self) -> tuple[str, ...]:
        """The first one encrypts, all of them decrypt. Raises SettingsError."""
        text = secret_of("[webhook] key_file", self.key, self.key_file)
        return tuple(part.strip() for part in text.split(",") if part.strip())

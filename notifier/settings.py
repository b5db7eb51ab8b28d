"""Every setting with its unit, bound and default. Read once, frozen, passed down.

From, strongest first: the environment (`NOTIFIER_AMQP_URL` is `[amqp] url`), then the file that
`NOTIFIER_CONFIG` names, else `notifier.toml` of the working directory.
"""

from __future__ import annotations

import os
import tomllib
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.exceptions import SettingsError as UnreadableVariable

from notifier.domain.ladder import (
    BUILT_IN,
    DEFAULT_TIERS,
    LONGEST_TIER_S,
    check_tiers,
    ladder_of,
    parse_tiers,
)
from notifier.errors import SettingsError
from notifier.secret_file import read_secret, with_password

IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
TABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,63}(\.[A-Za-z_][A-Za-z0-9_]{0,63})?$"


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="after")
    def _read_passwords(self) -> Self:
        """An address whose password is in a file becomes one with a password."""
        read = {}
        for name in type(self).model_fields:
            file, url = getattr(self, name), name.removesuffix("password_file") + "url"
            if not name.endswith("password_file") or file is None:
                continue
            address = getattr(self, url)
            if address is None:
                raise ValueError(f"{name} is given without {url}")
            read[url] = SecretStr(_password_into(address.get_secret_value(), name, file))
        return self.model_copy(update=read) if read else self


class Amqp(Section):
    url: SecretStr = SecretStr("amqp://localhost:5672/")
    """RabbitMQ: amqp:// or amqps://, user and vhost included."""
    password_file: Path | None = None
    """The password for url, in a file that nobody else can read."""
    allow_plaintext: bool = False
    """Allow an unencrypted connection to another machine."""
    management_url: SecretStr | None = None
    """RabbitMQ's management API, http(s)://user:password@host:15672; for depths and checks."""
    management_password_file: Path | None = None
    """The password for management_url, in a file that nobody else can read."""
    exchange: str = Field("delay", min_length=1, max_length=80)
    """The x-delayed-message exchange."""
    queue_prefix: str = Field("delay_queue", min_length=1, max_length=80)
    """A tier's queue is this and its seconds."""
    delay: Literal["auto", "exchange", "queues"] = "auto"
    """What holds messages: the exchange, or a hold queue per tier; auto: the first there is."""
    delayed_type: Literal["direct", "topic"] = "direct"
    """How the exchange routes when the delay is over."""
    queue_type: Literal["quorum", "classic"] = "quorum"
    """classic only to share the objects of older programs; hold queues are quorum always."""
    hold_prefix: str = Field("", max_length=80)
    """A tier's hold queue is this and its seconds; empty: queue_prefix and '.hold.'."""
    dead_queue: str = Field("notifier.dead", min_length=1, max_length=80)
    """Holds what has no row or cannot be read."""
    heartbeat_s: int = Field(30, ge=5, le=600)
    """AMQP heartbeat, seconds."""
    publish_timeout_s: float = Field(10, gt=0, le=120)
    """How long to wait for a publisher confirm, seconds."""


class Mysql(Section):
    url: SecretStr = SecretStr("mysql://root@localhost:3306/notifier")
    """MySQL 8 or MariaDB 10.6 and newer: mysql://user:password@host:port/database."""
    password_file: Path | None = None
    """The password for url, in a file that nobody else can read."""
    ca_file: Path | None = None
    """Verify the server against this CA; without it only a loopback server is accepted."""
    allow_plaintext: bool = False
    """Allow an unencrypted connection to another machine."""
    pool_size: int = Field(4, ge=1, le=64)
    """Connections per process."""
    statement_timeout_s: float = Field(10, gt=0, le=300)
    """A statement that takes longer counts as the server being away, seconds."""


class Redis(Section):
    url: SecretStr = SecretStr("redis://localhost:6379/0")
    """redis:// or rediss://."""
    password_file: Path | None = None
    """The password for url, in a file that nobody else can read."""
    prefix: str = Field("notifier:", min_length=1, max_length=64)
    """Every key begins with this."""


class NamedLadder(Section):
    delays_s: Annotated[tuple[float, ...], NoDecode] = BUILT_IN["default"]
    """Delay before each attempt, seconds, comma-separated."""
    jitter: float = Field(0, ge=0, le=1)
    """At most this part of a retry's delay is added to it, by chance."""
    give_up_after_s: float | None = Field(None, gt=0, le=LONGEST_TIER_S)
    """Nobody is told later than this after the first moment, seconds; unset: no such limit."""

    @field_validator("delays_s", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(float(part) for part in value.split(",") if part.strip())
        return value

    @field_validator("delays_s")
    @classmethod
    def _check(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        _checked(partial(ladder_of, "delays_s"), value)
        return value


LadderName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$")]


class LadderSection(NamedLadder):
    """`default`, and others by name."""

    named: dict[LadderName, NamedLadder] = {}
    """More of them: [ladder.named.patient] delays_s = [60, 600, 3600]; `notifier ladder list`."""

    @field_validator("named")
    @classmethod
    def _check_names(cls, value: dict[str, NamedLadder]) -> dict[str, NamedLadder]:
        if "default" in value:
            raise ValueError("'default' is set by [ladder] delays_s itself")
        return value


class Fleet(Section):
    name: str = Field("default", pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    """Two fleets of one name on one host are refused."""
    tiers: Annotated[tuple[int, ...], NoDecode] = DEFAULT_TIERS
    """Seconds; one queue and at least one process for each."""
    concurrency: int = Field(200, ge=1, le=2000)
    """Attempts under way at once, per process."""
    run_dir: Path = Path(os.environ.get("XDG_RUNTIME_DIR", "/tmp")) / f"notifier-{os.getuid()}"  # noqa: S108
    """Lock and control socket; created with mode 0700."""
    drain_s: float = Field(30, ge=0, le=600)
    """How long SIGTERM lets work in flight finish, seconds."""
    heartbeat_s: float = Field(1, ge=0.1, le=60)
    """How often each process reports, seconds."""
    give_up_after: int = Field(5, ge=1, le=100)
    """Deaths of one child within a minute until the fleet stops with an error."""
    metrics_port: int | None = Field(None, ge=0, le=65535)
    """Prometheus metrics of the whole fleet on this port of loopback."""

    @field_validator("tiers", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        return _checked(parse_tiers, value) if isinstance(value, str) else value

    @field_validator("tiers")
    @classmethod
    def _check(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        checked: tuple[int, ...] = _checked(check_tiers, value)
        return checked


class Attempt(Section):
    batch: int = Field(200, ge=1, le=2000)
    """Most claims or records in one statement."""
    pause_s: float = Field(60, ge=1, le=86400)
    """How long a channel rests after a quota or configuration refusal without a date, seconds."""


class Calendar(Section):
    horizon_s: float = Field(60, ge=1, le=86400)
    """What is due later than this waits in MySQL, seconds."""
    tick_s: float = Field(0.5, gt=0, le=60)
    """How often the calendar and the sweeper look, seconds."""
    batch: int = Field(500, ge=1, le=5000)
    """Rows promoted or swept in one transaction."""


class NamedTemplate(Section):
    template_id: str = Field(min_length=1, max_length=64)
    """WeChat's id of the template."""
    fields: dict[str, str] = Field(min_length=1)
    """Template key to text; {order_no}, {accepted_at} and the payload's keys are filled in."""


TemplateName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Outbox(Section):
    poll_s: float = Field(0.1, ge=0.01, le=60)
    """How often the fleet looks into notifier_outbox while nothing comes, seconds."""


class Retention(Section):
    days: int = Field(30, ge=0, le=36500)
    """How long what has ended is kept, with its attempts and its log lines; 0: for ever."""
    chunk: int = Field(500, ge=1, le=5000)
    """Rows looked at in one transaction."""


class Wechat(Section):
    app_id: str = Field("", max_length=64)
    app_secret: SecretStr = SecretStr("")
    """Or app_secret_file."""
    app_secret_file: Path | None = None
    """A file with the secret, readable by nobody else."""
    base_url: str = Field("https://api.weixin.qq.com", pattern=r"^https://[^/]+$")
    ca_file: Path | None = None
    """Verify WeChat's certificate against this CA instead of the system's (for the sandbox)."""
    timeout_s: float = Field(7, gt=0, le=60)
    """One request, connect included, seconds."""
    connections: int = Field(64, ge=1, le=1000)
    """Kept-alive connections per process."""
    designer_template: str = Field("C3HSuUJdS86p_4gj4xxth943DdE2zkE3IxnlrK5MFTI", max_length=64)
    designer_fields: dict[str, str] = {"keyword1": "{order_no}", "keyword2": "{dispatched_at}"}
    """Template key to text; {order_no}, {dispatched_at} and the payload's keys are filled in."""
    publisher_template: str = Field("C3HSuUJdS86p_4gj4xxth943DdE2zkE3IxnlrK5MFTI", max_length=64)
    publisher_fields: dict[str, str] = {"keyword1": "{order_no}", "keyword2": "{dispatched_at}"}
    templates: dict[TemplateName, NamedTemplate] = {}
    """More by name, for `publish --template`: [wechat.templates.ready] template_id, fields."""
    time_zone: str = "Asia/Shanghai"
    """For the times shown to people."""

    @field_validator("templates")
    @classmethod
    def _check_names(cls, value: dict[str, NamedTemplate]) -> dict[str, NamedTemplate]:
        for role in ("designer", "publisher"):
            if role in value:
                raise ValueError(f"{role!r} is set by {role}_template and {role}_fields")
        return value

    def secret(self) -> str:
        """Raises SettingsError where its file cannot be read, or others can read it."""
        return _secret("[wechat] app_secret_file", self.app_secret, self.app_secret_file)


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
        return _secret("[webhook] secret_file", self.secret, self.secret_file)

    def keys(self) -> tuple[str, ...]:
        """The first one encrypts, all of them decrypt. Raises SettingsError."""
        text = _secret("[webhook] key_file", self.key, self.key_file)
        return tuple(part.strip() for part in text.split(",") if part.strip())


class Orders(Section):
    table: str = Field("tg_order_task", pattern=TABLE)
    """The application's order table, `schema.table` where it is another schema; see enabled."""
    enabled: bool = True
    """False: there are only notifications, no orders."""
    id_column: str = Field("order_id", pattern=IDENTIFIER)
    number_column: str = Field("order_no", pattern=IDENTIFIER)
    status_column: str = Field("status", pattern=IDENTIFIER)
    designer_id_column: str = Field("design_userid", pattern=IDENTIFIER)
    designer_name_column: str = Field("design_username", pattern=IDENTIFIER)
    designed_at_column: str = Field("design_time", pattern=IDENTIFIER)
    publisher_column: str | None = Field("publisher_openid", pattern=IDENTIFIER)
    """Whom to tell that the order was dispatched; none: the missing address is reported."""


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    console: bool = True
    """A line per attempt on the console."""
    folder: Path | None = None
    """A line per attempt in tier-N.log of this folder, rotated."""
    mysql: bool = True
    """A line per attempt in tg_log_order_dispatch."""
    json_lines: bool = False
    """Console lines as JSON."""


class Sandbox(Section):
    control_url: str | None = None
    """The sandbox's control port, for load tests."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="NOTIFIER_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        extra="forbid",
        frozen=True,
    )

    amqp: Amqp = Amqp()
    mysql: Mysql = Mysql()
    redis: Redis = Redis()
    ladder: LadderSection = LadderSection()
    fleet: Fleet = Fleet()
    attempt: Attempt = Attempt()
    calendar: Calendar = Calendar()
    outbox: Outbox = Outbox()
    retention: Retention = Retention()
    wechat: Wechat = Wechat()
    webhook: Webhook = Webhook()
    egress: Egress = Egress()
    orders: Orders = Orders()
    log: Log = Log()
    sandbox: Sandbox = Sandbox()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = TomlConfigSettingsSource(settings_cls, _file())
        return init_settings, env_settings, file


def _file() -> Path:
    """Raises SettingsError for one that is named and missing."""
    named = os.environ.get("NOTIFIER_CONFIG")
    if named and not Path(named).is_file():
        raise SettingsError(f"NOTIFIER_CONFIG: there is no file {named}")
    return Path(named or "notifier.toml")


def read_settings(**overrides: Any) -> Settings:
    """Read and check everything.

    overrides: sections as mappings, stronger than the environment; for options of the command line.
    Raises SettingsError that names each bad setting, its value's fault and where to set it.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [_explain(item["loc"], item["msg"]) for item in error.errors()]
        raise SettingsError("\n".join(lines)) from None
    except UnreadableVariable as error:
        raise SettingsError(f"{error} (NOTIFIER_…): {error.__cause__}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{_file()}: {error}") from None


def _explain(location: tuple[int | str, ...], message: str) -> str:
    section, *rest = [str(part) for part in location]
    if not rest:
        return f"[{section}]: {message}"
    name = "_".join(part for part in rest if not part.isdigit())
    return f"[{section}] {name} (NOTIFIER_{section.upper()}_{name.upper()}): {message}"


def _password_into(url: str, name: str, file: Path) -> str:
    try:
        return with_password(url, read_secret(file))
    except SettingsError as error:
        raise ValueError(f"{name}: {error}") from None


def _secret(name: str, secret: SecretStr, file: Path | None) -> str:
    """The file's, where there is one. Raises SettingsError where others can read it, or nobody."""
    if file is None:
        return secret.get_secret_value()
    try:
        return read_secret(file)
    except SettingsError as error:
        raise SettingsError(f"{name}: {error}") from None


def _checked(check: Any, value: Any) -> Any:
    try:
        return check(value)
    except Exception as error:
        raise ValueError(str(error)) from error

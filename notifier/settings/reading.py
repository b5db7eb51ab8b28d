"""All sections together, and where they are read from."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.exceptions import SettingsError as UnreadableVariable

from notifier.errors import SettingsError
from notifier.settings.channels import Egress, Webhook, Wechat
from notifier.settings.fleet import Attempt, Calendar, Fleet, Log, Outbox, Retention
from notifier.settings.gateway import Gateway
from notifier.settings.intake import Intake
from notifier.settings.ladders import LadderSection
from notifier.settings.live import Live, Tasks
from notifier.settings.orders import Orders
from notifier.settings.servers import Amqp, Mysql, Redis, Sandbox


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
    intake: Intake = Intake()
    gateway: Gateway = Gateway()
    retention: Retention = Retention()
    wechat: Wechat = Wechat()
    webhook: Webhook = Webhook()
    egress: Egress = Egress()
    live: Live = Live()
    tasks: Tasks = Tasks()
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

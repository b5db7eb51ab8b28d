"""The broker as its image runs it, without a container: same start, same files, other places."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from notifier.broker.connection import Server as Address
from notifier.stack import Stack, layout
from notifier.stack.layout import CHECKOUT, Layout
from notifier.stack.rabbitmq import RabbitMqRecipe
from notifier.stack.server import Server

RABBITMQ = CHECKOUT / "rabbitmq"
VHOST = "notifier"


class ImageRecipe(RabbitMqRecipe):
    """rabbitmq/start with the shipped files; only ports and folders are its own."""

    name = "rabbitmq-image"

    def __init__(self, folder: Path, layout: Layout, secrets: Path) -> None:
        super().__init__(folder, layout)
        self.folder = folder
        self._run = folder / "run"
        self._secrets = secrets

    def prepare(self) -> None:
        (self._run / "conf.d").mkdir(parents=True, exist_ok=True)
        (self._run / "conf.d" / "ports.conf").write_text(
            f"listeners.tcp.default = 127.0.0.1:{self.ports[0]}\n"
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {self.ports[1]}\n"
        )
        (self.folder / "rabbitmq-env.conf").write_text("")

    def command(self) -> Sequence[str]:
        return [str(RABBITMQ / "start"), *super().command()]

    def environ(self) -> Mapping[str, str]:
        return {
            **super().environ(),
            "SECRETS_DIR": str(self._secrets),
            "RUN_DIR": str(self._run),
            "RABBITMQ_CONFIG_FILE": str(RABBITMQ / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(self._run / "conf.d"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(RABBITMQ / "enabled_plugins"),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A running one, its passwords in `secrets`, each in a file that is named like its user."""

    recipe: ImageRecipe
    server: Server
    secrets: Path

    @property
    def program(self) -> Path:
        """The rabbitmq-server that the tests run."""
        return Path(self.recipe.command()[-1])

    def password(self, user: str) -> str:
        return (self.secrets / user).read_text().strip()

    def address(self, user: str, vhost: str = VHOST) -> Address:
        host = f"127.0.0.1:{self.recipe.ports[0]}"
        return Address(url=f"amqp://{user}:{self.password(user)}@{host}/{vhost}")

    @property
    def management(self) -> str:
        return f"http://127.0.0.1:{self.recipe.ports[1]}"

    def settings(self, user: str) -> dict[str, str]:
        """For `notifier`, as docker-compose.yml gives them: the passwords are in files."""
        host = f"127.0.0.1:{self.recipe.ports[0]}"
        return {
            "NOTIFIER_AMQP_URL": f"amqp://{user}@{host}/{VHOST}",
            "NOTIFIER_AMQP_PASSWORD_FILE": str(self.secrets / user),
            "NOTIFIER_AMQP_MANAGEMENT_URL": self.management.replace("//", "//notifier-monitor@"),
            "NOTIFIER_AMQP_MANAGEMENT_PASSWORD_FILE": str(self.secrets / "notifier-monitor"),
        }


def rights() -> dict[str, dict[str, str]]:
    """By user: `configure`, `write`, `read`, each a pattern."""
    definitions = json.loads((RABBITMQ / "definitions.json").read_text())
    return {permission["user"]: permission for permission in definitions["permissions"]}


def image_in(stack: Stack, secrets: Path) -> Image:
    """Beside the stack's broker, in the stack's folder: what removes that removes this.

    Not started.
    """
    folder = stack.folder / "rabbitmq-image"
    folder.mkdir(exist_ok=True)
    shared = layout.load(stack.folder)
    assert shared is not None
    own = replace(layout.create(folder), epmd_port=shared.epmd_port)
    recipe = ImageRecipe(folder, own, secrets)
    return Image(recipe=recipe, server=Server(recipe), secrets=secrets)


def environment_alone() -> dict[str, str]:
    """This process's, without any settings of notifier."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_")}


def users() -> list[str]:
    definitions = json.loads((RABBITMQ / "definitions.json").read_text())
    return [user["name"] for user in definitions["users"]]

"""How the private RabbitMQ and its port mapper are run."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from notifier.stack import delayed_exchange
from notifier.stack.layout import CHECKOUT, Layout, write_private
from notifier.stack.process import HOST, StackError, find_program

_PACKAGE = "rabbitmq-server"
_SETTINGS = CHECKOUT / "rabbitmq"
# Debian's /usr/sbin/rabbitmq-server insists on the user rabbitmq; the one it wraps does not.
_PLACES = (
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server",
    "/opt/rabbitmq/sbin/rabbitmq-server",
)


class EpmdRecipe:
    """Erlang's port mapper, one of our own: the machine's (port 4369) is never spoken to."""

    name = "epmd"

    def __init__(self, folder: Path, layout: Layout):
        self.folder = folder / "epmd"
        self.ports = (layout.epmd_port,)

    def prepare(self) -> None:
        pass

    def command(self) -> Sequence[str]:
        program = find_program("epmd", package="erlang-base")
        return [program, "-address", HOST, "-port", str(self.ports[0])]

    def environ(self) -> Mapping[str, str]:
        return _environ_without_erlang()

    def version(self) -> str | None:
        """epmd has no version of its own. Source: Erlang distribution protocol, NAMES_REQ."""
        try:
            with socket.create_connection((HOST, self.ports[0]), timeout=2) as connection:
                connection.sendall(b"\x00\x01n")
                return "-" if connection.recv(4) else None
        except OSError:
            return None


class RabbitMqRecipe:
    """RabbitMQ with the management UI and, where it can be built, our delayed exchange."""

    name = "rabbitmq"

    def __init__(self, folder: Path, layout: Layout):
        self.folder = folder / "rabbitmq"
        self.ports = (layout.amqp_port, layout.management_port, layout.distribution_port)
        self._layout = layout

    def prepare(self) -> None:
        cookie = self.folder / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, self._layout.cookie)
            cookie.chmod(0o400)
        write_private(self.folder / "definitions.json", self._definitions())
        write_private(self.folder / "rabbitmq.conf", self._configuration())
        write_private(self.folder / "rabbitmq-env.conf", "")
        plugins = "[rabbitmq_management].\n"
        if delayed_exchange.is_available():
            plugins = (_SETTINGS / "enabled_plugins").read_text()
        write_private(self.folder / "enabled_plugins", plugins)

    def command(self) -> Sequence[str]:
        return [str(_program())]

    def environ(self) -> Mapping[str, str]:
        folder = self.folder
        return _environ_without_erlang() | {
            "HOME": str(folder),
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_NODENAME": self._layout.node,
            "RABBITMQ_MNESIA_BASE": str(folder),
            "RABBITMQ_MNESIA_DIR": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(_SETTINGS / "advanced.config"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PLUGINS_DIR": self._plugin_path(),
            "RABBITMQ_PLUGINS_EXPAND_DIR": str(folder / "plugins-expand"),
            "RABBITMQ_DIST_PORT": str(self._layout.distribution_port),
            # Idle schedulers that spin would steal the processors from the other servers.
            "RABBITMQ_SCHEDULER_BUSY_WAIT_THRESHOLD": "none",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"
            ),
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(self._layout.epmd_port),
            "ERL_CRASH_DUMP": str(folder / "erl_crash.dump"),
        }

    def version(self) -> str | None:
        """None until both AMQP and the management API answer.

        Source: AMQP 0-9-1, 4.2.2 and Connection.Start, whose server-properties hold the version.
        """
        try:
            with socket.create_connection((HOST, self.ports[0]), timeout=2) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                start = connection.recv(4096)
        except OSError:
            return None
        before, marker, after = start.partition(b"\x07versionS")
        if not marker or not before.startswith(b"\x01") or not self._management_answers():
            return None
        return after[4 : 4 + int.from_bytes(after[:4], "big")].decode()

    def _management_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.ports[1]}/", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def _plugin_path(self) -> str:
        broker = _program().parent.parent
        if not delayed_exchange.is_available():
            return str(broker / "plugins")
        return f"{broker / 'plugins'}:{delayed_exchange.build(broker)}"

    def _configuration(self) -> str:
        """The repository's own rabbitmq.conf, then what is this stack's alone; the last wins."""
        shipped = _SETTINGS / "rabbitmq.conf"
        own = f"""
listeners.tcp.default = {HOST}:{self.ports[0]}
management.tcp.ip = {HOST}
management.tcp.port = {self.ports[1]}
load_definitions = {self.folder / "definitions.json"}
log.file = false
log.console = true
"""
        return (shipped.read_text() if shipped.exists() else "") + own

    def _definitions(self) -> str:
        """Users and vhost, loaded at boot: rabbitmqctl would take 2 s for each."""
        permissions = {"vhost": "notifier", "configure": ".*", "write": ".*", "read": ".*"}
        return json.dumps(
            {
                "vhosts": [{"name": "notifier"}],
                "users": [
                    _user("notifier", password=self._layout.amqp_password, tags=""),
                    _user("admin", password=self._layout.admin_password, tags="administrator"),
                ],
                "permissions": [
                    {"user": "notifier", **permissions},
                    {"user": "admin", **permissions},
                ],
            }
        )


def _environ_without_erlang() -> dict[str, str]:
    """The caller's environment without what would point the broker at another one's files."""
    foreign = ("RABBITMQ_", "ERL_", "NOTIFY_SOCKET")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def _user(name: str, *, password: str, tags: str) -> dict[str, str]:
    """Source: RabbitMQ, "Credentials and Passwords": base64 of salt + sha256(salt + password)."""
    salt = secrets.token_bytes(4)
    digest = hashlib.sha256(salt + password.encode()).digest()
    return {
        "name": name,
        "password_hash": base64.b64encode(salt + digest).decode(),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": tags,
    }


def _program() -> Path:
    chosen = os.environ.get("RABBITMQ_LIB")
    if chosen:
        program = Path(chosen) / "sbin" / "rabbitmq-server"
        if not program.exists():
            raise StackError(
                f"RABBITMQ_LIB is {chosen}, and there is no {program}: name RabbitMQ's own "
                "folder, the one with sbin/ and plugins/"
            )
        return program
    for place in _PLACES:
        found = sorted(Path("/").glob(place.lstrip("/")))
        if found:
            return found[-1]
    try:
        return Path(find_program("rabbitmq-server", package=_PACKAGE)).resolve()
    except StackError:
        raise StackError(
            "rabbitmq-server is not installed: run scripts/bootstrap or install the package "
            f"{_PACKAGE}"
        ) from None

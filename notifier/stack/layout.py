"""Where a private stack lives: its folder, and the ports and passwords that it keeps for good."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import secrets
import socket
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path

from notifier.stack.process import HOST, StackError

CHECKOUT = Path(__file__).resolve().parents[2]
_FILE = "stack.json"
# Below the kernel's default range for outgoing connections (32768-60999), so that a remembered
# port is not taken by some client while the stack is down.
_PORT_RANGE = range(20000, 32000)


class DatabaseKind(StrEnum):
    """Which server keeps the tables."""

    MARIADB = "mariadb"
    MYSQL = "mysql"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Everything that is chosen once for a stack and remembered in `stack.json` (mode 0600)."""

    node: str
    amqp_port: int
    management_port: int
    distribution_port: int
    epmd_port: int
    mysql_port: int
    redis_port: int
    amqp_password: str = field(repr=False)
    admin_password: str = field(repr=False)
    mysql_password: str = field(repr=False)
    mysql_root_password: str = field(repr=False)
    redis_password: str = field(repr=False)
    cookie: str = field(repr=False)
    database: DatabaseKind = DatabaseKind.MARIADB

    def __post_init__(self) -> None:
        # From the file it comes as a word, and an unknown one is refused.
        object.__setattr__(self, "database", DatabaseKind(self.database))

    @property
    def webhook_key(self) -> str:
        """32 bytes in base64, the same for as long as the stack's data."""
        digest = hashlib.sha256(b"endpoints' secrets " + self.cookie.encode()).digest()
        return base64.b64encode(digest).decode()


def load(folder: Path) -> Layout | None:
    """The layout remembered in `folder`, or None if there is none yet.

    Raises: StackError if the file cannot be used.
    """
    path = folder / _FILE
    try:
        return Layout(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StackError(
            f"{path} cannot be used ({error}); `notifier stack down --wipe` removes the stack "
            "with its data"
        ) from error


def create(folder: Path, *, database: DatabaseKind = DatabaseKind.MARIADB) -> Layout:
    """Choose free ports and fresh passwords, and write them down before anything uses them."""
    ports = iter(free_ports(6))
    layout = Layout(
        node=f"notifier-{secrets.token_hex(4)}@localhost",
        amqp_port=next(ports),
        management_port=next(ports),
        distribution_port=next(ports),
        epmd_port=next(ports),
        mysql_port=next(ports),
        redis_port=next(ports),
        amqp_password=secrets.token_hex(16),
        admin_password=secrets.token_hex(16),
        mysql_password=secrets.token_hex(16),
        mysql_root_password=secrets.token_hex(16),
        redis_password=secrets.token_hex(16),
        cookie=secrets.token_hex(16),
        database=database,
    )
    write_private(folder / _FILE, json.dumps(asdict(layout), indent=2) + "\n")
    return layout


def write_private(path: Path, text: str) -> None:
    """Replace `path` by `text`, readable by nobody else at any moment."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # What servers do: a port whose old connections are in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    """So many different loopback ports that nothing listens on now.

    Raises: StackError if there are fewer.
    """
    candidates = random.SystemRandom().sample(_PORT_RANGE, len(_PORT_RANGE))
    chosen = list(islice(filter(port_is_free, candidates), count))
    if len(chosen) < count:
        raise StackError(
            f"{HOST} has fewer than {count} free ports from {_PORT_RANGE.start} "
            f"to {_PORT_RANGE.stop - 1}"
        )
    return chosen

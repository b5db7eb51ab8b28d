"""What MariaDB and MySQL have in common: settings, accounts, and how they greet."""

from __future__ import annotations

import os
import pwd
import socket
from pathlib import Path

from notifier.stack.layout import Layout
from notifier.stack.process import HOST


def version(port: int) -> str | None:
    """From the greeting. Source: MySQL protocol, HandshakeV10 (a 10, then a C string)."""
    try:
        with socket.create_connection((HOST, port), timeout=2) as connection:
            greeting = connection.recv(256)
    except OSError:
        return None
    if len(greeting) < 6 or greeting[4] != 10:
        return None
    text = greeting[5:].split(b"\0")[0].decode(errors="replace")
    # MariaDB says 5.5.5- first, for replicas of old that cannot read a two-digit major.
    return text.removeprefix("5.5.5-")


def configuration(folder: Path, port: int) -> str:
    """The lines of an option file: utf8mb4, UTC, strict, durable at every commit.

    The pool holds two million rows that wait, so that promoting one reads no disk; it costs 15 MB
    until it is used.
    """
    # The socket's path is relative to the data folder: an absolute one may exceed 107 bytes.
    return f"""user = {user()}
datadir = {folder / "data"}
tmpdir = {folder / "tmp"}
bind-address = {HOST}
port = {port}
socket = sql.sock
pid-file = sql.pid
init-file = {folder / "init.sql"}
skip-name-resolve
skip-log-bin
local-infile = 0
character-set-server = utf8mb4
collation-server = utf8mb4_unicode_ci
default-time-zone = +00:00
sql-mode = STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION
innodb-flush-log-at-trx-commit = 1
innodb-buffer-pool-size = 1G
max-connections = 300
"""


def accounts(layout: Layout) -> str:
    """Run by the server before it listens, at every start. `notifier_...` is for tests."""
    return f"""CREATE DATABASE IF NOT EXISTS notifier;
CREATE USER IF NOT EXISTS notifier@'{HOST}' IDENTIFIED BY '{layout.mysql_password}';
GRANT ALL ON notifier.* TO notifier@'{HOST}';
GRANT ALL ON `notifier\\_%`.* TO notifier@'{HOST}';
ALTER USER root@localhost IDENTIFIED BY '{layout.mysql_root_password}';
"""


def user() -> str:
    """Ourselves, root too: the user mysql could not enter a checkout below /root."""
    return pwd.getpwuid(os.geteuid()).pw_name

"""How the private MariaDB is run."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from notifier.stack.layout import Layout, write_private
from notifier.stack.process import HOST, StackError, find_program

_PACKAGE = "mariadb-server"


class MariaDbRecipe:
    """MariaDB: utf8mb4, UTC, strict, durable at every commit; one user for one schema."""

    name = "mariadb"

    def __init__(self, folder: Path, layout: Layout):
        self.folder = folder / "mariadb"
        self.ports = (layout.mysql_port,)
        self._data = self.folder / "data"
        self._scratch = self.folder / "tmp"
        self._layout = layout

    def prepare(self) -> None:
        self._scratch.mkdir(exist_ok=True)
        write_private(self.folder / "my.cnf", self._configuration())
        write_private(self.folder / "init.sql", self._accounts())
        if not self._data.exists():
            self._install()

    def command(self) -> Sequence[str]:
        program = find_program("mariadbd", package=_PACKAGE)
        return [program, f"--defaults-file={self.folder / 'my.cnf'}"]

    def environ(self) -> Mapping[str, str]:
        return os.environ

    def version(self) -> str | None:
        """From the greeting. Source: MySQL protocol, HandshakeV10 (a 10, then a C string)."""
        try:
            with socket.create_connection((HOST, self.ports[0]), timeout=2) as connection:
                greeting = connection.recv(256)
        except OSError:
            return None
        if len(greeting) < 6 or greeting[4] != 10:
            return None
        text = greeting[5:].split(b"\0")[0].decode(errors="replace")
        # MariaDB says 5.5.5- first, for replicas of old that cannot read a two-digit major.
        return text.removeprefix("5.5.5-")

    def _install(self) -> None:
        """Create the system tables beside their place, then move: half of them never count."""
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        program = find_program("mariadb-install-db", package=_PACKAGE)
        with tempfile.TemporaryDirectory() as scratch:
            # The program is a shell script that splits a path with a blank in it.
            link = Path(scratch) / "data"
            link.symlink_to(draft)
            result = subprocess.run(
                [
                    program,
                    "--no-defaults",
                    f"--datadir={link}",
                    f"--user={_user()}",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                    "--skip-name-resolve",
                ],
                # Servers that start at the same moment clear the temporary folder that they share.
                env={**os.environ, "TMPDIR": scratch},
                capture_output=True,
                text=True,
                check=False,
            )
        if result.returncode != 0:
            output = (result.stdout + result.stderr).strip()
            raise StackError(f"mariadb cannot create its data in {self._data}: {output}")
        draft.rename(self._data)

    def _configuration(self) -> str:
        # The socket's path is relative to the data folder: an absolute one may exceed 107 bytes.
        return f"""[mariadbd]
user = {_user()}
datadir = {self._data}
tmpdir = {self._scratch}
bind-address = {HOST}
port = {self.ports[0]}
socket = mariadb.sock
pid-file = mariadb.pid
init-file = {self.folder / "init.sql"}
skip-name-resolve
skip-log-bin
local-infile = 0
character-set-server = utf8mb4
collation-server = utf8mb4_unicode_ci
default-time-zone = +00:00
sql-mode = STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION
innodb-flush-log-at-trx-commit = 1
innodb-buffer-pool-size = 256M
max-connections = 300
"""

    def _accounts(self) -> str:
        """Run by the server before it listens, at every start. `notifier_...` is for tests."""
        password = self._layout.mysql_password
        root = self._layout.mysql_root_password
        return f"""CREATE DATABASE IF NOT EXISTS notifier;
CREATE USER IF NOT EXISTS notifier@'{HOST}' IDENTIFIED BY '{password}';
GRANT ALL ON notifier.* TO notifier@'{HOST}';
GRANT ALL ON `notifier\\_%`.* TO notifier@'{HOST}';
ALTER USER root@localhost IDENTIFIED BY '{root}';
"""


def _user() -> str:
    """Ourselves, root too: the user mysql could not enter a checkout below /root."""
    return pwd.getpwuid(os.geteuid()).pw_name

"""How the private MySQL is run, where it is chosen instead of MariaDB."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from notifier.stack import sql_server
from notifier.stack.layout import Layout, write_private
from notifier.stack.process import StackError, find_program

_PACKAGE = "mysql-server-core"


class MySqlRecipe:
    """MySQL 8.4 and newer, with its default authentication (caching_sha2_password)."""

    name = "mysql"

    def __init__(self, folder: Path, layout: Layout):
        self.folder = folder / "mysql"
        self.ports = (layout.mysql_port,)
        self._data = self.folder / "data"
        self._layout = layout

    def prepare(self) -> None:
        (self.folder / "tmp").mkdir(exist_ok=True)
        write_private(self.folder / "my.cnf", self._configuration())
        write_private(self.folder / "init.sql", sql_server.accounts(self._layout))
        if not self._data.exists():
            self._install()

    def command(self) -> Sequence[str]:
        return [_program(), f"--defaults-file={self.folder / 'my.cnf'}"]

    def environ(self) -> Mapping[str, str]:
        return os.environ

    def version(self) -> str | None:
        return sql_server.version(self.ports[0])

    def _install(self) -> None:
        """Create the system tables beside their place, then move: half of them never count."""
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        options = ["--initialize-insecure", f"--datadir={draft}", f"--user={sql_server.user()}"]
        result = subprocess.run(
            [_program(), "--no-defaults", *options], capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            output = (result.stdout + result.stderr).strip()
            raise StackError(f"mysql cannot create its data in {self._data}: {output}")
        draft.rename(self._data)

    def _configuration(self) -> str:
        # Its second protocol would listen on a port of the system; the statistics cost 200 MB.
        return (
            "[mysqld]\n"
            + sql_server.configuration(self.folder, self.ports[0])
            + "mysqlx = OFF\nsecure-file-priv = NULL\nperformance-schema = OFF\n"
        )


def _program() -> str:
    """MariaDB installs a mysqld as well, which is only another name of mariadbd."""
    try:
        found = find_program("mysqld", package=_PACKAGE)
    except StackError:
        found = ""
    if not found or Path(found).resolve().name == "mariadbd":
        raise StackError(
            f"mysql is not installed{f' ({found} is MariaDB)' if found else ''}: install the "
            f"package {_PACKAGE}, or choose mariadb"
        )
    return found

"""How the private MariaDB is run."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from notifier.stack import sql_server
from notifier.stack.layout import Layout, write_private
from notifier.stack.process import StackError, find_program

_PACKAGE = "mariadb-server"


class MariaDbRecipe:
    """MariaDB with one user for one schema."""

    name = "mariadb"

    def __init__(self, folder: Path, layout: Layout):
        self.folder = folder / "mariadb"
        self.ports = (layout.mysql_port,)
        self._data = self.folder / "data"
        self._layout = layout

    def prepare(self) -> None:
        (self.folder / "tmp").mkdir(exist_ok=True)
        configuration = sql_server.configuration(self.folder, self.ports[0])
        write_private(self.folder / "my.cnf", "[mariadbd]\n" + configuration)
        write_private(self.folder / "init.sql", sql_server.accounts(self._layout))
        if not self._data.exists():
            self._install()

    def command(self) -> Sequence[str]:
        program = find_program("mariadbd", package=_PACKAGE)
        return [program, f"--defaults-file={self.folder / 'my.cnf'}"]

    def environ(self) -> Mapping[str, str]:
        return os.environ

    def version(self) -> str | None:
        return sql_server.version(self.ports[0])

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
                    f"--user={sql_server.user()}",
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

"""The private stack as a whole."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from notifier.stack import layout as layouts
from notifier.stack.layout import DatabaseKind, Layout
from notifier.stack.mariadb import MariaDbRecipe
from notifier.stack.mysql import MySqlRecipe
from notifier.stack.process import HOST, Daemon, StackError
from notifier.stack.rabbitmq import EpmdRecipe, RabbitMqRecipe
from notifier.stack.redis_server import RedisRecipe
from notifier.stack.server import PID_FILE, Server, ServerStatus

_DATABASE = "NOTIFIER_STACK_DATABASE"


class Stack:
    """RabbitMQ, MariaDB or MySQL, and Redis in one folder, on loopback ports of their own.

    The first `up` chooses the database: NOTIFIER_STACK_DATABASE (mariadb or mysql), else MariaDB.
    Nothing is written or started before. All calls block. `up`, `down` and `wipe` exclude each
    other, across processes too.
    """

    def __init__(self, folder: Path):
        self.folder = folder.absolute()

    @property
    def epmd(self) -> Server:
        """Erlang's port mapper, which RabbitMQ needs while it starts."""
        return Server(EpmdRecipe(self.folder, self._layout()))

    @property
    def rabbitmq(self) -> Server:
        return Server(RabbitMqRecipe(self.folder, self._layout()))

    @property
    def database(self) -> Server:
        layout = self._layout()
        recipe = MySqlRecipe if layout.database is DatabaseKind.MYSQL else MariaDbRecipe
        return Server(recipe(self.folder, layout))

    @property
    def redis(self) -> Server:
        return Server(RedisRecipe(self.folder, self._layout()))

    def up(self) -> None:
        """Return when all servers serve; those that already do are left alone.

        Raises: StackError naming every server that did not start, with its address.
        """
        with self._locked():
            self._choose()
            self.epmd.start()
            _together([server.start for server in (self.rabbitmq, self.database, self.redis)])

    def down(self) -> None:
        """Return when all servers have ended in good order; data, ports and passwords stay."""
        if not self.folder.exists():
            return
        with self._locked():
            if layouts.load(self.folder) is not None:
                _together([server.stop for server in (self.rabbitmq, self.database, self.redis)])
                self.epmd.stop()

    def wipe(self) -> None:
        """Kill the servers and remove the folder with everything in it."""
        if not self.folder.exists():
            return
        with self._locked():
            # By their pid files: a stack whose layout cannot be read can still be removed.
            for pid_file in self.folder.glob(f"*/{PID_FILE}"):
                Daemon(pid_file=pid_file, log_file=pid_file.with_suffix(".log")).kill()
            shutil.rmtree(self.folder)

    def status(self) -> list[ServerStatus]:
        """One entry for each server; empty if the stack was never up."""
        return [server.status() for server in self._servers()]

    def environment(self) -> dict[str, str]:
        """What `notifier` needs in its environment to use this stack.

        Raises: StackError if the stack was never up.
        """
        layout = self._layout()
        amqp = f"notifier:{layout.amqp_password}@{HOST}:{layout.amqp_port}"
        management = f"admin:{layout.admin_password}@{HOST}:{layout.management_port}"
        mysql = f"notifier:{layout.mysql_password}@{HOST}:{layout.mysql_port}"
        redis = f":{layout.redis_password}@{HOST}:{layout.redis_port}"
        return {
            "NOTIFIER_AMQP_URL": f"amqp://{amqp}/notifier",
            "NOTIFIER_AMQP_MANAGEMENT_URL": f"http://{management}",
            "NOTIFIER_MYSQL_URL": f"mysql://{mysql}/notifier",
            "NOTIFIER_REDIS_URL": f"redis://{redis}/0",
            "NOTIFIER_WEBHOOK_KEY": layout.webhook_key,
        }

    def exports(self) -> str:
        """The environment as lines that any POSIX shell can evaluate."""
        pairs = self.environment().items()
        return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in pairs)

    def _servers(self) -> Sequence[Server]:
        if layouts.load(self.folder) is None:
            return ()
        return (self.rabbitmq, self.database, self.redis, self.epmd)

    def _choose(self) -> None:
        """Ports, passwords and the database, unless that was done before."""
        wanted = _wanted_database()
        layout = layouts.load(self.folder)
        if layout is None:
            layouts.create(self.folder, database=wanted or DatabaseKind.MARIADB)
        elif wanted not in (None, layout.database):
            raise StackError(
                f"{_DATABASE} is {wanted}, and the stack in {self.folder} has its data in "
                f"{layout.database}: `notifier stack down --wipe` removes it"
            )

    def _layout(self) -> Layout:
        layout = layouts.load(self.folder)
        if layout is None:
            raise StackError(f"there is no stack in {self.folder}: run `notifier stack up` first")
        return layout

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        with open(os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _wanted_database() -> DatabaseKind | None:
    wanted = os.environ.get(_DATABASE)
    if not wanted:
        return None
    try:
        return DatabaseKind(wanted)
    except ValueError:
        raise StackError(
            f"{_DATABASE} is {wanted!r}: must be one of {', '.join(DatabaseKind)}"
        ) from None


def _together(actions: Sequence[Callable[[], None]]) -> None:
    """Do all at once, wait for all, and report all failures in one error."""
    with ThreadPoolExecutor(len(actions)) as pool:
        pending = [pool.submit(action) for action in actions]
    failures = [error for future in pending if (error := future.exception()) is not None]
    unexpected = [error for error in failures if not isinstance(error, StackError)]
    if unexpected:
        raise unexpected[0]
    if failures:
        raise StackError("\n".join(str(error) for error in failures))

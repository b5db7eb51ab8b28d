"""How tests look at a private stack from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import psutil
import pymysql
from pymysql.cursors import Cursor

from notifier.stack import Server, Stack


def processes_of(stack: Stack) -> list[psutil.Process]:
    leaders = [psutil.Process(server.pid) for server in stack.status() if server.pid]
    return leaders + [child for leader in leaders for child in leader.children(recursive=True)]


def running(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; an orphan that init has yet to reap has ended."""
    return [
        process
        for process in processes
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]


def pids(stack: Stack) -> list[int | None]:
    return [server.pid for server in stack.status()]


def kill_and_start(server: Server) -> None:
    tree = psutil.Process(server.status().pid)
    everyone = [tree, *tree.children(recursive=True)]
    server.kill()
    assert not running(everyone)
    assert server.status().state == "down"
    server.start()
    assert server.is_up()


@contextmanager
def database(stack: Stack) -> Iterator[Cursor]:
    """A cursor that commits every statement."""
    url = urlsplit(stack.environment()["NOTIFIER_MYSQL_URL"])
    connection = pymysql.connect(
        host=url.hostname,
        port=url.port or 0,
        user=url.username,
        password=url.password or "",
        database=url.path[1:],
        autocommit=True,
    )
    with connection, connection.cursor() as cursor:
        yield cursor

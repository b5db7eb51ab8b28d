"""A private stack comes, goes, comes back, and says why when it cannot."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from notifier.stack import Stack, StackError, layout
from notifier.stack.rabbitmq import RabbitMqRecipe
from tests.stack.probes import database, processes_of, running


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Stack]:
    """A stack of this test's own, not up."""
    stack = Stack(tmp_path / "a stack")
    try:
        yield stack
    finally:
        stack.wipe()


def test_down_leaves_no_process_and_up_finds_the_same_ports_and_data(own: Stack) -> None:
    with ThreadPoolExecutor(2) as pool:
        for finished in [pool.submit(Stack(own.folder).up) for _ in range(2)]:
            finished.result()
    before = own.environment()
    processes = processes_of(own)
    assert len(processes) >= 4
    with database(own) as cursor:
        cursor.execute("CREATE TABLE kept (id INT)")

    own.down()

    assert not running(processes)
    assert {server.state for server in own.status()} == {"down"}
    own.up()
    assert own.environment() == before
    with database(own) as cursor:
        assert cursor.execute("SHOW TABLES LIKE 'kept'") == 1


def test_an_occupied_port_is_named_with_its_server(own: Stack, tmp_path: Path) -> None:
    own.folder.mkdir()
    port = layout.create(own.folder).redis_port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()

        with pytest.raises(StackError, match=f"redis cannot start: 127.0.0.1:{port} is in use"):
            own.redis.start()


def test_a_server_that_ends_at_start_is_named_with_the_end_of_its_log(own: Stack) -> None:
    own.folder.mkdir()
    port = layout.create(own.folder).mysql_port
    (own.folder / "mariadb" / "data").mkdir(parents=True)

    with pytest.raises(StackError) as caught:
        own.database.start()

    assert f"mariadb at 127.0.0.1:{port} ended while it was starting" in str(caught.value)
    assert "mysql.plugin" in str(caught.value) or "mysql." in str(caught.value)


def test_a_server_outlives_the_program_that_started_it(own: Stack) -> None:
    own.folder.mkdir()
    layout.create(own.folder)
    program = "import sys, pathlib; from notifier.stack import Stack; "
    program += "Stack(pathlib.Path(sys.argv[1])).redis.start()"

    subprocess.run([sys.executable, "-c", program, str(own.folder)], check=True)

    assert own.redis.is_up()
    assert os.getsid(own.redis.status().pid or 0) == own.redis.status().pid


def test_the_callers_own_broker_settings_do_not_reach_the_private_broker(
    own: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RABBITMQ_NODENAME", "production")
    monkeypatch.setenv("RABBITMQ_FEATURE_FLAGS", "none")
    monkeypatch.setenv("ERL_LIBS", "/elsewhere")
    own.folder.mkdir()
    chosen = layout.create(own.folder)

    environ = RabbitMqRecipe(own.folder, chosen).environ()

    assert environ["RABBITMQ_NODENAME"] == chosen.node
    assert "RABBITMQ_FEATURE_FLAGS" not in environ
    assert "ERL_LIBS" not in environ


def test_a_chosen_broker_that_is_not_there_is_named_with_who_chose_it(
    own: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RABBITMQ_LIB", str(tmp_path / "nowhere"))
    own.folder.mkdir()
    layout.create(own.folder)

    with pytest.raises(StackError, match=r"RABBITMQ_LIB is .*nowhere, .*sbin/rabbitmq-server"):
        own.rabbitmq.start()


def test_mysql_that_is_not_installed_is_named_with_its_package(
    own: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mysqld").symlink_to("mariadbd")
    (tmp_path / "mariadbd").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    own.folder.mkdir()
    layout.create(own.folder, database=layout.DatabaseKind.MYSQL)

    with pytest.raises(StackError, match=r"mysqld is MariaDB.*package mysql-server-core"):
        own.database.start()


def test_the_database_is_chosen_once_for_all(own: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_STACK_DATABASE", "mysql")
    own.folder.mkdir()
    layout.create(own.folder)

    with pytest.raises(StackError, match=r"is mysql, .* has its data in mariadb: .*--wipe"):
        own.up()


def test_an_unknown_database_is_refused_with_those_there_are(
    own: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFIER_STACK_DATABASE", "oracle")

    with pytest.raises(StackError, match="'oracle': must be one of mariadb, mysql"):
        own.up()


def test_before_the_first_up_there_is_nothing_to_stop_and_nothing_to_print(own: Stack) -> None:
    own.down()
    own.wipe()

    assert own.status() == []
    assert not own.folder.exists()
    with pytest.raises(StackError, match="run `notifier stack up` first"):
        own.environment()


def test_an_unreadable_layout_is_named_with_the_remedy(own: Stack) -> None:
    own.folder.mkdir()
    (own.folder / "stack.json").write_text("{")

    with pytest.raises(StackError, match=r"stack\.json cannot be used .* --wipe"):
        own.up()

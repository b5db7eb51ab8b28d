"""The servers of a private stack, as those who use them find them."""

from __future__ import annotations

import stat
import subprocess

import httpx
import psutil
import redis

from notifier.stack import Stack, layout
from notifier.stack.process import wait_until
from tests.stack.probes import database, kill_and_start, pids, processes_of

SYSTEM_PORTS = {3306, 4369, 5672, 6379, 15672, 25672}


def test_all_servers_are_up_and_say_their_version(stack: Stack) -> None:
    found = {server.name: server for server in stack.status()}

    assert set(found) == {"rabbitmq", "mariadb", "redis", "epmd"}
    assert {server.state for server in found.values()} == {"up"}
    assert str(found["rabbitmq"].version)[0].isdigit()
    assert "MariaDB" in str(found["mariadb"].version)
    assert all(server.folder.is_relative_to(stack.folder) for server in found.values())


def test_the_broker_keeps_even_its_feature_flags_in_its_own_folder(stack: Stack) -> None:
    """By default they go where the system's broker has its own."""
    assert list((stack.folder / "rabbitmq").glob("notifier-*-feature_flags"))


def test_up_when_all_is_up_changes_nothing(stack: Stack) -> None:
    before = pids(stack), stack.environment()

    stack.up()

    assert (pids(stack), stack.environment()) == before


def test_a_shell_reads_back_what_env_prints(stack: Stack) -> None:
    script = stack.exports() + "env"
    printed = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    read_back = dict(line.split("=", 1) for line in printed.stdout.splitlines() if "=" in line)

    assert stack.environment().items() <= read_back.items()


def test_every_address_of_the_environment_lets_its_user_in(stack: Stack) -> None:
    management = stack.environment()["NOTIFIER_AMQP_MANAGEMENT_URL"]
    users = httpx.get(f"{management}/api/users").json()

    with database(stack) as cursor:
        cursor.execute("SELECT @@time_zone, @@character_set_database, @@sql_mode")
        time_zone, characters, mode = cursor.fetchone() or ("", "", "")

    assert {user["name"] for user in users} == {"admin", "notifier"}
    with redis.Redis.from_url(stack.environment()["NOTIFIER_REDIS_URL"]) as client:
        assert client.ping()
    assert (time_zone, characters) == ("+00:00", "utf8mb4")
    assert "STRICT_TRANS_TABLES" in mode


def test_the_broker_offers_the_delayed_exchange(stack: Stack) -> None:
    overview = httpx.get(stack.environment()["NOTIFIER_AMQP_MANAGEMENT_URL"] + "/api/overview")

    assert "x-delayed-message" in {kind["name"] for kind in overview.json()["exchange_types"]}


def test_nothing_listens_beyond_the_loopback_address_or_on_a_system_port(stack: Stack) -> None:
    listening = [
        connection.laddr
        for process in processes_of(stack)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert len(listening) >= 6
    assert {address.ip for address in listening} <= {"127.0.0.1", "::1"}
    assert not {address.port for address in listening} & SYSTEM_PORTS


def test_no_secret_is_in_a_process_list_or_in_a_file_that_others_can_read(stack: Stack) -> None:
    remembered = layout.load(stack.folder)
    assert remembered is not None
    secrets = [remembered.cookie, remembered.amqp_password, remembered.mysql_password]
    secrets += [remembered.redis_password, remembered.admin_password]

    arguments = " ".join(" ".join(process.cmdline()) for process in processes_of(stack))

    assert not [secret for secret in secrets if secret in arguments or secret in repr(remembered)]
    assert stat.S_IMODE(stack.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((stack.folder / "stack.json").stat().st_mode) == 0o600


def test_mariadb_keeps_what_was_committed_through_kill_9(stack: Stack) -> None:
    with database(stack) as cursor:
        cursor.execute("CREATE OR REPLACE TABLE kept (id INT PRIMARY KEY) ENGINE=InnoDB")
        cursor.execute("INSERT INTO kept VALUES (1)")

    kill_and_start(stack.database)

    with database(stack) as cursor:
        assert cursor.execute("SELECT id FROM kept") == 1
        cursor.execute("DROP TABLE kept")


def test_redis_keeps_what_was_written_through_kill_9(stack: Stack) -> None:
    with redis.Redis.from_url(stack.environment()["NOTIFIER_REDIS_URL"]) as client:
        client.set("kept", "1")

        kill_and_start(stack.redis)

        assert client.getdel("kept") == b"1"


def test_rabbitmq_keeps_a_queue_that_it_wrote_down_through_kill_9(stack: Stack) -> None:
    management = stack.environment()["NOTIFIER_AMQP_MANAGEMENT_URL"]
    url = f"{management}/api/queues/notifier/kept-through-kill"
    httpx.put(url, json={"durable": True}).raise_for_status()
    # Mnesia answers before its log is on disk.
    tables = stack.folder / "rabbitmq" / "data"
    assert wait_until(
        lambda: any(b"kept-through-kill" in log.read_bytes() for log in tables.glob("*.LOG")),
        timeout_s=10,
    )

    kill_and_start(stack.rabbitmq)

    assert httpx.get(url).json()["durable"] is True
    httpx.delete(url).raise_for_status()

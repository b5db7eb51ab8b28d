"""The commands of docker-compose.yml, run without a container."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import redis

from notifier.stack.layout import free_ports
from notifier.stack.process import find_program, wait_until
from tests.deploy.documents import MOUNTED, OURS, SERVICES


@pytest.mark.parametrize("name", OURS)
def test_the_command_of_our_services_exists(name: str) -> None:
    command = [*SERVICES[name]["command"], "--help"]
    asked = subprocess.run(
        [sys.executable, "-m", "notifier", *command], capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0, asked.stderr
    check = SERVICES[name].get("healthcheck", {}).get("test", ["CMD", "notifier", "status"])
    # tests/gateway runs the gateway's.
    assert check[:3] in (["CMD", "notifier", "status"], ["CMD", "python", "-c"])


def test_the_database_is_given_options_that_it_has() -> None:
    """Asked of the database that is installed: MySQL and MariaDB have these in common."""
    program = find_program("mariadbd", package="mariadb-server-core")
    options = SERVICES["mysql"]["command"]
    asked = subprocess.run(
        [program, "--no-defaults", *options, "--user=nobody", "--verbose", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    values = dict(re.findall(r"^(\S+) +(\S.*)$", asked.stdout, re.MULTILINE))
    assert values["character-set-server"] == "utf8mb4"
    assert values["innodb-buffer-pool-size"] == str(256 * 2**20)


def test_redis_starts_by_its_command_and_is_healthy_by_its_check(
    secrets: Path, tmp_path: Path
) -> None:
    """The very lines of the file, with other places and another port."""
    (port,) = free_ports(1)

    def here(line: str) -> str:
        line = line.replace("/tmp/", f"{tmp_path}/").replace(MOUNTED, f"{secrets}/")
        return line.replace("redis-cli", f"redis-cli -p {port}")

    shell, flag, command = SERVICES["redis"]["command"]
    kind, check = SERVICES["redis"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    line = here(command) + f" --port {port} --bind 127.0.0.1 --dir {tmp_path}"
    server = subprocess.Popen([shell, flag, line], stdout=subprocess.DEVNULL)
    try:
        healthy = ["sh", "-c", here(check)]
        is_healthy = partial(subprocess.call, healthy, stderr=subprocess.DEVNULL)
        assert wait_until(lambda: is_healthy() == 0, timeout_s=20)
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        password = (secrets / "redis").read_text().strip()
        with redis.Redis(port=port, password=password) as friend:
            assert friend.ping()
            assert friend.config_get("maxmemory")["maxmemory"] == str(192 * 2**20)
        assert (tmp_path / "redis.conf").stat().st_mode & 0o077 == 0
    finally:
        server.terminate()
        server.wait(20)

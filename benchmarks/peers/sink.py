"""The receiver of all: nginx, which answers every request alike and writes down when it came."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.hits import Hit, read_hits
from benchmarks.peers.process import BenchmarkError, end, started, wait_until
from benchmarks.peers.programs.job import RECEIVERS
from notifier.stack.layout import free_ports
from notifier.stack.process import HOST, find_program

ANSWER = '{"errcode":0,"errmsg":"ok","msgid":1}'
WITHIN_S = 10
CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
    log_format hit '$msec $http_webhook_id';
    access_log {log} hit buffer=64k flush=200ms;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    server {{
        {listen}
        default_type application/json;
        location / {{ return 200 '{answer}'; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """pid: of the receiver. mark: what each hit that was heard leaves in the log, once."""

    port: int
    log: Path
    pid: int
    mark: bytes = b"\n"

    def forget(self) -> None:
        os.truncate(self.log, 0)

    def count(self) -> int:
        """How many hits are written down; at most 200 ms old."""
        return self.log.read_bytes().count(self.mark)

    def hits(self) -> list[Hit]:
        return read_hits(self.log.read_text())


@contextmanager
def running(folder: Path) -> Iterator[Sink]:
    """Raises StackError naming the package where nginx is missing."""
    program = find_program("nginx", package="nginx")
    folder.mkdir()
    port, log = free_ports(1)[0], folder / "hits.log"
    configuration = folder / "nginx.conf"
    configuration.write_text(_configuration(folder, log, port))
    with (folder / "error.log").open("wb") as output:
        process = subprocess.Popen([program, "-p", folder, "-c", configuration], stderr=output)
    try:
        if not wait_until(lambda: process.poll() is not None or _answers(port), WITHIN_S):
            raise BenchmarkError("nginx does not answer")
        if process.poll() is not None:
            raise BenchmarkError(f"nginx ended: {(folder / 'error.log').read_text().strip()}")
        yield Sink(port=port, log=log, pid=process.pid)
    finally:
        end(process)


@contextmanager
def refusing(folder: Path) -> Iterator[Sink]:
    """Our own, a fresh one: it refuses each order's first calls."""
    port, log = free_ports(1)[0], folder / "refusing.log"
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.peers.refusing", str(port), str(log)]
    with started(command, os.environ, log=folder / "refusing.err") as process:
        if not wait_until(lambda: process.poll() is not None or _answers(port), WITHIN_S):
            raise BenchmarkError("the refusing sink does not answer")
        if process.poll() is not None:
            raise BenchmarkError((folder / "refusing.err").read_text()[-2000:])
        yield Sink(port=port, log=log, pid=process.pid, mark=b" 1\n")


def _configuration(folder: Path, log: Path, port: int) -> str:
    hosts = [f"127.0.0.{number}" for number in range(1, RECEIVERS + 1)]
    return CONFIGURATION.format(
        folder=folder,
        log=log,
        listen=" ".join(f"listen {host}:{port} backlog=4096;" for host in hosts),
        answer=ANSWER,
    )


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0

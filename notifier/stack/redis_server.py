"""How the private Redis is run."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from notifier.stack.layout import Layout, write_private
from notifier.stack.process import HOST, find_program


class RedisRecipe:
    """Redis with a password and an append-only file."""

    name = "redis"

    def __init__(self, folder: Path, layout: Layout):
        self.folder = folder / "redis"
        self.ports = (layout.redis_port,)
        self._password = layout.redis_password

    def prepare(self) -> None:
        write_private(
            self.folder / "redis.conf",
            f"bind {HOST}\n"
            f"port {self.ports[0]}\n"
            "protected-mode yes\n"
            f"requirepass {self._password}\n"
            f'dir "{self.folder}"\n'
            "daemonize no\n"
            "appendonly yes\n"
            "appendfsync everysec\n"
            'save ""\n',
        )

    def command(self) -> Sequence[str]:
        program = find_program("redis-server", package="redis-server")
        return [program, str(self.folder / "redis.conf")]

    def environ(self) -> Mapping[str, str]:
        return os.environ

    def version(self) -> str | None:
        request = f"AUTH {self._password}\r\nINFO server\r\nQUIT\r\n".encode()
        try:
            with socket.create_connection((HOST, self.ports[0]), timeout=2) as connection:
                connection.sendall(request)
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError:
            return None
        found = re.search(rb"redis_version:(\S+)", answer)
        return found[1].decode() if found else None

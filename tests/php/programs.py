"""The programs of a PHP shop, on a house's exchange and queues."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.house import House

HERE = Path(__file__).parent
LINE = re.compile(r" \[(?P<tier>\w+)\] Received (?P<body>.*) ---> \d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class Shop:
    """ms_per_s: how long its tiers' seconds are."""

    house: House
    ms_per_s: int = 1000

    def produce(self, *tiers: str, bodies: Sequence[str] = ()) -> None:
        """Declare the tiers' queues and publish to the first of them."""
        produced = subprocess.run(
            ["php", HERE / "produce.php", *tiers],
            env=self._environment,
            input="".join(f"{body}\n" for body in bodies),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert produced.returncode == 0, produced.stdout + produced.stderr

    def run(self, program: str) -> None:
        """Statements that have a `$channel`."""
        preamble = f"require '{HERE / 'shop.php'}'; $channel = connect()->channel();"
        names = "use PhpAmqpLib\\{Message\\AMQPMessage, Wire\\AMQPTable};"
        done = subprocess.run(
            ["php", "-r", f"{names} {preamble} {program} $channel->close();"],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def consuming(self, *tiers: str) -> Iterator[None]:
        """A process for each tier."""
        consumers = [
            subprocess.Popen(["php", HERE / "consume.php", tier], env=self._environment)
            for tier in tiers
        ]
        try:
            yield
            assert [consumer.poll() for consumer in consumers] == [None] * len(tiers)
        finally:
            for consumer in consumers:
                consumer.kill()
                consumer.wait()

    def received(self, tier: str) -> list[str]:
        """The bodies that its consumer wrote down."""
        log = self.house.folder / f"{tier}.txt"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        matches = [LINE.fullmatch(line) for line in lines]
        assert all(match and match["tier"] == tier for match in matches), lines
        return [match["body"] for match in matches if match]

    @property
    def _environment(self) -> dict[str, str]:
        own = self.house.environment
        return {
            "PATH": own["PATH"],
            "SHOP_AMQP_URL": own["NOTIFIER_AMQP_URL"],
            "SHOP_EXCHANGE": own["NOTIFIER_AMQP_EXCHANGE"],
            "SHOP_QUEUE_PREFIX": own["NOTIFIER_AMQP_QUEUE_PREFIX"],
            "SHOP_MS_PER_S": str(self.ms_per_s),
            "SHOP_LOG": str(self.house.folder),
        }

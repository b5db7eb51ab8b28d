"""The job: claim an order once, then tell its receiver once.

Where things are comes from the environment: PEERS_AMQP_URL, PEERS_MYSQL_URL, PEERS_SINK_PORT.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlsplit

INSERT = "INSERT INTO tg_order_task (order_id, order_no) VALUES (%s, %s)"
CLAIM = (
    "UPDATE tg_order_task SET status = 1, design_userid = 7, design_time = NOW() "
    "WHERE order_id = %s AND status = 0"
)
RECEIVERS = 32
"""Loopback addresses on which the one sink listens: orders concern many merchants."""

PATH = "/hook"
DELAYS_S = (1, 3)
"""Before an order's second call and before its third; the sink of that job hears the third."""


class Refused(Exception):
    """The receiver did not say that it has heard."""


def amqp_url() -> str:
    return os.environ["PEERS_AMQP_URL"]


def mysql() -> dict[str, Any]:
    """What PyMySQL and aiomysql call the parts of an address."""
    url = urlsplit(os.environ["PEERS_MYSQL_URL"])
    return {
        "host": url.hostname,
        "port": url.port,
        "user": url.username,
        "password": unquote(url.password or ""),
        "db": url.path.removeprefix("/"),
        "autocommit": True,
    }


def host_of(order_id: int) -> str:
    return f"127.0.0.{1 + order_id % RECEIVERS}"


def sink_port() -> int:
    return int(os.environ["PEERS_SINK_PORT"])


def url_of(order_id: int) -> str:
    return f"http://{host_of(order_id)}:{sink_port()}{PATH}"


def headers_of(order_id: int) -> dict[str, str]:
    """The receiver knows by its id what it was told before, and the sink writes it down."""
    return {"Content-Type": "application/json", "webhook-id": f"peer-{order_id}"}


def body_of(order_id: int) -> dict[str, object]:
    return {"type": "order.assigned", "data": {"order_no": f"peer-{order_id}"}}


@contextmanager
def timed() -> Iterator[None]:
    """Tell the runner how many seconds it took, connecting not included."""
    began_s = monotonic()
    yield
    print(monotonic() - began_s)


def asked() -> tuple[str, range]:
    """What the command line wants, and of which orders: the first one's id and how many.

    fill: they are in the table, put them into the queue. insist: as ones that are told again when
    they are refused. publish: put them into both, each into the table first.
    """
    what, first, count = sys.argv[1], *map(int, sys.argv[2:4])
    return what, range(first, first + count)

"""The job for peers that run functions in processes and threads."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pymysql
import urllib3

from benchmarks.peers.programs.job import (
    CLAIM,
    INSERT,
    RECEIVERS,
    Refused,
    asked,
    body_of,
    headers_of,
    mysql,
    timed,
    url_of,
)

_HTTP = urllib3.PoolManager(num_pools=RECEIVERS, maxsize=16, retries=False)
_of_thread = threading.local()


def do(order_id: int) -> None:
    with _connection().cursor() as cursor:
        claimed = cursor.execute(CLAIM, [order_id])
    if claimed:
        tell(order_id)


def insist(order_id: int, retries: int) -> None:
    """The same, of which only telling is tried again. Raises Refused."""
    if retries:
        tell(order_id)
    else:
        do(order_id)


def tell(order_id: int) -> None:
    """Raises Refused."""
    body = json.dumps(body_of(order_id)).encode()
    answer = _HTTP.request("POST", url_of(order_id), body=body, headers=headers_of(order_id))
    if answer.status != 200 or json.loads(answer.data)["errcode"] != 0:
        raise Refused(order_id)


def put(send: Callable[[int], object], insist: Callable[[int], object]) -> None:
    """Do what the command line wants. PEERS_THREADS: so many publish at once, 8."""
    what, orders = asked()

    def publish(order_id: int) -> None:
        with _connection().cursor() as cursor:
            cursor.execute(INSERT, [order_id, f"peer-{order_id}"])
        send(order_id)

    with timed(), ThreadPoolExecutor(int(os.environ.get("PEERS_THREADS", "8"))) as pool:
        for _ in pool.map({"fill": send, "insist": insist, "publish": publish}[what], orders):
            pass


def _connection() -> Any:
    if not hasattr(_of_thread, "connection"):
        _of_thread.connection = pymysql.connect(**mysql())
    return _of_thread.connection

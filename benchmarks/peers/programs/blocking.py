"""The job for peers that run functions in processes and threads."""

from __future__ import annotations

import json
import threading
from typing import Any

import pymysql
import urllib3

from benchmarks.peers.programs.job import (
    CLAIM,
    RECEIVERS,
    Refused,
    body_of,
    headers_of,
    mysql,
    url_of,
)

_HTTP = urllib3.PoolManager(num_pools=RECEIVERS, maxsize=16, retries=False)
_of_thread = threading.local()


def do(order_id: int) -> None:
    with _connection().cursor() as cursor:
        claimed = cursor.execute(CLAIM, [order_id])
    if claimed:
        tell(order_id)


def tell(order_id: int) -> None:
    """Raises Refused."""
    body = json.dumps(body_of(order_id)).encode()
    answer = _HTTP.request("POST", url_of(order_id), body=body, headers=headers_of(order_id))
    if answer.status != 200 or json.loads(answer.data)["errcode"] != 0:
        raise Refused(order_id)


def _connection() -> Any:
    if not hasattr(_of_thread, "connection"):
        _of_thread.connection = pymysql.connect(**mysql())
    return _of_thread.connection

"""Notifier: from threads, across forks, and to the program's end."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from notifier import Notice, Notifier
from notifier.errors import IdempotencyConflict, InvalidInput, NotifierError
from tests.house import House


def count(house: House) -> int:
    return int(house.rows("SELECT COUNT(*) FROM notifier_notification")[0][0])


def run(house: House, program: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=house.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_it_answers_and_refuses_as_the_asynchronous_one_does(house: House) -> None:
    with Notifier(house.settings) as notifier:
        first = notifier.notify(channel="push", recipient="user-7", idempotency_key="k-1")
        with pytest.raises(IdempotencyConflict):
            notifier.notify(channel="push", recipient="user-8", idempotency_key="k-1")
        with pytest.raises(InvalidInput, match="channel"):
            notifier.notify(channel="sms", recipient="1")
        many = notifier.notify_many(
            Notice(channel="push", recipient=f"user-{n}", delay=timedelta(hours=1))
            for n in range(3)
        )
        order = notifier.publish_order(
            "1912136916313##150481##1795262400##oLvqQwo25p5myELvO5VXj0k##李伟##13926"
        )
    assert all(item.new for item in (first, *many, order))
    assert count(house) == 5


def test_many_threads_may_ask_at_once(house: House) -> None:
    with Notifier(house.settings) as notifier, ThreadPoolExecutor(16) as threads:
        ids = set(
            threads.map(
                lambda n: notifier.notify(channel="push", recipient=f"user-{n}").id, range(200)
            )
        )
    assert len(ids) == count(house) == 200


def test_a_closed_one_refuses_and_may_be_closed_twice(house: House) -> None:
    notifier = Notifier(house.settings)
    notifier.close()
    notifier.close()
    with pytest.raises(NotifierError, match="closed"):
        notifier.notify(channel="push", recipient="user-7")


def test_one_that_nobody_closes_ends_with_the_program(house: House) -> None:
    done = run(
        house,
        """
from notifier import Notifier
notifier = Notifier()
print(notifier.notify(channel="push", recipient="user-7").new)
""",
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_forked_process_makes_its_own_connections_and_leaves_the_parents_alone(
    house: House,
) -> None:
    """Each process asks before and after the other ended; nobody has to connect again."""
    done = run(
        house,
        """
import logging, os, sys
from notifier import Notifier
logging.basicConfig(level=logging.INFO)
notifier = Notifier()
notifier.notify(channel="push", recipient="parent-1")
for _ in range(2):
    child = os.fork()
    if not child:
        notifier.notify(channel="push", recipient=f"child-{os.getpid()}")
        sys.exit()
    notifier.notify(channel="push", recipient="parent-2")
    assert os.waitpid(child, 0)[1] == 0
    notifier.notify(channel="push", recipient="parent-3")
""",
    )
    assert "broker." not in done.stderr
    assert count(house) == 7


def test_a_process_forked_in_the_middle_of_a_call_can_ask_too(house: House) -> None:
    run(
        house,
        """
import os, sys, threading
from notifier import Notifier
notifier = Notifier()
def ask(): 
    for n in range(50): notifier.notify(channel="push", recipient=f"user-{n}")
thread = threading.Thread(target=ask)
thread.start()
for _ in range(5):
    child = os.fork()
    if not child:
        notifier.notify(channel="push", recipient="child")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
thread.join()
""",
    )
    assert count(house) == 55


def test_importing_the_package_loads_no_driver() -> None:
    program = (
        "import sys, notifier; "
        "print([n for n in ('aiomysql', 'aio_pika', 'pydantic', 'structlog') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_a_programs_log_gets_what_there_is_to_say_and_its_standard_output_nothing(
    house: House,
) -> None:
    house = type(house)(
        environment=house.environment | {"NOTIFIER_AMQP_URL": "amqp://127.0.0.1:1/"},
        sandbox=house.sandbox,
        folder=house.folder,
    )
    done = run(
        house,
        """
import logging
from notifier import Notifier
logging.basicConfig()
with Notifier() as notifier:
    print(bool(notifier.notify(channel="push", recipient="user-7").held_up))
""",
    )
    assert done.stdout == "True\n"
    assert "WARNING:notifier.broker.connection:event='broker.lost'" in done.stderr

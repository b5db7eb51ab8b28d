"""What aio-pika raises when the server or the connection is gone, in our words."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from aiormq.exceptions import AMQPError, AuthenticationError, ProbableAuthenticationError

from notifier.errors import BrokerUnavailable

LOST = (AMQPError, OSError, TimeoutError, RuntimeError)
"""RuntimeError is how aio-pika says that a connection or a channel is closed."""


@contextmanager
def connecting(address: str) -> Iterator[None]:
    """What goes wrong while a connection is opened becomes BrokerUnavailable with the address."""
    try:
        yield
    except (ProbableAuthenticationError, AuthenticationError) as error:
        raise BrokerUnavailable(
            f"RabbitMQ at {address} refuses the user: check name and password in [amqp] url"
        ) from error
    except LOST as error:
        raise BrokerUnavailable(
            f"RabbitMQ at {address} does not answer ({cause_of(error)}): "
            "is it running, is [amqp] url right?"
        ) from error


@contextmanager
def answering(doing: str) -> Iterator[None]:
    """What goes wrong with the server while `doing` becomes BrokerUnavailable.

    aiormq rejects what still waits with CancelledError when a connection dies by its heartbeat or
    is closed; nobody cancelled us then, and our task must not end as if.
    """
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise BrokerUnavailable(f"{doing}: the connection to RabbitMQ was closed") from None
    except LOST as error:
        raise BrokerUnavailable(f"{doing}: RabbitMQ went away ({cause_of(error)})") from error


def cause_of(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error.__cause__, ssl.SSLError):
        return str(error.__cause__)
    return str(error) or type(error).__name__

"""The errors a caller may tell apart. Vendor exceptions stop at the adapter that met them."""

from __future__ import annotations


class NotifierError(Exception):
    """Base of all errors of this package; the text names the thing, the value and the remedy."""


class InvalidInput(NotifierError):
    """What a person or a program handed in breaks a rule; nothing was changed.

    field: the name of the offending field, for a form or a JSON answer.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class IdempotencyConflict(InvalidInput):
    """The key was accepted before, with another content; nothing was changed.

    key: as the caller gave it.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__("idempotency_key", message)
        self.key = key


class SettingsError(NotifierError):
    """A setting is missing or out of its bounds."""


class DecodeError(NotifierError):
    """A message cannot be read, ever; it belongs into the dead queue."""


class UnknownVersion(NotifierError):
    """A message of a newer version than this program's; a newer fleet may read it."""


class Unavailable(NotifierError):
    """A server does not answer now; the same call may succeed later."""


class StoreUnavailable(Unavailable):
    """MySQL or Redis does not answer."""


class StoreConflict(StoreUnavailable):
    """MySQL rolled back in favour of another transaction; the same call may succeed at once."""


class BrokerUnavailable(Unavailable):
    """RabbitMQ does not answer, or did not confirm."""


class StoreError(NotifierError):
    """The database refused a statement for a reason that waiting will not mend."""


class TopologyError(NotifierError):
    """An exchange or a queue exists and is not what the settings ask for."""


class NotOffered(TopologyError):
    """The broker lacks what a delay mechanism needs; another one may do."""


class NotFound(NotifierError):
    """What was asked for does not exist."""

"""What the channels and keys of live push are called in Redis, and what travels on them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class LiveChannels:
    """topics: `<prefix>push:<topic>`, that anybody may publish to who may write there.

    Users, acknowledgements and gateways have channels that no topic's name can reach.
    """

    prefix: str

    @property
    def topics(self) -> bytes:
        return f"{self.prefix}push:".encode()

    @property
    def every_topic(self) -> bytes:
        """The pattern."""
        escaped = "".join(f"\\{c}" if c in "*?[]\\^" else c for c in self.prefix)
        return f"{escaped}push:*".encode()

    @property
    def users(self) -> bytes:
        return f"{self.prefix}user:".encode()

    @property
    def gateways(self) -> bytes:
        return f"{self.prefix}gateways".encode()

    def topic(self, name: str) -> bytes:
        return self.topics + name.encode()

    def user(self, id_: str) -> bytes:
        return self.users + id_.encode()

    def acks(self, process: str) -> bytes:
        return f"{self.prefix}acks:{process}".encode()

    def answers(self, asker: str) -> bytes:
        return f"{self.prefix}clients:{asker}".encode()

    def last(self, topic: str) -> bytes:
        return f"{self.prefix}last:{topic}".encode()

    @property
    def known_topics(self) -> bytes:
        """A sorted set, by the moment of the last value."""
        return f"{self.prefix}topics".encode()

    def ticket(self, digest: str) -> bytes:
        return f"{self.prefix}ticket:{digest}".encode()

    def stream(self, digest: str) -> bytes:
        return f"{self.prefix}stream:{digest}".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A push on a user's channel. reply: where its acknowledgement goes. frame: JSON."""

    id: UUID
    reply: bytes
    frame: bytes

    def encode(self) -> bytes:
        return b"%b %b\n%b" % (self.id.bytes.hex().encode(), self.reply, self.frame)


def decode_handed(data: bytes) -> Handed:
    """Raises ValueError."""
    head, _, frame = data.partition(b"\n")
    id_, _, reply = head.partition(b" ")
    return Handed(id=UUID(id_.decode()), reply=reply, frame=frame)

"""Which network addresses an outbound request may reach, and a resolver that returns no others."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from notifier.channels.lookup import Found, Resolver, ThreadedLookup

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_LOOKUP_S = 5.0
ANYWHERE: tuple[Network, ...] = (
    ipaddress.ip_network("0.0.0.0/0"),
    ipaddress.ip_network("::/0"),
)
"""For hosts that the operator wrote into the settings."""

# An explicit table: `is_global` of the standard library lets NAT64, 6to4, multicast and the cloud
# providers' metadata addresses through. Source: IANA's special-purpose address registries.
FORBIDDEN: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/32",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
        # Whatever else lies outside 2000::/3: nothing there is global unicast.
        "::/3",
        "4000::/2",
        "8000::/1",
    )
)


class AddressBlocked(OSError):
    """The host's addresses are all ones that may not be reached; nothing was sent.

    Its text names no address: whoever registered the host shall not learn of the inner network.
    """

    def __init__(self) -> None:
        super().__init__("the host has no address that may be reached")


@lru_cache(maxsize=4096)
def may_reach(text: str, allow: tuple[Network, ...] = ()) -> bool:
    """Whether the address `text` is public, or in one of the networks of `allow`."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return _within(address, allow) or not _within(address, FORBIDDEN)


@lru_cache(maxsize=4096)
def literal_address(host: str) -> str | None:
    """The address that `host` is, None if it is a name."""
    bare = host.strip("[]").partition("%")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None


async def addresses_of_host(host: str) -> list[str]:
    """All it has, both IPv4 and IPv6; none where it cannot be resolved now."""
    try:
        async with asyncio.timeout(LONGEST_LOOKUP_S):
            return [each.host for each in await ThreadedLookup().resolve(host, 0)]
    except OSError:
        return []


class GuardedResolver:
    """Resolves as the system does and drops what may not be reached.

    What is returned is what is dialled, so that a name cannot change its address after the check.
    hosts: names that the operator allowed wherever they lead.
    """

    def __init__(
        self,
        allow: tuple[Network, ...],
        hosts: frozenset[str] = frozenset(),
        *,
        system: Resolver | None = None,
    ) -> None:
        self._allow = allow
        self._hosts = hosts
        self._system = system or ThreadedLookup()

    async def resolve(self, host: str, port: int) -> list[Found]:
        """Raises AddressBlocked if nothing is left."""
        found = await self._system.resolve(host, port)
        if host in self._hosts and found:
            return found
        allowed = [each for each in found if may_reach(each.host, self._allow)]
        if not allowed:
            raise AddressBlocked
        return allowed


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == each.version and address in each for each in networks)

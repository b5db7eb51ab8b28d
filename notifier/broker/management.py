"""RabbitMQ's management API, read only: what AMQP itself does not tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote

import httpx

from notifier.errors import BrokerUnavailable

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Management:
    """url: http(s)://user:password@host:15672. vhost: the one whose objects are looked at."""

    url: str = field(repr=False)
    vhost: str

    async def overview(self) -> dict[str, Any]:
        return cast(dict[str, Any], await self._get("overview"))

    async def exchange(self, name: str) -> dict[str, Any] | None:
        return cast(dict[str, Any] | None, await self._get(f"exchanges/{self._in(name)}"))

    async def bindings(self, exchange: str) -> list[dict[str, Any]]:
        """Those with this exchange as their source."""
        found = await self._get(f"exchanges/{self._in(exchange)}/bindings/source")
        return cast(list[dict[str, Any]], found or [])

    async def queues(self) -> list[dict[str, Any]]:
        """All of the vhost; their counts are up to five seconds old."""
        return cast(list[dict[str, Any]], await self._get(f"queues/{quote(self.vhost, safe='')}"))

    async def connection_names(self) -> set[str]:
        """The names that the clients gave to their connections; some seconds old."""
        found = cast(list[dict[str, Any]], await self._get("connections"))
        return {str(one.get("client_properties", {}).get("connection_name")) for one in found}

    def _in(self, name: str) -> str:
        return f"{quote(self.vhost, safe='')}/{quote(name, safe='')}"

    async def _get(self, path: str) -> object:
        """The decoded answer, None for 404. Raises BrokerUnavailable, without the password."""
        url = httpx.URL(self.url)
        where = f"RabbitMQ's management API at {url.host}:{url.port or url.scheme}"
        try:
            async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, trust_env=False) as http:
                answer = await http.get(f"/api/{path}")
        except httpx.HTTPError as error:
            raise BrokerUnavailable(
                f"{where} does not answer ({type(error).__name__}): "
                "is the plugin rabbitmq_management on, is [amqp] management_url right?"
            ) from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.status_code != httpx.codes.OK:
            raise BrokerUnavailable(
                f"{where} answers {answer.status_code} to {path}: "
                "check user, password and rights in [amqp] management_url"
            )
        return answer.json()

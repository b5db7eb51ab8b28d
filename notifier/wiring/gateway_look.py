"""What `notifier check` sees of the gateway: its port, its certificate, and who may come in."""

from __future__ import annotations

import asyncio
import errno
import ssl
from datetime import UTC, datetime, timedelta

from cryptography import x509

from notifier.dispatch.checkup import Fault, Seen
from notifier.errors import NotifierError, SettingsError, StoreError, StoreUnavailable
from notifier.settings import Gateway, Settings
from notifier.store.api_keys import ApiKeys
from notifier.store.operators import Operators
from notifier.wiring.listening import tls_of, try_port
from notifier.wiring.parts import open_database

ANSWER_S = 3.0
RENEWED_BEFORE = timedelta(days=7)


async def look_at_gateway(settings: Settings) -> Seen:
    """It may run already, or not at all: then this is what it would meet."""
    facts, faults = [], []
    for look in (_look_at_port, _look_at_certificate):
        try:
            facts.append(await look(settings.gateway))
        except NotifierError as error:
            faults.append(Fault(what=str(error)))
    facts.append(await _who_may_come(settings))
    return Seen(facts=[fact for fact in facts if fact], faults=faults)


async def _look_at_port(gateway: Gateway) -> str:
    """Raises NotifierError."""
    place = f"{gateway.host}:{gateway.port}"
    try:
        await asyncio.to_thread(try_port, gateway.host, gateway.port)
    except NotifierError as error:
        cause = error.__cause__
        is_taken = isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE
        if is_taken and await _is_served(gateway):
            return f"serves at {place}"
        raise
    return f"may listen on {place}"


async def _is_served(gateway: Gateway) -> bool:
    """Whether it is a gateway that has the port."""
    tls = None
    if gateway.cert_file is not None:
        # It is asked on this host who it is, and told nothing.
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection(gateway.host, gateway.port, ssl=tls)
            try:
                writer.write(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
                return b'{"status":"ok"}' in await reader.read(4096)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


async def _look_at_certificate(gateway: Gateway) -> str:
    """Raises SettingsError."""
    if tls_of(gateway) is None or gateway.cert_file is None:
        return "without TLS"
    certificate = x509.load_pem_x509_certificate(gateway.cert_file.read_bytes())
    ends = certificate.not_valid_after_utc
    if ends < datetime.now(UTC) + RENEWED_BEFORE:
        raise SettingsError(
            f"[gateway] cert_file {gateway.cert_file}: the certificate ends {ends:%F %T} UTC; "
            "renew it, and `notifier reload` the gateway"
        )
    return f"TLS until {ends:%F}"


async def _who_may_come(settings: Settings) -> str:
    """A hint: nobody needs both."""
    try:
        async with open_database(settings) as database:
            keys = len(await ApiKeys(database).all())
            people = len(await Operators(database).all())
    except (StoreUnavailable, StoreError):
        return ""  # MySQL's own line says it
    return (
        f"{keys} keys{'' if keys else ' (`notifier key add`)'}, "
        f"{people} operators{'' if people else ' (`notifier operator add`)'}"
    )

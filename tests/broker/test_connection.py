from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme
from yarl import URL

from notifier.broker.connection import Link, Server, connect, open_connection
from notifier.broker.management import Management
from notifier.errors import BrokerUnavailable, SettingsError
from tests.broker.cable import HOST, Cable
from tests.broker.messages import until


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1", "[::1]"])
def test_plain_amqp_is_fine_on_this_host(host: str) -> None:
    assert Server(url=f"amqp://u:p@{host}/").vhost == "/"


@pytest.mark.parametrize(
    ("path", "vhost"),
    [("", "/"), ("/", "/"), ("/%2F", "/"), ("/shop", "shop"), ("/%2Fshop", "/shop")],
)
def test_the_path_of_the_url_is_the_vhost(path: str, vhost: str) -> None:
    assert Server(url=f"amqp://localhost{path}").vhost == vhost


def test_plain_amqp_to_another_host_is_refused_unless_allowed() -> None:
    with pytest.raises(SettingsError, match=r"rabbit\.lan:5672 sends the password in the clear"):
        Server(url="amqp://u:secret@rabbit.lan/shop")

    allowed = Server(url="amqp://u:secret@rabbit.lan/shop", plain_allowed=True)
    assert allowed.address == "rabbit.lan:5672"
    assert allowed.vhost == "shop"


def test_a_certificate_must_be_verified() -> None:
    with pytest.raises(SettingsError, match="no_verify_ssl is refused"):
        Server(url="amqps://u:p@rabbit.lan/?no_verify_ssl=1")


@pytest.mark.parametrize("url", ["", "rabbit.lan", "http://rabbit.lan/", "amqp://"])
def test_what_is_no_amqp_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"\[amqp\] url must look like"):
        Server(url=url)


def test_the_password_is_in_no_representation() -> None:
    assert "secret" not in repr(Server(url="amqps://u:secret@rabbit.lan/"))
    assert "secret" not in repr(Management(url="http://u:secret@rabbit.lan/", vhost="/"))


async def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    closed = await asyncio.start_server(lambda *_: None, HOST, 0)
    port = closed.sockets[0].getsockname()[1]
    closed.close()
    await closed.wait_closed()

    with pytest.raises(BrokerUnavailable) as raised:
        await connect(Server(url=f"amqp://u:secret@{HOST}:{port}/"), name="test")

    assert f"RabbitMQ at {HOST}:{port} does not answer" in str(raised.value)
    assert "secret" not in str(raised.value)


async def test_a_wrong_password_is_told_from_a_server_that_is_away(server: Server) -> None:
    url = URL(server.url).with_password("wrong")

    with pytest.raises(BrokerUnavailable, match="refuses the user: check name and") as raised:
        await connect(Server(url=str(url)), name="test")

    assert "wrong" not in str(raised.value)


async def test_a_certificate_of_an_unknown_authority_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(HOST).configure_cert(context)
    stranger = await asyncio.start_server(lambda _, writer: writer.close(), HOST, 0, ssl=context)
    async with stranger:
        port = stranger.sockets[0].getsockname()[1]

        with pytest.raises(BrokerUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await open_connection(Server(url=f"amqps://u:p@{HOST}:{port}/"), name="test")


async def test_the_management_ui_shows_who_is_connected(
    server: Server, management: Management
) -> None:
    link = await connect(server, name="notifier tier 5s publish")
    try:
        async with asyncio.timeout(20):
            while "notifier tier 5s publish" not in await management.connection_names():
                await asyncio.sleep(0.2)
    finally:
        await link.close()


async def test_a_link_comes_back_after_the_network_failed(cable: Cable, frail_link: Link) -> None:
    assert frail_link.is_up

    cable.unplug()
    await until(lambda: not frail_link.is_up)
    cable.plug()

    await until(lambda: frail_link.is_up)


async def test_a_patient_link_begins_while_the_server_is_away(server: Server, cable: Cable) -> None:
    cable.unplug()
    url = str(URL(server.url).with_host(HOST).with_port(cable.port))

    link = await connect(Server(url=url), name="test", patient=True)

    try:
        assert not link.is_up
        cable.plug()
        await until(lambda: link.is_up)
    finally:
        await link.close()

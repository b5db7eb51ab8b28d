"""The database's address, and what its errors tell a person."""

from __future__ import annotations

import pymysql
import pytest

from notifier.errors import SettingsError, StoreConflict, StoreError, StoreUnavailable
from notifier.store.address import Address, MysqlOptions, parse_url, tls_context
from notifier.store.faults import explain

ADDRESS = Address(host="db.example", port=3306, user="u", password="hunter2", database="shop")


def test_an_address_is_read_with_its_escapes() -> None:
    address = parse_url("mysql://us%40er:p%2Fw%23@db.example:3307/shop")
    assert address == Address(
        host="db.example", port=3307, user="us@er", password="p/w#", database="shop"
    )
    assert str(address) == "db.example:3307"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "postgres://u:hunter2@h/d",
        "mysql://u:hunter2@h",
        "mysql:///d",
        "mysql://u:hunter2@h:port/d",
        "mysql://u:hunter2@h:99999/d",
        "mysql://u:hunt#er2@h/d",
        "mysql://u:hunt/er2@h/d",
        "mysql://u:hunter2@[::1/d",
    ],
)
def test_what_is_no_address_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match=r"\[mysql\] url") as caught:
        parse_url(url)
    assert "hunt" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_way_that_is_neither_local_nor_verified_is_refused() -> None:
    options = MysqlOptions(url="mysql://u:p@db.example/shop")
    with pytest.raises(SettingsError, match=r"db\.example:3306 is not this machine"):
        tls_context(options, ADDRESS)
    for host in ("localhost", "127.0.0.2", "::1"):
        assert (
            tls_context(
                options,
                parse_url(f"mysql://u@[{host}]/d" if ":" in host else f"mysql://u@{host}/d"),
            )
            is None
        )


@pytest.mark.parametrize(
    ("code", "text", "kind", "says"),
    [
        (1146, "Table 'notifier.notifier_attempt' doesn't exist", StoreError, "db upgrade"),
        (1146, "Table 'x.tg_log_order_dispatch' doesn't exist", StoreError, "db upgrade"),
        (1146, "Table 'notifier_2.tg_order_task' doesn't exist", StoreError, "[orders] table"),
        (1146, "Table 'shop.orders' doesn't exist", StoreError, "[orders] table"),
        (1054, "Unknown column 'publisher_openid' in 'field list'", StoreError, "[orders]"),
        (1045, "Access denied for user 'u'", StoreError, "1045"),
        (1049, "Unknown database 'shop'", StoreError, "Unknown database"),
        (1213, "Deadlock found", StoreConflict, "rolled back: Deadlock"),
        (2003, "Can't connect to MySQL server", StoreUnavailable, "db.example:3306"),
        (2013, "Lost connection", StoreUnavailable, "db.example:3306"),
    ],
)
def test_an_error_says_where_and_what_to_do(
    code: int, text: str, kind: type[Exception], says: str
) -> None:
    error = explain(pymysql.err.OperationalError(code, text), ADDRESS)
    assert type(error) is kind
    assert says in str(error)
    assert "db.example:3306" in str(error)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    "error",
    [ConnectionResetError(104, "reset"), TimeoutError(), pymysql.err.InterfaceError("closed")],
)
def test_a_connection_that_breaks_is_a_server_that_is_away(error: Exception) -> None:
    assert type(explain(error, ADDRESS)) is StoreUnavailable

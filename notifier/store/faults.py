"""What MySQL's errors mean to a caller, and what a person can do."""

from __future__ import annotations

import re

import pymysql

from notifier.errors import StoreConflict, StoreError, StoreUnavailable
from notifier.store.address import Address

AWAY = frozenset({1040, 1053, 1158, 1159, 1160, 1161, 1290, 1317, 1836, 1927, 2006})
"""Server codes that waiting mends: too many connections, shutdown, net errors,
read-only, killed. Source: MySQL 8.4 and MariaDB 10.11 server error references."""
CONFLICTS = frozenset({1205, 1213})
"""Lock wait, deadlock."""
MISSING_TABLE = 1146
MISSING_COLUMN = 1054


def explain(error: Exception, address: Address) -> StoreUnavailable | StoreError:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = str(error.args[1]) if len(error.args) > 1 else str(error) or type(error).__name__
    if code == MISSING_TABLE:
        remedy = _remedy(re.search(r"'(?:[^']*\.)?([^'.]+)'", text))
        return StoreError(f"MySQL at {address}: {text}; {remedy}")
    if code == MISSING_COLUMN:
        remedy = "set [orders] …_column, or run `notifier db upgrade` if the table is notifier's"
        return StoreError(f"MySQL at {address}: {text}; {remedy}")
    if code in CONFLICTS:
        return StoreConflict(f"MySQL at {address} rolled back: {text}")
    if isinstance(error, pymysql.Error) and code not in AWAY and not 2000 <= code < 3000 and code:
        return StoreError(f"MySQL at {address} refused a statement: {code} {text}")
    return StoreUnavailable(f"MySQL at {address} does not answer: {text}")


def _remedy(table: re.Match[str] | None) -> str:
    ours = table and (table[1].startswith("notifier_") or table[1] == "tg_log_order_dispatch")
    return "run `notifier db upgrade`" if ours else "set [orders] table, or enabled = false"

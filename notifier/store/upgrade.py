"""Bring the tables of notifier to the version this program needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from notifier.errors import StoreError, StoreUnavailable
from notifier.store.address import MysqlOptions, parse_url, tls_context
from notifier.store.faults import explain


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """before, after: revisions, "" for an empty database."""

    before: str
    after: str


def upgrade(options: MysqlOptions) -> Versions:
    """Run what is missing; safe to run twice and from two places at once (MySQL's GET_LOCK).

    Raises StoreUnavailable, and StoreError where a newer program was here before.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    address = parse_url(options.url)
    tls = tls_context(options, address)
    engine = create_engine(
        URL.create(
            "mysql+pymysql",
            username=address.user,
            password=address.password,
            host=address.host,
            port=address.port,
            database=address.database,
        ),
        connect_args={"ssl": tls} if tls else {},
        poolclass=NullPool,
    )
    try:
        with engine.connect() as connection:
            return _upgrade(connection, config)
    except DBAPIError as error:
        raise explain(error.orig or error, address) from error


def newest() -> str:
    """The revision this program needs."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head() or ""


def _upgrade(connection: Connection, config: Config) -> Versions:
    if connection.exec_driver_sql("SELECT GET_LOCK('notifier_upgrade', 60)").scalar() != 1:
        raise StoreUnavailable("MySQL: another upgrade has been running for a minute; try again")
    before = _revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if before and before not in known:
        raise StoreError(f"MySQL: its tables have version {before}, of a newer program than this")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
    after = _revision(connection)
    connection.exec_driver_sql("SELECT RELEASE_LOCK('notifier_upgrade')")
    return Versions(before=before, after=after)


def _revision(connection: Connection) -> str:
    context = MigrationContext.configure(connection, opts={"version_table": "notifier_version"})
    return context.get_current_revision() or ""

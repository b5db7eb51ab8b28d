"""Alembic's entry; the connection comes from `notifier.store.upgrade`, never from a file."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table="notifier_version")
with context.begin_transaction():
    context.run_migrations()

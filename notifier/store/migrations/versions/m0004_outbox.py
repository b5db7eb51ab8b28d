"""The outbox, into which applications insert within their own transactions."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# What applications insert: these names and meanings stay, later columns will have defaults.
# Moments are unix seconds, because a DATETIME means another moment in every session's time zone.
COLUMNS = """
  channel VARCHAR(16) NOT NULL COMMENT 'wechat, webhook or push',
  recipient VARCHAR(2048) NOT NULL COMMENT 'openid; https://... or endpoint:NAME; user id',
  template VARCHAR(64) NOT NULL DEFAULT '',
  payload MEDIUMTEXT NULL COMMENT 'JSON object of at most 64 KiB',
  order_no VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'what it is about',
  idempotency_key VARCHAR(191) NULL COMMENT 'the same key is accepted once',
  due_unix DECIMAL(16,6) NULL COMMENT 'the moment, unix seconds',
  delay_s DECIMAL(12,3) NULL COMMENT 'or how long from the insert, seconds',
  ladder VARCHAR(64) NOT NULL DEFAULT 'default',
  deadline_unix DECIMAL(16,6) NULL COMMENT 'not to be told after this, unix seconds',
  created_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)"""

OUTBOX = f"""
CREATE TABLE IF NOT EXISTS notifier_outbox (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,{COLUMNS}
) """

# Of its own, so that the outbox is empty when all is well, and one look says so.
REJECTED = f"""
CREATE TABLE IF NOT EXISTS notifier_outbox_rejected (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,{COLUMNS},
  reason VARCHAR(1000) NOT NULL,
  rejected_at DATETIME(6) NOT NULL
) """

OPTIONS = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"


def upgrade() -> None:
    for table in (OUTBOX, REJECTED):
        op.execute(table + OPTIONS)


def downgrade() -> None:
    raise NotImplementedError("migrations only add")

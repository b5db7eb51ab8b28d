"""Who may look at the dashboard and act there, what was done there, and when attempts began."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OPTIONS = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

OPERATOR = """
CREATE TABLE IF NOT EXISTS notifier_operator (
  name VARCHAR(64) NOT NULL PRIMARY KEY,
  role ENUM('viewer','operator') NOT NULL,
  password VARCHAR(255) NULL COMMENT 'scrypt; NULL: only by links',
  created_at DATETIME(6) NOT NULL,
  changed_at DATETIME(6) NOT NULL
) """

ADMISSION = """
CREATE TABLE IF NOT EXISTS notifier_operator_pass (
  digest BINARY(32) NOT NULL PRIMARY KEY COMMENT 'SHA-256 of what the browser or the link says',
  kind ENUM('session','link') NOT NULL,
  name VARCHAR(64) NOT NULL,
  created_at DATETIME(6) NOT NULL,
  until_at DATETIME(6) NOT NULL,
  KEY by_name (name),
  KEY by_end (until_at)
) """

DEED = """
CREATE TABLE IF NOT EXISTS notifier_deed (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  done_at DATETIME(6) NOT NULL,
  who VARCHAR(96) NOT NULL,
  deed VARCHAR(32) NOT NULL COMMENT 'replay, pause, resume',
  target VARCHAR(191) NOT NULL COMMENT 'an id, a reason, a scope',
  why VARCHAR(191) NOT NULL,
  asked INT UNSIGNED NOT NULL COMMENT 'notifications it was meant for',
  done INT UNSIGNED NULL COMMENT 'for which it was done; NULL: it did not come to an end'
) """

# Attempts are written about in the order of their starts, so that this index grows at its end.
BY_START = "ADD KEY by_start (started_at, tier, outcome, lateness_us)"
HAS_IT = (
    "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() "
    "AND table_name = 'notifier_attempt' AND index_name = 'by_start'"
)


def upgrade() -> None:
    for table in (OPERATOR, ADMISSION, DEED):
        op.execute(table + OPTIONS)
    if not op.get_bind().exec_driver_sql(HAS_IT).scalar():
        op.execute(f"ALTER TABLE notifier_attempt {BY_START}")


def downgrade() -> None:
    raise NotImplementedError("migrations only add")

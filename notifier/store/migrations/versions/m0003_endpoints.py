"""Registered webhook receivers, and what was answered to an attempt."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OPTIONS = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

ENDPOINT = """
CREATE TABLE IF NOT EXISTS notifier_endpoint (
  name VARCHAR(64) NOT NULL PRIMARY KEY,
  url VARCHAR(2048) NOT NULL,
  dialect VARCHAR(16) NOT NULL COMMENT 'by which answer it says that it has heard',
  secret VARBINARY(255) NOT NULL COMMENT 'encrypted with a key of the settings',
  old_secret VARBINARY(255) NULL COMMENT 'signs too until the moment below',
  old_secret_until DATETIME(6) NULL,
  ladder VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'empty: the default',
  rate_per_s DOUBLE NULL COMMENT 'NULL: no limit',
  timeout_ms INT UNSIGNED NULL COMMENT 'NULL: that of the settings',
  allow_http TINYINT(1) NOT NULL DEFAULT 0,
  failing_since DATETIME(6) NULL COMMENT 'the first failure after the last success',
  failures INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'since then; at most one a second and process',
  created_at DATETIME(6) NOT NULL,
  changed_at DATETIME(6) NOT NULL COMMENT 'the copies of the processes follow this',
  KEY by_change (changed_at)
) """

# Apart from the attempts: most have none, since WeChat's answers are all in code and detail.
ANSWER = """
CREATE TABLE IF NOT EXISTS notifier_answer (
  notification_id BINARY(16) NOT NULL,
  attempt INT UNSIGNED NOT NULL,
  status SMALLINT UNSIGNED NOT NULL COMMENT 'of HTTP',
  latency_us BIGINT UNSIGNED NOT NULL,
  body VARBINARY(2048) NOT NULL COMMENT 'its beginning; hostile text',
  PRIMARY KEY (notification_id, attempt)
) """


def upgrade() -> None:
    for table in (ENDPOINT, ANSWER):
        op.execute(table + OPTIONS)


def downgrade() -> None:
    raise NotImplementedError("migrations only add")

"""Notifications, attempts, pauses, the seed documents' log, and the load generator's orders."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OPTIONS = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

# One index serves the calendar, the sweeper and expired leases: next_sweep_at is when somebody
# has to look at the row, whatever its state, and NULL where nobody has to any more.
NOTIFICATION = """
CREATE TABLE IF NOT EXISTS notifier_notification (
  id BINARY(16) NOT NULL PRIMARY KEY COMMENT 'UUIDv7',
  dedupe_key BINARY(32) NULL COMMENT 'SHA-256 of what makes two of them the same',
  idempotency_key VARCHAR(191) NULL COMMENT 'as the caller gave it',
  parent_id BINARY(16) NULL COMMENT 'the designer''s, for the publisher''s',
  role ENUM('designer','publisher','recipient') NOT NULL,
  channel VARCHAR(16) NOT NULL,
  recipient VARCHAR(2048) NOT NULL COMMENT 'openid, URL or user id',
  order_book ENUM('none','orders','loadtest') NOT NULL DEFAULT 'none',
  order_no VARCHAR(64) NOT NULL DEFAULT '',
  order_id BIGINT UNSIGNED NULL,
  designer_id BIGINT UNSIGNED NULL,
  designer_name VARCHAR(64) NULL,
  claim_deadline DATETIME(6) NULL,
  template VARCHAR(64) NOT NULL DEFAULT '',
  payload MEDIUMTEXT NULL COMMENT 'JSON object',
  ladder VARCHAR(64) NOT NULL DEFAULT 'default',
  deadline_at DATETIME(6) NULL COMMENT 'not to be told after this',
  state ENUM('scheduled','waiting','in_flight','sent','dead','cancelled','unknown') NOT NULL,
  reason VARCHAR(191) NOT NULL DEFAULT '',
  seq INT UNSIGNED NOT NULL DEFAULT 1 COMMENT '+1 on every new schedule',
  step SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'place in the ladder, from 0',
  attempt INT UNSIGNED NOT NULL DEFAULT 1 COMMENT 'number of the next, running or last one',
  tier INT UNSIGNED NOT NULL COMMENT 'seconds; the queue',
  due_at DATETIME(6) NOT NULL,
  next_sweep_at DATETIME(6) NULL,
  sweeps SMALLINT UNSIGNED NOT NULL DEFAULT 0,
  postponements SMALLINT UNSIGNED NOT NULL DEFAULT 0,
  lease_token BINARY(16) NULL,
  lease_until DATETIME(6) NULL,
  lease_owner VARCHAR(96) NULL,
  claimed_at DATETIME(6) NULL,
  crashes TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'leases that ran out, in a row',
  unknown_since DATETIME(6) NULL COMMENT 'start of the first attempt of unknown outcome',
  cancel_requested VARCHAR(191) NOT NULL DEFAULT '',
  dispatched_at DATETIME(6) NULL COMMENT 'when the order was claimed for the designer',
  accepted_at DATETIME(6) NOT NULL,
  settled_at DATETIME(6) NULL,
  UNIQUE KEY one_of_a_kind (dedupe_key),
  KEY to_look_at (state, next_sweep_at),
  KEY by_order (order_no),
  KEY by_parent (parent_id)
) """

ATTEMPT = """
CREATE TABLE IF NOT EXISTS notifier_attempt (
  notification_id BINARY(16) NOT NULL,
  attempt INT UNSIGNED NOT NULL,
  seq INT UNSIGNED NOT NULL,
  step SMALLINT UNSIGNED NOT NULL,
  tier INT UNSIGNED NOT NULL COMMENT 'seconds',
  due_at DATETIME(6) NOT NULL,
  started_at DATETIME(6) NOT NULL,
  duration_us BIGINT UNSIGNED NOT NULL,
  lateness_us BIGINT NOT NULL COMMENT 'started_at - due_at',
  outcome ENUM('sent','retry','dead','released','cancelled','unknown','repeated') NOT NULL,
  code VARCHAR(64) NOT NULL DEFAULT '',
  detail VARCHAR(2048) NOT NULL DEFAULT '',
  external_id VARCHAR(64) NOT NULL DEFAULT '',
  worker VARCHAR(96) NOT NULL DEFAULT '',
  PRIMARY KEY (notification_id, attempt)
) """

PAUSE = """
CREATE TABLE IF NOT EXISTS notifier_pause (
  scope VARCHAR(128) NOT NULL PRIMARY KEY COMMENT 'channel:wechat',
  since DATETIME(6) NOT NULL,
  until_at DATETIME(6) NULL COMMENT 'NULL: until a person resumes it',
  reason VARCHAR(191) NOT NULL,
  who VARCHAR(96) NOT NULL
) """

# The three columns of the designer-order how-to; readers written for it keep working.
LOG = """
CREATE TABLE IF NOT EXISTS tg_log_order_dispatch (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  content TEXT NOT NULL,
  runtime DECIMAL(12,6) NOT NULL COMMENT 'seconds',
  w_time DATETIME NOT NULL,
  KEY by_time (w_time)
) """

LOADTEST_ORDER = """
CREATE TABLE IF NOT EXISTS notifier_loadtest_order (
  order_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  order_no VARCHAR(64) NOT NULL,
  status TINYINT NOT NULL DEFAULT 0,
  design_userid BIGINT UNSIGNED NULL,
  design_username VARCHAR(64) NULL,
  design_time DATETIME NULL,
  publisher_openid VARCHAR(64) NULL
) """


def upgrade() -> None:
    # IF NOT EXISTS: MySQL commits each by itself, and what died halfway is finished the next time.
    for table in (NOTIFICATION, ATTEMPT, PAUSE, LOG, LOADTEST_ORDER):
        op.execute(table + OPTIONS)


def downgrade() -> None:
    raise NotImplementedError("migrations only add")

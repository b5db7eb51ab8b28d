"""Moments that somebody changed: who, when, from which and why."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RESCHEDULED = """
CREATE TABLE IF NOT EXISTS notifier_rescheduled (
  notification_id BINARY(16) NOT NULL,
  seq INT UNSIGNED NOT NULL COMMENT 'of the new schedule',
  changed_at DATETIME(6) NOT NULL,
  from_at DATETIME(6) NOT NULL,
  to_at DATETIME(6) NOT NULL,
  who VARCHAR(96) NOT NULL,
  why VARCHAR(191) NOT NULL,
  PRIMARY KEY (notification_id, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
"""


def upgrade() -> None:
    op.execute(RESCHEDULED)


def downgrade() -> None:
    raise NotImplementedError("migrations only add")

"""Pauses that somebody ended or prolonged: who, when and why."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PAUSE_ENDED = """
CREATE TABLE IF NOT EXISTS notifier_pause_ended (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  scope VARCHAR(128) NOT NULL COMMENT 'channel:wechat, endpoint:shop, tier:5',
  since DATETIME(6) NOT NULL,
  until_at DATETIME(6) NULL COMMENT 'NULL: until a person resumed it',
  reason VARCHAR(191) NOT NULL,
  who VARCHAR(96) NOT NULL,
  ended_at DATETIME(6) NOT NULL,
  ended_why VARCHAR(191) NOT NULL,
  ended_by VARCHAR(96) NOT NULL,
  KEY by_scope (scope, ended_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
"""


def upgrade() -> None:
    op.execute(PAUSE_ENDED)


def downgrade() -> None:
    raise NotImplementedError("migrations only add")

"""Which delay mechanism holds what waits."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DELAY = """
CREATE TABLE IF NOT EXISTS notifier_delay (
  one TINYINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'always 1: there is one choice',
  mechanism VARCHAR(16) NOT NULL COMMENT 'as [amqp] delay says it',
  why VARCHAR(191) NOT NULL,
  since DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
"""

# Whoever has notifications has them on the exchange: there was nothing else.
UNTIL_NOW = """
INSERT IGNORE INTO notifier_delay
SELECT 1, 'exchange', 'in use before there was a choice', UTC_TIMESTAMP(6)
FROM notifier_notification LIMIT 1
"""


def upgrade() -> None:
    op.execute(DELAY)
    op.execute(UNTIL_NOW)


def downgrade() -> None:
    raise NotImplementedError("migrations only add")

"""WeChat's receipts; one may come before the attempt that it speaks of is on record."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

RECEIPT = """
CREATE TABLE IF NOT EXISTS notifier_receipt (
  msg_id VARCHAR(64) NOT NULL PRIMARY KEY COMMENT 'external_id of the attempt',
  status VARCHAR(64) NOT NULL,
  received_at DATETIME(6) NOT NULL,
  KEY by_time (received_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"""


def upgrade() -> None:
    op.execute(RECEIPT)


def downgrade() -> None:
    raise NotImplementedError("migrations only add")

"""What WeChat took and could not deliver is sent again, as another message."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# At the end of the row, so that no row is written for it.
COLUMN = (
    "ADD COLUMN resends TINYINT UNSIGNED NOT NULL DEFAULT 0 "
    "COMMENT 'how often WeChat took it and could not deliver'"
)
HAS_COLUMN = (
    "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() "
    "AND table_name = 'notifier_notification' AND column_name = 'resends'"
)
# Nearly always empty, so that looking into it every second costs nothing.
UNDELIVERED = """
CREATE TABLE IF NOT EXISTS notifier_undelivered (
  msg_id VARCHAR(64) NOT NULL PRIMARY KEY COMMENT 'of a receipt that nobody has acted on yet',
  received_at DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"""


def upgrade() -> None:
    op.execute(UNDELIVERED)
    if not op.get_bind().exec_driver_sql(HAS_COLUMN).scalar():
        op.execute(f"ALTER TABLE notifier_notification {COLUMN}")


def downgrade() -> None:
    raise NotImplementedError("migrations only add")

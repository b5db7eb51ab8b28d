"""Whose push a notification is, so that a client that comes back finds its own."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Virtual, and nothing for other channels: their rows are not made longer, their entries in the
# index are written about in order, and no change of a state touches it.
COLUMN = (
    "ADD COLUMN push_user VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin "
    "GENERATED ALWAYS AS (CASE WHEN channel = 'push' THEN LEFT(recipient, 128) END) VIRTUAL"
)
KEY = "ADD KEY by_push_user (push_user)"
HAS_COLUMN = (
    "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() "
    "AND table_name = 'notifier_notification' AND column_name = 'push_user'"
)
HAS_KEY = (
    "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() "
    "AND table_name = 'notifier_notification' AND index_name = 'by_push_user'"
)


def upgrade() -> None:
    # Each is committed by itself, and what died halfway is finished the next time.
    for there, change in ((HAS_COLUMN, COLUMN), (HAS_KEY, KEY)):
        if not op.get_bind().exec_driver_sql(there).scalar():
            op.execute(f"ALTER TABLE notifier_notification {change}")


def downgrade() -> None:
    raise NotImplementedError("migrations only add")

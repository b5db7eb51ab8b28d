"""What older programs put into Redis and breaks a rule."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# One entry that is taken twice, because a process died in between, is kept aside once.
REJECTED = """
CREATE TABLE IF NOT EXISTS notifier_intake_rejected (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  way VARCHAR(16) NOT NULL COMMENT 'order: of the list; reminder: of the sorted set',
  digest CHAR(40) NOT NULL COMMENT 'SHA-1 of what lay in Redis, hex',
  body VARBINARY(4096) NOT NULL COMMENT 'the record or member, of a large one its beginning',
  size BIGINT UNSIGNED NOT NULL COMMENT 'all of it, bytes',
  score VARCHAR(40) NOT NULL DEFAULT '',
  reason VARCHAR(1000) NOT NULL,
  rejected_at DATETIME(6) NOT NULL,
  UNIQUE KEY entry (way, digest)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"""


def upgrade() -> None:
    op.execute(REJECTED)


def downgrade() -> None:
    raise NotImplementedError("migrations only add")

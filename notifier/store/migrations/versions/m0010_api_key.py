"""Who may use the API, and for what."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

API_KEY = """
CREATE TABLE IF NOT EXISTS notifier_api_key (
  id CHAR(12) NOT NULL PRIMARY KEY COMMENT 'the part of the key that is no secret',
  name VARCHAR(64) NOT NULL,
  digest BINARY(32) NOT NULL COMMENT 'SHA-256 of the whole key',
  scopes VARCHAR(191) NOT NULL COMMENT 'with commas between',
  made_by VARCHAR(96) NOT NULL,
  created_at DATETIME(6) NOT NULL,
  used_at DATETIME(6) NULL COMMENT 'to the minute',
  UNIQUE KEY by_name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"""


def upgrade() -> None:
    op.execute(API_KEY)


def downgrade() -> None:
    raise NotImplementedError("migrations only add")

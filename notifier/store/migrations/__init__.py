"""Alembic's migrations. They only add: fleets of two versions run side by side."""

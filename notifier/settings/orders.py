"""The application's order table: what it and its columns are called."""

from __future__ import annotations

from pydantic import Field

from notifier.settings.section import Section

IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
TABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,63}(\.[A-Za-z_][A-Za-z0-9_]{0,63})?$"


class Orders(Section):
    table: str = Field("tg_order_task", pattern=TABLE)
    """The application's order table, `schema.table` where it is another schema; see enabled."""
    enabled: bool = True
    """False: there are only notifications, no orders."""
    id_column: str = Field("order_id", pattern=IDENTIFIER)
    number_column: str = Field("order_no", pattern=IDENTIFIER)
    status_column: str = Field("status", pattern=IDENTIFIER)
    designer_id_column: str = Field("design_userid", pattern=IDENTIFIER)
    designer_name_column: str = Field("design_username", pattern=IDENTIFIER)
    designed_at_column: str = Field("design_time", pattern=IDENTIFIER)
    publisher_column: str | None = Field("publisher_openid", pattern=IDENTIFIER)
    """Whom to tell that the order was dispatched; none: the missing address is reported."""
    tell_publishers: bool = True
    """False: the designer alone is told, and a publisher has no notification at all."""
    claim_window_s: float = Field(300, ge=0, le=31_622_400)
    """After it a designer gets an order whose record has no expiry of its own, seconds."""

"""What is done with messages of other programs."""

from __future__ import annotations

from datetime import timedelta

from notifier.broker.mechanism import Mechanism
from notifier.broker.publisher import Publisher
from notifier.dispatch.foreign import ForeignMessages, ForeignOrders
from notifier.dispatch.intake import Intake
from notifier.settings import Settings
from notifier.store.accept import Acceptor
from notifier.store.mysql import Database
from notifier.wiring.parts import ladders_of, places_of


def foreign_of(
    settings: Settings, database: Database, delay: Mechanism, publisher: Publisher
) -> ForeignMessages:
    if not settings.amqp.accept_foreign_orders:
        return ForeignMessages(publisher, None)
    places = places_of(settings, delay)
    acceptor = Acceptor(database, ladders=ladders_of(settings), places=places)
    orders = ForeignOrders(
        Intake(acceptor, publisher),
        order_book="orders" if settings.orders.enabled else "none",
        claim_window=timedelta(seconds=settings.orders.claim_window_s),
    )
    return ForeignMessages(publisher, orders)

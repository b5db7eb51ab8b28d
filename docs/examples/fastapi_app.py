"""FastAPI: `fastapi run fastapi_app.py`, with NOTIFIER_MYSQL_URL and NOTIFIER_AMQP_URL set."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

from notifier import AsyncNotifier


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncNotifier() as notifier:
        app.state.notifier = notifier
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/payments/{payment_id}/succeeded")
async def succeeded(payment_id: int, amount: str, request: Request) -> dict[str, str]:
    accepted = await request.app.state.notifier.notify(
        channel="webhook",
        recipient="https://merchant.example.com/notify",
        template="payment.succeeded",
        payload={"payment_id": payment_id, "amount": amount},
        ladder="alipay",
        idempotency_key=f"payment-{payment_id}",
    )
    return {"notification": str(accepted.id)}

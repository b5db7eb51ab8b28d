"""The outbox: within a transaction of your own, with the MySQL driver that you have."""

import json

import pymysql

TELL = """
INSERT INTO notifier_outbox (channel, recipient, template, payload, ladder, idempotency_key)
VALUES ('webhook', %s, 'payment.succeeded', %s, 'alipay', %s)
"""


def take_payment(connection: pymysql.Connection, payment_id: int, amount: str) -> None:
    payload = json.dumps({"payment_id": payment_id, "amount": amount})
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO payment (id, amount) VALUES (%s, %s)", (payment_id, amount))
        cursor.execute(
            TELL, ("https://merchant.example.com/notify", payload, f"payment-{payment_id}")
        )
    connection.commit()  # both or neither; within 200 ms it is on its way

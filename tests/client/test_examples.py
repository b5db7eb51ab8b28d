"""The code that the documents show is run as it stands there."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from notifier.dispatch.tally import Tally
from notifier.store.address import parse_url
from notifier.wiring.fleet import open_tools
from notifier.wiring.outbox import relay_of
from tests.house import House

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "from-your-code.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    section = README.partition("## From your own code")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def run(house: House, program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=house.environment | {"PYTHONPATH": f"{EXAMPLES}:{ROOT}"},
        cwd=house.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def told(house: House) -> list[tuple[str, str, str | None]]:
    rows = house.rows(
        "SELECT channel, recipient, idempotency_key FROM notifier_notification ORDER BY id"
    )
    return [(row[0], row[1], row[2]) for row in rows]


def move_outbox(house: House) -> None:
    async def move() -> None:
        async with open_tools(house.settings, "test") as (database, delay, publisher):
            await relay_of(house.settings, database, delay, publisher, tally=Tally()).move()

    asyncio.run(move())


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_the_page_shows_the_examples_as_they_are(example: Path) -> None:
    assert f"```python\n{example.read_text(encoding='utf-8')}```" in PAGE


def test_the_python_of_the_readme_runs(house: House) -> None:
    programs = blocks("python")
    assert len(programs) == 2
    for program in programs:
        run(house, program)
    assert told(house) == [
        ("webhook", "https://merchant.example.com/notify", "payment-4711"),
        ("push", "user-7", None),
    ]


def test_the_statement_of_the_readme_is_taken_up(house: House) -> None:
    house.execute(
        "INSERT INTO notifier_endpoint "
        "(name, url, dialect, ladder, allow_http, secret, created_at, changed_at) VALUES "
        "('shop', 'https://shop.example.com', 'standard', '', 0, '', NOW(6), NOW(6))"
    )
    (statement,) = blocks("sql")
    house.execute(statement.strip().removesuffix(";"))
    move_outbox(house)
    house.execute("DELETE FROM notifier_endpoint")
    assert told(house) == [("webhook", "endpoint:shop", "payment-4711")]


def test_the_django_application_answers_with_a_committed_notification(house: House) -> None:
    said = run(
        house,
        """
import django_app
from django.test import Client
print(Client().get("/breakfast/1912136916313/", {"user": "user-7"}).content.decode())
""",
    )
    assert "notification" in orjson.loads(said)
    assert told(house) == [("push", "user-7", "breakfast-1912136916313")]


def test_the_fastapi_application_answers_with_a_committed_notification(house: House) -> None:
    said = run(
        house,
        """
import asyncio, fastapi_app, httpx
async def main():
    app = fastapi_app.app
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            print((await client.post("/payments/7/succeeded", params={"amount": "1"})).text)
asyncio.run(main())
""",
    )
    assert "notification" in orjson.loads(said)
    assert told(house) == [("webhook", "https://merchant.example.com/notify", "payment-7")]


def test_what_the_outbox_example_commits_is_taken_up_and_what_it_rolls_back_is_not(
    house: House,
) -> None:
    house.execute("CREATE TABLE IF NOT EXISTS payment (id INT PRIMARY KEY, amount VARCHAR(20))")
    address = parse_url(house.environment["NOTIFIER_MYSQL_URL"])
    program = f"""
import outbox, pymysql
connection = pymysql.connect(
    host={address.host!r}, port={address.port!r}, user={address.user!r},
    password={address.password!r}, database={address.database!r})
outbox.take_payment(connection, 7, "12.50")
try:
    outbox.take_payment(connection, 7, "12.50")
except pymysql.IntegrityError:
    connection.rollback()
"""
    run(house, program)
    move_outbox(house)
    assert told(house) == [("webhook", "https://merchant.example.com/notify", "payment-7")]

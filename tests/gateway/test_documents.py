"""The commands of docs/gateway.md, asked as they stand there; curl itself is not needed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.gateway.running import RunningGateway, new_key

PAGE = (Path(__file__).parents[2] / "docs" / "gateway.md").read_text(encoding="utf-8")
FLAGS = ("-sS", "--fail-with-body")


def commands() -> Iterator[list[str]]:
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        for command in re.split(r"^curl ", block, flags=re.MULTILINE)[1:]:
            yield shlex.split(command.replace("\\\n", ""))


def ask(words: list[str]) -> httpx.Response:
    method, url, body, headers = "", "", None, dict[str, str]()
    rest = iter(words)
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(rest)
        elif word not in FLAGS:
            url = word
    return httpx.request(
        method or ("POST" if body else "GET"), url, headers=headers, content=body, timeout=30
    )


def test_the_commands_of_the_page_work_in_their_order(gateway: RunningGateway) -> None:
    key = new_key(gateway.house, "shop", "submit", "read", "operate")
    asked = [
        [word.replace("$URL", gateway.url).replace("$KEY", key) for word in command]
        for command in commands()
    ]

    answers = [ask(words) for words in asked]

    assert [one.status_code for one in answers] == [201, 201, 201, 200, 200, 200, 200, 200], [
        one.text for one in answers
    ]
    assert len(answers[3].json()["notifications"]) == 1
    assert gateway.house.states() == {"cancelled": 1, "scheduled": 3}

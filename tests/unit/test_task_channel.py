"""A task: what its function does decides what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.channels.task.channel import TaskChannel
from notifier.channels.task.registry import load_registry
from notifier.domain.notification import ChannelName, Notification, Role, new_id
from notifier.domain.outcome import Permanent, Retry, Sent, Unknown
from notifier.errors import InvalidInput, SettingsError, StoreUnavailable
from tests.task_package import installed


async def slow(payload: Mapping[str, Any]) -> None:
    await asyncio.sleep(60)


def broken(payload: Mapping[str, Any]) -> None:
    raise RuntimeError("secret")


def refusing(payload: Mapping[str, Any]) -> None:
    raise InvalidInput("args", "are none of mine")


TASKS = {
    "double": lambda payload: payload["n"] * 2,
    "id": lambda payload, id_: str(id_),
    "slow": slow,
    "broken": broken,
    "refusing": refusing,
    "no_json": lambda payload: object(),
    "large": lambda payload: "x" * 100_000,
}


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("double", Sent, "done"),
        ("id", Sent, "done"),
        ("slow", Unknown, "timeout"),
        ("broken", Retry, "failed"),
        ("refusing", Permanent, "refused"),
        ("no_json", Permanent, "bad_result"),
        ("large", Permanent, "bad_result"),
        ("os.system", Permanent, "unknown_task"),
    ],
)
async def test_an_outcome_follows_from_the_function(name: str, kind: type, code: str) -> None:
    handed: list[object] = []

    async def hand_on(task: Notification, result: object) -> None:
        handed.append(result)

    channel = TaskChannel(load_registry(__name__), hand_on, limit=timedelta(seconds=0.5), threads=1)
    task = task_of(name)
    outcome = await channel.send(task)
    await channel.close()

    assert isinstance(outcome, kind)
    assert getattr(outcome, "code", "") == code
    assert handed == {"double": [42], "id": [str(task.id)]}.get(name, [])


async def test_a_result_that_could_not_be_kept_is_made_again() -> None:
    async def hand_on(task: Notification, result: object) -> None:
        raise StoreUnavailable("MySQL is away")

    channel = TaskChannel(load_registry(__name__), hand_on, limit=timedelta(seconds=5), threads=1)
    outcome = await channel.send(task_of("double"))
    await channel.close()

    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("where", ["no.such.module", f"{__name__}:slow", f"{__name__}:NOTHING"])
def test_a_registry_that_is_none_is_a_fault_of_the_settings(where: str) -> None:
    with pytest.raises(SettingsError, match=r"\[tasks\] registry"):
        load_registry(where)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where some are installed."""
    folder = installed(tmp_path)
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.mark.usefixtures("packages")
def test_of_installed_packages_only_named_functions_are_there() -> None:
    assert set(load_registry("", ["invoice"])) == {"invoice"}
    assert set(load_registry(__name__, ["invoice"])) == {*TASKS, "invoice"}
    assert load_registry("") == {}


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("invoices", "no installed package offers 'invoices'.*offered: invoice, purge"),
        ("purge", "cannot be loaded: AttributeError"),
        ("double", "in .tasks. registry .* too"),
    ],
)
def test_a_name_that_no_package_can_serve_is_a_fault_of_the_settings(name: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load_registry(__name__, [name])


def test_two_packages_that_offer_the_same_name_are_told_apart_by_nobody(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(installed(packages / "more", package="bills"))
    with pytest.raises(SettingsError, match="by bills:invoice and by invoices:invoice"):
        load_registry("", ["invoice"])


def task_of(name: str) -> Notification:
    return Notification(
        id=new_id(),
        role=Role.RECIPIENT,
        channel=ChannelName.TASK,
        recipient="user-7",
        template=name,
        payload={"n": 21},
    )

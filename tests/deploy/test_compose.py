"""docker-compose.yml: what can be known of it without an engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from notifier import secret_file
from notifier.settings import read_settings
from tests.deploy.conftest import make_secrets
from tests.deploy.documents import (
    COMPOSE,
    DOCKERFILES,
    DOCUMENT,
    MOUNTED,
    OURS,
    SERVICES,
    only,
    read_compose,
    read_dockerfile,
)
from tests.deploy.image import users

CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
# Source: Compose Specification, the elements of a service; those that are used here.
ELEMENTS = {
    "build", "cap_drop", "command", "cpus", "depends_on", "environment", "healthcheck", "image",
    "init", "logging", "mem_limit", "pids_limit", "ports", "profiles", "read_only", "restart",
    "secrets", "security_opt", "stop_grace_period", "tmpfs", "ulimits", "user", "volumes",
}  # fmt: skip
USERS = {"gateway": "notifier-operator"}
"""Whose a service is, where that is not its own name."""
WECHATS = ("wechat", "wechat-callback-token", "wechat-callback-key")
DURATION = re.compile(r"(\d+(us|ms|s|m|h))+")

each_service = pytest.mark.parametrize("name", SERVICES)


def has_healthcheck(name: str) -> bool:
    """Its own, or its image's."""
    build = SERVICES[name].get("build")
    if "healthcheck" in SERVICES[name] or build is None:
        return "healthcheck" in SERVICES[name]
    file = COMPOSE.parent / build["context"] / build.get("dockerfile", "Dockerfile")
    return "HEALTHCHECK" in [each.name for each in read_dockerfile(file)]


def test_a_key_that_is_given_twice_would_be_noticed() -> None:
    with pytest.raises(yaml.YAMLError, match="given twice"):
        read_compose("services: {a: {image: x, image: y}}")
    assert read_compose("a: &a {x: 1}\nb: {<<: *a, x: 2}")["b"] == {"x": 2}


def test_only_elements_of_the_specification_are_used() -> None:
    top = {"name", "services", "volumes", "secrets"}
    assert {key for key in DOCUMENT if not key.startswith("x-")} == top
    assert {key for service in SERVICES.values() for key in service} <= ELEMENTS


@each_service
def test_what_a_service_waits_for_exists_and_can_happen(name: str) -> None:
    for target, wait in SERVICES[name].get("depends_on", {}).items():
        assert set(wait) == {"condition"}
        assert wait["condition"] in CONDITIONS
        if wait["condition"] == "service_healthy":
            assert has_healthcheck(target)
        if wait["condition"] == "service_completed_successfully":
            assert SERVICES[target]["restart"].startswith("on-failure")


def test_nobody_waits_for_himself() -> None:
    waits = {name: set(service.get("depends_on", {})) for name, service in SERVICES.items()}
    while ready := {name for name, targets in waits.items() if not targets}:
        waits = {name: targets - ready for name, targets in waits.items() if name not in ready}
    assert waits == {}


@each_service
def test_what_runs_on_has_a_health_check_of_legal_form(name: str) -> None:
    service = SERVICES[name]
    if service["restart"] == "unless-stopped":
        assert has_healthcheck(name)
    check = service.get("healthcheck")
    if check is not None:
        assert set(check) == {"test", "interval", "timeout", "start_period", "retries"}
        assert check["test"][0] in {"CMD", "CMD-SHELL"}
        assert check["test"][0] == "CMD" or len(check["test"]) == 2
        assert all(
            DURATION.fullmatch(check[key]) for key in ("interval", "timeout", "start_period")
        )
        assert check["retries"] > 0


def test_what_is_declared_is_what_is_used() -> None:
    secrets = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    volumes = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
    }
    assert secrets == set(DOCUMENT["secrets"])
    assert volumes == set(DOCUMENT["volumes"])


@each_service
def test_a_published_port_is_on_the_loopback_address(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)


def images() -> Iterator[str]:
    yield from (service["image"] for service in SERVICES.values())
    yield from (only(read_dockerfile(path), "FROM").text for path in DOCKERFILES)


@pytest.mark.parametrize("image", sorted(set(images())))
def test_every_image_is_pinned_to_a_tag(image: str) -> None:
    _, _, tag = image.partition(":")
    assert tag
    assert tag != "latest"


@each_service
def test_every_service_has_limits_and_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["cpus"] > 0
    assert service["pids_limit"] > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert re.fullmatch(r"unless-stopped|on-failure:\d+|no", service["restart"])
    if "build" not in service:
        assert service["user"] not in {"root", "0"}


def test_the_script_makes_every_secret_and_leaves_alone_what_exists(tmp_path: Path) -> None:
    made = make_secrets(tmp_path)
    first = {file.name: file.read_text() for file in made.iterdir()}
    (made / "redis").write_text("mine\n")
    make_secrets(tmp_path)
    second = {file.name: file.read_text() for file in made.iterdir()}

    assert {secret["file"] for secret in DOCUMENT["secrets"].values()} == {
        f"secrets/{name}" for name in first
    }
    assert all(name == Path(secret["file"]).name for name, secret in DOCUMENT["secrets"].items())
    assert {first.pop(name) for name in WECHATS} == {""}
    assert all(len(text.strip()) >= 32 for text in first.values())
    assert len(set(first.values())) == len(first)
    assert second == first | dict.fromkeys(WECHATS, "") | {"redis": "mine\n"}
    assert made.stat().st_mode & 0o777 == 0o700


@each_service
def test_a_service_reads_the_secrets_that_it_is_given_and_no_others(name: str) -> None:
    service = SERVICES[name]
    text = str([service.get(key) for key in ("environment", "command", "healthcheck")])
    read = set(re.findall(rf"{MOUNTED}([a-z-]+)", text))
    expected = set(users()) if name == "rabbitmq" else read
    assert set(service.get("secrets", [])) == expected


@each_service
def test_no_password_is_in_an_environment(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        assert "://" not in value or ":" not in value.split("://")[1].rpartition("@")[0]
        if re.search("PASSWORD|SECRET", variable):
            assert variable.endswith("_FILE")
            assert value.startswith(MOUNTED)


@pytest.mark.parametrize("name", OURS)
def test_the_settings_of_our_services_are_settings(
    name: str, secrets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the address of each server, the user of its own, and the password of that user."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NOTIFIER_CONFIG", raising=False)
    monkeypatch.setattr(secret_file, "MOUNTED", secrets)
    environment = SERVICES[name]["environment"]
    for variable, value in environment.items():
        plain = re.sub(r"\$\{\w+:-(\w*)\}", r"\1", value)
        monkeypatch.setenv(variable, plain.replace(MOUNTED, f"{secrets}/"))

    settings = read_settings()

    if "NOTIFIER_AMQP_URL" in environment:
        user, server = USERS.get(name, f"notifier-{name}"), "@rabbitmq:5672/notifier"
        password = (secrets / user).read_text().strip()
        assert settings.amqp.url.get_secret_value() == f"amqp://{user}:{password}{server}"
        assert user in users()
        monitor = str(
            settings.amqp.management_url and settings.amqp.management_url.get_secret_value()
        )
        assert (secrets / "notifier-monitor").read_text().strip() in monitor

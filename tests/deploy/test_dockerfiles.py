"""The Dockerfiles: what their lines name exists, and the broker's build line builds."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from notifier.stack import delayed_exchange
from notifier.stack.layout import CHECKOUT
from tests.deploy.documents import DOCKERFILES, only, read_dockerfile
from tests.deploy.image import RABBITMQ, Image

BROKER = RABBITMQ / "Dockerfile"
# Source: the package rabbitmq-server, whose folder this is on Debian.
PROGRAMS = "/usr/lib/rabbitmq/bin"

each_file = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)


@each_file
def test_what_is_copied_is_in_the_checkout_and_sent_to_the_engine(path: Path) -> None:
    ignored = [line.rstrip("/") for line in (CHECKOUT / ".dockerignore").read_text().splitlines()]
    for instruction in read_dockerfile(path):
        if instruction.name == "COPY":
            for source in instruction.words[:-1]:
                assert (CHECKOUT / source).exists()
                assert not [line for line in ignored if fnmatch.fnmatch(source, line)]


def test_no_secret_and_no_cache_is_sent_to_the_engine() -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    assert {"secrets", ".*"} <= set(ignored)


@each_file
def test_what_runs_is_not_root(path: Path) -> None:
    names = [instruction.name for instruction in read_dockerfile(path)]
    assert only(read_dockerfile(path), "USER").text not in {"root", "0"}
    assert "RUN" not in names[names.index("USER") :]


def test_the_fleet_image_runs_our_command() -> None:
    (fleet, _) = DOCKERFILES
    assert only(read_dockerfile(fleet), "ENTRYPOINT").words == ["notifier"]


def test_the_broker_image_names_programs_that_its_package_has(image: Image) -> None:
    instructions = read_dockerfile(BROKER)
    health = only(instructions, "HEALTHCHECK").text.partition("CMD ")[2]
    variables = dict(re.findall(r'(\w+)=("[^"]*"|\S+)', only(instructions, "ENV").text))
    assert variables["PATH"].split(":")[0] == PROGRAMS
    sbin = home_of(image) / "sbin"
    for program in (only(instructions, "CMD").words[0], json.loads(health)[0]):
        assert os.access(sbin / program, os.X_OK)
    (entry,) = only(instructions, "ENTRYPOINT").words
    copied = [each.words for each in instructions if each.name == "COPY"]
    assert os.access(entry.replace(copied[0][1], str(CHECKOUT / copied[0][0])), os.X_OK)


def test_the_health_check_of_the_broker_image_finds_it_healthy(image: Image) -> None:
    """Its command line, on the broker that was started as the image starts it."""
    text = only(read_dockerfile(BROKER), "HEALTHCHECK").text.partition("CMD ")[2]
    program, *arguments = json.loads(text)
    asked = subprocess.run(
        [home_of(image) / "sbin" / program, *arguments],
        env={**image.recipe.environ()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stdout + asked.stderr


def test_the_build_line_of_the_broker_image_makes_the_plugin_that_is_tested(
    image: Image, tmp_path: Path
) -> None:
    """The RUN after the COPY, with the image's folders put below another one."""
    instructions = read_dockerfile(BROKER)
    copy = next(number for number, each in enumerate(instructions) if each.name == "COPY")
    source, target = instructions[copy].words
    script = instructions[copy + 1].text
    for folder in (target, "/usr/lib/rabbitmq/plugins", "/etc/rabbitmq"):
        assert folder in script
        script = script.replace(folder, f"{tmp_path}{folder}")
    shutil.copytree(CHECKOUT / source, f"{tmp_path}{target}")
    (tmp_path / "etc/rabbitmq").mkdir(parents=True)

    subprocess.run(["sh", "-c", script], check=True)

    (plugin,) = (tmp_path / "usr/lib/rabbitmq/plugins").iterdir()
    tested = delayed_exchange.build(home_of(image))
    with zipfile.ZipFile(plugin) as archive:
        built = {name: archive.read(name) for name in archive.namelist() if "." in Path(name).name}
    assert {Path(name).suffix for name in built} >= {".beam", ".app"}
    for name, content in built.items():
        if name.endswith((".beam", ".app")):
            assert (tested / name).read_bytes() == content
    made = {file.name for file in (tmp_path / "etc/rabbitmq").iterdir()}
    assert made == {"rabbitmq.conf", "advanced.config", "enabled_plugins"}


def home_of(image: Image) -> Path:
    """The folder of the broker that the tests run, the one with sbin and plugins in it."""
    return image.program.parent.parent

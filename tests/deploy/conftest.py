"""What a deployment has: secrets made by the script, and the image's broker running on them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from notifier.stack import Stack
from notifier.stack.layout import CHECKOUT
from tests.core import own_schema
from tests.deploy.image import Image, environment_alone, image_in

Environment = Mapping[str, str]


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As scripts/secrets makes them; readable for us alone, as no engine mounts them here."""
    folder = tmp_path_factory.mktemp("deploy")
    made = make_secrets(folder)
    for file in made.iterdir():
        file.chmod(0o600)
    return made


def make_secrets(checkout: Path) -> Path:
    """Run the script as if `checkout` were the repository."""
    (checkout / "scripts").mkdir(exist_ok=True)
    shutil.copy(CHECKOUT / "scripts" / "secrets", checkout / "scripts")
    subprocess.run([checkout / "scripts" / "secrets"], check=True, umask=0o022)
    return checkout / "secrets"


@pytest.fixture(scope="session")
def image(stack: Stack, secrets: Path) -> Iterator[Image]:
    """The image's broker, up and empty."""
    image = image_in(stack, secrets)
    image.server.start()
    yield image
    image.server.stop()


@pytest.fixture(scope="module")
def choices(stack: Stack) -> Iterator[list[Environment]]:
    """The settings of two that share the broker's names, one for each way of delaying."""
    with own_schema(stack) as one, own_schema(stack) as other:
        yield [
            {"NOTIFIER_AMQP_DELAY": "exchange", "NOTIFIER_MYSQL_URL": one.url},
            {"NOTIFIER_AMQP_DELAY": "queues", "NOTIFIER_MYSQL_URL": other.url},
        ]


@pytest.fixture(scope="module")
def applied(image: Image, choices: list[Environment]) -> Image:
    apply(image, choices)
    return image


def apply(image: Image, choices: list[Environment]) -> None:
    """`notifier topology apply` as the user whom docker-compose.yml has do it."""
    for choice in choices:
        asked = subprocess.run(
            [sys.executable, "-m", "notifier", "topology", "apply"],
            env={**environment_alone(), **choice, **image.settings("notifier-topology")},
            cwd=image.recipe.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert asked.returncode == 0, asked.stdout + asked.stderr

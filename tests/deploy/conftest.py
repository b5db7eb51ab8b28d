"""What a deployment has: secrets made by the script, and the image's broker running on them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.stack import Stack
from notifier.stack.layout import CHECKOUT
from tests.deploy.image import Image, image_in


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

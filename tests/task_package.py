"""Somebody's package that offers tasks, installed by pip into a folder of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

FUNCTIONS = """
def invoice(args):
    return f"invoice {args['no']}"
"""


def installed(folder: Path, *, package: str = "invoices") -> Path:
    """The place for the search path. It offers `invoice`, and `purge`, which is not there."""
    about = f"{package}-1.0.dist-info"
    wheel = folder / f"{package}-1.0-py3-none-any.whl"
    folder.mkdir(exist_ok=True)
    with ZipFile(wheel, "w") as archive:
        archive.writestr(f"{package}.py", FUNCTIONS)
        archive.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(
            f"{about}/entry_points.txt",
            f"[notifier.tasks]\ninvoice = {package}:invoice\npurge = {package}:purge_all\n",
        )
        archive.writestr(f"{about}/RECORD", "")
    place = folder / "installed"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, "--no-index", "--no-deps", "--target", place, wheel], check=True)
    return place

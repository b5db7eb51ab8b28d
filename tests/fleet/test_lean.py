"""A process of the fleet loads what it needs, and the rest when it is needed."""

from __future__ import annotations

import subprocess
import sys

from tests.fleet.running import ROOT

UNWANTED = ("rich", "typer", "alembic", "sqlalchemy", "prometheus_client")


def run_python(program: str) -> str:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from notifier.fleet.lean import stay_lean; stay_lean()\n{program}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_process_of_the_fleet_does_not_load_what_only_the_command_line_needs() -> None:
    program = f"""
import sys, notifier.wiring.fleet, notifier.fleet.life
print([name for name in {UNWANTED!r} if sys.modules.get(name)])
print("cryptography.hazmat.bindings._rust" in sys.modules)
"""
    assert run_python(program).split("\n")[:2] == ["[]", "False"]


def test_the_secret_of_an_endpoint_still_opens() -> None:
    program = """
from notifier.store.seal import Seal
seal = Seal(["A" * 43 + "="])
print(seal.open(seal.close("secret", name="shop"), name="shop"))
"""
    assert run_python(program) == "secret\n"


def test_the_mysql_driver_still_encrypts_passwords_for_servers_without_tls() -> None:
    program = """
from pymysql import _auth
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
key = rsa.generate_private_key(65537, 2048).public_key()
pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
print(len(_auth.sha2_rsa_encrypt(b"password", b"s" * 20, pem)))
"""
    assert run_python(program) == "256\n"

"""The process: kill -9, restarts, certificates, scripts from the command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from notifier.sandbox.control import AsyncSandboxControl
from notifier.sandbox.effects import read_rows
from notifier.sandbox.options import Addresses, SandboxError, SandboxOptions
from notifier.sandbox.server import serve
from tests.sandbox.rig import OPENID, Sandbox, running


def test_what_was_answered_is_on_disk_after_kill_9(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    token = sandbox.token()
    answered = [sandbox.send(token, client_msg_id=f"m{number}")["msgid"] for number in range(50)]

    sandbox.kill()

    assert [row["msgid"] for row in read_rows(tmp_path / "effects.jsonl")] == answered
    sandbox.close()


def test_after_kill_9_repeats_are_still_known(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    first = sandbox.send(sandbox.token(), client_msg_id="same")
    sandbox.http.post("/webhook/x", headers={"webhook-id": "msg_1"})
    sandbox.kill()
    sandbox.close()
    with (tmp_path / "effects.jsonl").open("ab") as file:
        file.write(b'{"kind":"wechat","torn')

    with running(tmp_path) as again:
        assert again.send(again.token(), client_msg_id="same") == first
        assert again.send(again.token(), client_msg_id="new")["msgid"] > first["msgid"]
        again.http.post("/webhook/x", headers={"webhook-id": "msg_1"})
        assert [each["wire_count"] for each in again.control.effects()] == [2, 2, 1]
        assert len(again.rows()) == 5


def test_the_ca_stays_the_same_across_restarts(tmp_path: Path) -> None:
    with running(tmp_path) as sandbox:
        verify = ssl.create_default_context(cafile=sandbox.addresses["ca_file"])
    with running(tmp_path) as again:
        url = again.addresses["data_url"]
        assert httpx.get(url, verify=verify, trust_env=False).status_code == 404


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("expired", "certificate has expired"),
        ("wrong_host", "IP address mismatch"),
        ("self_signed", "self-signed certificate"),
    ],
)
def test_a_bad_certificate_is_one_that_clients_refuse(
    tmp_path: Path, mode: str, reason: str
) -> None:
    with (
        running(tmp_path, "--certificate", mode) as sandbox,
        pytest.raises(httpx.ConnectError, match=reason),
    ):
        sandbox.token()


def test_a_good_certificate_passes_the_strictest_check(sandbox: Sandbox) -> None:
    verify = ssl.create_default_context(cafile=sandbox.addresses["ca_file"])
    verify.verify_flags |= ssl.VERIFY_X509_STRICT

    answer = httpx.get(sandbox.addresses["data_url"], verify=verify, trust_env=False)

    assert answer.headers["server"] == "notifier-sandbox"


def test_a_second_sandbox_in_the_same_folder_is_refused(sandbox: Sandbox) -> None:
    code, message = start_and_fail("--folder", str(sandbox.folder))

    assert code == 2
    assert "in use by another sandbox" in message
    assert sandbox.control.health()["sandbox"] == "notifier"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--script", '[{"action": "explode"}]'], "rule 1: action: 'explode' is none of"),
        (["--script", "[oops"], "is no JSON"),
        (["--script", "missing.json"], "cannot read 'missing.json': No such file"),
    ],
)
def test_a_start_that_cannot_be_says_why(
    tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    code, message = start_and_fail("--folder", str(tmp_path), *arguments)

    assert code == 2
    assert complaint in message


def test_a_taken_port_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    port = sandbox.addresses["data_url"].rpartition(":")[2]

    code, message = start_and_fail("--folder", str(tmp_path), "--data-port", port)

    assert code == 2
    assert f"cannot listen on 127.0.0.1:{port}" in message


def start_and_fail(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "notifier.sandbox", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return ended.returncode, ended.stderr


def test_a_script_from_the_command_line_is_in_force_again_after_a_reset(tmp_path: Path) -> None:
    script = {
        "rules": [{"endpoint": "template_send", "times": 1, "action": "errcode:-1"}],
        "people": {"unfollowed": ["oNobodyFollows"]},
        "behaviour": {"token_lifetime_s": 400},
    }
    file = tmp_path / "script.json"
    file.write_text(json.dumps(script), "utf-8")

    with running(tmp_path, "--script", str(file)) as sandbox:
        for _ in range(2):
            token = sandbox.token()
            assert sandbox.send(token)["errcode"] == -1
            assert sandbox.send(token)["errcode"] == 0
            assert sandbox.send(token, touser="oNobodyFollows")["errcode"] == 43004
            sandbox.control.people(unfollowed=[])
            sandbox.control.reset()
            assert list(sandbox.control.effects()) == []


def test_sigterm_ends_it_at_once_although_a_call_hangs(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path, "--script", '[{"endpoint": "webhook", "action": "hang"}]')
    sandbox.http.timeout = httpx.Timeout(0.2)
    with pytest.raises(httpx.ReadTimeout):
        sandbox.http.post("/webhook/x")

    os.kill(sandbox.process.pid, signal.SIGTERM)

    assert sandbox.process.wait(timeout=5) == 0
    assert not (tmp_path / "sandbox.json").exists()
    sandbox.close()


async def test_it_can_be_served_in_a_program_of_ones_own(tmp_path: Path) -> None:
    """As the load generator does: started, asked, ended by cancelling."""
    addresses: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    options = SandboxOptions(folder=tmp_path, script=[{"action": "empty_200"}])
    serving = asyncio.create_task(serve(options, ready=addresses.set_result))

    async with AsyncSandboxControl((await addresses).control_url) as control:
        assert await control.health() == {"sandbox": "notifier", "effects": 0}
        await control.script([{"endpoint": "webhook", "action": "http:500"}])
        async with httpx.AsyncClient(trust_env=False) as client:
            url = (await addresses).webhook_url
            assert (await client.post(url + "/webhook/x")).status_code == 500
        assert [row["code"] async for row in control.wire()] == ["http:500"]
        assert [row async for row in control.effects(openid=OPENID)] == []
        with pytest.raises(SandboxError, match="no field 'colour'"):
            await control.behaviour(colour="red")

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

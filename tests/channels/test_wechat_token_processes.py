"""One token for all processes: real processes, real Redis, and the sandbox that counts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

from notifier.stack import Stack
from tests.channels.rig import token_calls
from tests.sandbox.rig import Sandbox

PROCESSES = 5
SENDS_EACH = 20
WITHIN_S = 60


@contextmanager
def tellers(
    sandbox: Sandbox, stack: Stack, *, warm: bool
) -> Iterator[Sequence[subprocess.Popen[str]]]:
    """Processes that wait for a line to begin, all with the same store."""
    task = {
        "base_url": sandbox.addresses["data_url"],
        "ca_file": sandbox.addresses["ca_file"],
        "redis_url": stack.environment()["NOTIFIER_REDIS_URL"],
        "prefix": f"test-{uuid4().hex}:",
        "count": SENDS_EACH,
        "warm": warm,
    }
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.channels.teller"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    try:
        for process in started:
            say(process, json.dumps(task))
        for process in started:
            assert process.stdout is not None
            while (line := process.stdout.readline()) != "ready\n":
                assert line, "a teller ended early"
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def outcomes(started: Sequence[subprocess.Popen[str]]) -> list[str]:
    """Let all begin, and gather what they say."""
    for process in started:
        say(process, "go")
    lines = [process.communicate(timeout=WITHIN_S)[0].splitlines()[-1] for process in started]
    return [outcome for line in lines for outcome in json.loads(line)]


def test_processes_that_start_together_fetch_one_token(sandbox: Sandbox, stack: Stack) -> None:
    with tellers(sandbox, stack, warm=False) as started:
        assert outcomes(started) == ["Sent"] * PROCESSES * SENDS_EACH

    assert token_calls(sandbox) == 1
    assert len(sandbox.control.tokens()) == 1


def test_processes_whose_token_is_revoked_renew_it_once(sandbox: Sandbox, stack: Stack) -> None:
    with tellers(sandbox, stack, warm=True) as started:
        assert token_calls(sandbox) == 1
        sandbox.control.script(
            [{"endpoint": "template_send", "times": 1, "action": "revoke_token"}]
        )
        assert outcomes(started) == ["Sent"] * PROCESSES * SENDS_EACH

    assert token_calls(sandbox) == 2
    assert len(sandbox.control.tokens()) == 2


def test_processes_whose_token_wechat_keeps_force_it_once(sandbox: Sandbox, stack: Stack) -> None:
    with tellers(sandbox, stack, warm=True) as started:
        sandbox.control.script(
            [{"endpoint": "template_send", "times": 1, "action": "revoke_token:stuck"}]
        )
        assert outcomes(started) == ["Sent"] * PROCESSES * SENDS_EACH

    assert token_calls(sandbox) == 3
    assert len(sandbox.control.tokens()) == 2

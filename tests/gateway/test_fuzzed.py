"""Whatever is sent, the API keeps to its OpenAPI document, and never breaks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.gateway.running import RunningGateway, new_key

EXAMPLES = 8
"""For each operation and phase; the whole takes some ten seconds."""
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,negative_data_rejection,ignored_auth"
)


def test_what_a_fuzzer_sends_is_answered_as_described(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    key = new_key(gateway.house, "fuzzer", "submit", "read", "operate")
    command = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [
            *(str(command), "run", f"{gateway.url}/openapi.json"),
            *(
                "--header",
                f"Authorization: Bearer {key}",
                "--include-path-regex",
                "^/v1/(noti|or|end)",
            ),
            *("--max-examples", str(EXAMPLES), "--checks", CHECKS, "--seed", "1"),
            *("--phases", "examples,coverage,fuzzing", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]

"""`python -m notifier.sandbox`: a sandbox in the foreground, for tests."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from notifier.sandbox.options import CallbackTarget, CertificateMode, SandboxError, SandboxOptions
from notifier.sandbox.script import read_script
from notifier.sandbox.server import run


def main() -> int:
    """Serve until SIGTERM; 2 and one line if that cannot begin."""
    parser = argparse.ArgumentParser(prog="python -m notifier.sandbox", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data-port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--webhook-port", type=int, default=0)
    parser.add_argument("--certificate", type=CertificateMode, default=CertificateMode.GOOD)
    parser.add_argument("--callback", type=lambda url: CallbackTarget(url=url))
    parser.add_argument("--script", help="rules as JSON, or a file with them")
    given = vars(parser.parse_args())
    try:
        script = read_script(given.pop("script"))
        run(SandboxOptions(script=script, **given))
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

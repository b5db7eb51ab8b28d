"""`notifier forget`: says what it will do, does it, and says what it did."""

from __future__ import annotations

import json

from tests.cli.acting import dead_one, notifier
from tests.house import House
from tests.store.scene import OPENID, order_no_of


def recipients(house: House) -> set[str]:
    return {row[0] for row in house.rows("SELECT recipient FROM notifier_notification")}


def test_somebody_is_forgotten_once_that_is_confirmed(house: House) -> None:
    dead_one(house)

    refused = notifier(house, "forget", "--openid", OPENID, text="n\n")
    assert refused.returncode == 1
    assert f"Forget {OPENID} for good?" in refused.stderr
    assert OPENID in recipients(house)

    done = notifier(house, "forget", "--openid", OPENID, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 1
    assert OPENID not in recipients(house)
    assert notifier(house, "explain", order_no_of(1)).returncode == 0


def test_exactly_one_subject_has_to_be_named(house: House) -> None:
    for arguments in ([], ["--openid", "a", "--order", "b"], ["--openid", "a", "--user", "b"]):
        refused = notifier(house, "forget", *arguments, "--yes")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "give one of --openid, --user and --order" in refused.stderr

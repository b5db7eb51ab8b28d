"""Secrets that the database cannot read."""

from __future__ import annotations

import base64

import pytest

from notifier.errors import SettingsError
from notifier.store.seal import Seal

ENCODERS = (base64.b64encode, base64.urlsafe_b64encode)
KEY, OTHER = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))


def test_what_is_sealed_opens_with_its_key_and_under_its_name() -> None:
    sealed = Seal([KEY]).close("whsec_planted", name="shop")

    assert b"planted" not in sealed
    assert Seal([KEY]).open(sealed, name="shop") == "whsec_planted"


def test_a_key_may_be_written_in_either_base64() -> None:
    plain, safe = (encode(b"\xff\xef" * 16).decode() for encode in ENCODERS)
    assert "/" in plain
    assert "_" in safe
    assert Seal([safe]).open(Seal([plain]).close("x", name="shop"), name="shop") == "x"


def test_the_same_is_never_sealed_alike() -> None:
    seal = Seal([KEY])
    assert seal.close("x", name="shop") != seal.close("x", name="shop")


def test_a_new_key_seals_while_the_old_one_still_opens() -> None:
    old = Seal([KEY]).close("x", name="shop")
    both = Seal([OTHER, KEY])

    assert both.open(old, name="shop") == "x"
    assert Seal([OTHER]).open(both.close("x", name="shop"), name="shop") == "x"


def test_another_key_says_what_is_missing() -> None:
    sealed = Seal([KEY]).close("x", name="shop")
    for seal in (Seal([OTHER]), Seal([])):
        with pytest.raises(SettingsError, match="endpoint shop was encrypted with another key"):
            seal.open(sealed, name="shop")


def test_a_row_that_was_exchanged_or_damaged_does_not_open() -> None:
    seal = Seal([KEY])
    sealed = seal.close("x", name="shop")
    with pytest.raises(SettingsError, match="damaged"):
        seal.open(sealed, name="other")
    with pytest.raises(SettingsError, match="damaged"):
        seal.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), name="shop")
    with pytest.raises(SettingsError):
        seal.open(b"", name="shop")


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(SettingsError, match="NOTIFIER_WEBHOOK_KEY"):
        Seal([]).close("x", name="shop")


@pytest.mark.parametrize("key", ["planted", "", "cGxhbnRlZA==", KEY[:-4], KEY + "é"])
def test_a_bad_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(SettingsError, match="32 bytes") as caught:
        Seal([key])

    assert "planted" not in str(caught.value)

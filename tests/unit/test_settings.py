"""Settings: where they come from, and what a bad one is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from notifier.domain.notification import ChannelName
from notifier.errors import SettingsError
from notifier.settings import read_settings
from notifier.settings_list import shown
from notifier.wiring.parts import ladders_of, offer_of


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but a test's own."""
    monkeypatch.chdir(tmp_path)
    for name in ("NOTIFIER_CONFIG", "NOTIFIER_MYSQL_URL", "NOTIFIER_AMQP_URL"):
        monkeypatch.delenv(name, raising=False)


def test_without_any_the_documents_names_hold() -> None:
    settings = read_settings()
    assert settings.amqp.exchange == "delay"
    assert settings.amqp.queue_prefix == "delay_queue"
    assert settings.fleet.tiers == (1, 3, 5, 15, 30)
    assert settings.orders.table == "tg_order_task"


def test_the_environment_is_stronger_than_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "notifier.toml").write_text("[fleet]\ntiers = [2, 4]\nname = 'of-the-file'\n")
    monkeypatch.setenv("NOTIFIER_FLEET_TIERS", "1,9")
    assert read_settings().fleet.tiers == (1, 9)
    assert read_settings().fleet.name == "of-the-file"
    assert read_settings(fleet={"tiers": "7"}).fleet.tiers == (7,)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("NOTIFIER_FLEET_TIERS", "", "the list is empty"),
        ("NOTIFIER_FLEET_TIERS", "3,1", "sort them"),
        ("NOTIFIER_FLEET_TIERS", "1,1", "given twice"),
        ("NOTIFIER_FLEET_TIERS", "1,x", "'x' is no whole number"),
        ("NOTIFIER_LADDER_DELAYS_S", "", "no step"),
        ("NOTIFIER_LADDER_DELAYS_S", "1,x", "x"),
        ("NOTIFIER_LADDER_DELAYS_S", "nan", "not between"),
        ("NOTIFIER_CALENDAR_HORIZON_S", "0", "greater than or equal to 1"),
        ("NOTIFIER_ORDERS_TABLE", "t; DROP TABLE t", "pattern"),
        ("NOTIFIER_ORDERS_ID_COLUMN", "a`b", "pattern"),
        ("NOTIFIER_AMQP_QUEUE_TYPE", "stream", "'quorum' or 'classic'"),
    ],
)
def test_a_bad_setting_is_named_with_its_fault(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert variable in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "section"),
    [("NOTIFIER_LOG", "log"), ("NOTIFIER_WECHAT_DESIGNER_FIELDS", "wechat")],
)
def test_a_variable_that_should_be_json_and_is_not_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, section: str
) -> None:
    monkeypatch.setenv(variable, "{broken")
    with pytest.raises(SettingsError, match=rf'"{section}".*NOTIFIER_'):
        read_settings()


def test_every_bad_setting_is_listed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_FLEET_TIERS", "3,1")
    monkeypatch.setenv("NOTIFIER_MYSQL_POOL_SIZE", "0")
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[fleet\n", "notifier.toml"),
        ("[fleat]\nname = 'x'\n", "fleat"),
        ("[fleet]\nnaem = 'x'\n", "naem"),
    ],
)
def test_a_file_with_a_slip_of_the_pen_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "notifier.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert says in str(caught.value)


def test_a_file_that_is_named_and_missing_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NOTIFIER_CONFIG", str(tmp_path / "nowhere.toml"))
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        read_settings()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_MYSQL_URL", "mysql://root:hunter2@localhost/notifier")
    monkeypatch.setenv("NOTIFIER_WECHAT_APP_SECRET", "hunter3")
    settings = read_settings()
    assert "hunter" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_a_secret_file_that_others_can_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter3\n")
    monkeypatch.setenv("NOTIFIER_WECHAT_APP_SECRET_FILE", str(secret))
    secret.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_settings().wechat.secret()
    secret.chmod(0o600)
    assert read_settings().wechat.secret() == "hunter3"


def test_a_ladder_can_be_added_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "notifier.toml").write_text(
        "[ladder.named.patient]\ndelays_s = [60, 600]\njitter = 0.1\ngive_up_after_s = 7200\n"
    )
    ladders = ladders_of(read_settings())
    assert list(ladders) == ["default", "alipay", "wechatpay", "patient"]
    patient = ladders["patient"]
    assert [delay.total_seconds() for delay in patient.delays] == [60, 600]
    assert (patient.jitter, patient.give_up_after) == (0.1, timedelta(hours=2))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[ladder.named.default]\ndelays_s = [1]\n", "'default' is set by [ladder] delays_s"),
        ("[ladder.named.'No Name']\ndelays_s = [1]\n", "No Name"),
        ("[ladder.named.x]\ndelays_s = [-1]\n", "-1.0 is not between 0"),
        ("[ladder.named.x]\njitter = 2\n", "named_x_jitter"),
    ],
)
def test_a_bad_ladder_in_the_file_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "notifier.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert says in str(caught.value)


def test_a_template_of_the_settings_cannot_take_a_roles_name() -> None:
    one = {"template_id": "T1", "fields": {"thing1": "{dish}"}}
    known = offer_of(read_settings(wechat={"templates": {"ready": one}})).templates
    assert set(known[ChannelName.WECHAT]["ready"]) == {"dish"}
    with pytest.raises(SettingsError, match="'designer' is set by designer_template"):
        read_settings(wechat={"templates": {"designer": one}})


@pytest.mark.parametrize("key", ["//planted/planted", "planted", "whsec_planted//x@planted"])
def test_a_key_that_looks_like_an_address_is_not_shown(key: str) -> None:
    settings = read_settings(webhook={"key": key, "secret": key})

    assert "planted" not in " ".join(line.value for line in shown(settings))


def test_what_webhooks_may_reach_is_checked_and_read_as_lists() -> None:
    egress = read_settings(
        egress={"allow_cidrs": "10.0.0.0/8, fd00::/8", "allow_hosts": "Orders., pay", "ports": ""}
    ).egress

    assert egress.allow_cidrs == ("10.0.0.0/8", "fd00::/8")
    assert (egress.allow_hosts, egress.ports) == (("orders", "pay"), ())
    for bad in ({"allow_cidrs": "10.0.0.1/8"}, {"allow_cidrs": "localhost"}, {"ports": "443,x"}):
        with pytest.raises(SettingsError, match=r"\[egress\]"):
            read_settings(egress=bad)

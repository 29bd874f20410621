from decimal import Decimal

import pytest

from app.errors import SettingsError
from app.settings import STARRED, Settings, SettingsInForce, read_settings, starred

THRESHOLD = "SPOUT_WHALE_THRESHOLD_BTC"


def test_the_starred_settings_are_the_contracts() -> None:
    assert set(STARRED) == {
        "SPOUT_WHALE_THRESHOLD_BTC",
        "SPOUT_RETENTION_DAYS",
        "SPOUT_ACCURACY_ALERT_BELOW",
        "SPOUT_TIMEZONE",
        "SPOUT_CURRENCY",
    }


def test_the_operators_own_wins_over_the_environment() -> None:
    in_force = SettingsInForce(read_settings({THRESHOLD: "200"}))

    in_force.adopt({THRESHOLD: "50.5"})

    assert in_force.current.whale_threshold_btc == Decimal("50.5")
    assert in_force.base.whale_threshold_btc == 200


def test_what_is_no_longer_set_goes_back_to_the_environments() -> None:
    in_force = SettingsInForce(read_settings({THRESHOLD: "200"}))
    in_force.adopt({THRESHOLD: "50"})

    in_force.adopt({})

    assert in_force.current.whale_threshold_btc == 200


def test_who_subscribed_hears_each_change_once() -> None:
    in_force, received = SettingsInForce(read_settings({})), list[Settings]()
    in_force.subscribe(received.append)

    in_force.adopt({"SPOUT_CURRENCY": "eur"})
    in_force.adopt({"SPOUT_CURRENCY": "EUR"})

    assert [settings.currency.code for settings in received] == ["EUR"]


def test_who_has_left_hears_nothing() -> None:
    in_force, received = SettingsInForce(read_settings({})), list[Settings]()
    leave = in_force.subscribe(received.append)

    leave()
    leave()
    in_force.adopt({"SPOUT_TIMEZONE": "Europe/Berlin"})

    assert received == []


def test_a_kept_value_that_is_not_good_is_left_out_and_the_others_hold() -> None:
    in_force = SettingsInForce(read_settings({}))

    in_force.adopt({"SPOUT_RETENTION_DAYS": "0", "SPOUT_TIMEZONE": "Europe/Berlin", "SPOUT_OF_TOMORROW": "1"})

    assert in_force.current.retention_days == 90
    assert in_force.current.timezone == "Europe/Berlin"


def test_a_bad_value_is_refused_in_the_environments_words() -> None:
    with pytest.raises(SettingsError) as here:
        STARRED["SPOUT_RETENTION_DAYS"].parse("ninety")
    with pytest.raises(SettingsError) as there:
        read_settings({"SPOUT_RETENTION_DAYS": "ninety"})

    assert str(here.value) == str(there.value)


def test_an_empty_value_says_how_to_go_back() -> None:
    with pytest.raises(SettingsError, match="unset it"):
        STARRED["SPOUT_CURRENCY"].parse(" ")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SPOUT_RETENSION_DAYS", "did you mean SPOUT_RETENTION_DAYS?"),
        ("retention_days", "did you mean SPOUT_RETENTION_DAYS?"),
        ("SPOUT_PORT", "in the environment only"),
    ],
)
def test_a_name_that_cannot_be_set_here_is_refused_with_what_can(name: str, words: str) -> None:
    with pytest.raises(SettingsError, match="SPOUT_") as refused:
        starred(name)

    assert words in str(refused.value)

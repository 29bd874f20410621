import time
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.errors import SettingsError
from app.keyring import FILE_NAME, hkdf_expand_block, open_keyring
from app.settings import STARRED, Secret, Settings, Source, read_settings
from app.settings.environment import MAY_COME_AS_FILE, RETIRED
from app.settings.reading import setting_names

ROOT = Path(__file__).parents[2]
ALL = {
    "SPOUT_SOURCE": "mempool",
    "SPOUT_MEMPOOL_URL": "http://10.0.0.2:3006/",
    "SPOUT_ELECTRS_URL": "tcp://10.0.0.2:50001",
    "SPOUT_BITCOIND_URL": "http://user:p%40ss@[fd00::2]:8332",
    "SPOUT_BITCOIND_ZMQ_RAWTX": "tcp://10.0.0.2:28332",
    "SPOUT_BITCOIND_ZMQ_SEQUENCE": "tcp://10.0.0.2:28333",
    "SPOUT_BITCOIND_ZMQ_HASHBLOCK": "tcp://10.0.0.2:28334",
    "SPOUT_DATA_DIR": "/var/lib/spout",
    "SPOUT_HOST": "0.0.0.0",
    "SPOUT_PORT": "80",
    "SPOUT_PASSWORD": "open sesame",
    "SPOUT_SECRET": "0123456789abcdef0123456789abcdef",
    "SPOUT_TRUST_PROXY_AUTH": "True",
    "SPOUT_TRUSTED_PROXIES": "10.21.0.2, fd00::/8 caddy",
    "SPOUT_CA_FILE": "/etc/box/ca.pem",
    "SPOUT_OUTBOUND_PROXY": "socks5://user:word@127.0.0.1:9050",
    "SPOUT_ALLOWED_TARGETS": "10.21.0.9",
    "SPOUT_TIMEZONE": "Europe/Berlin",
    "SPOUT_MQTT_URL": "mqtts://user:word@broker:8883",
    "SPOUT_CURRENCY": "eur",
    "SPOUT_WHALE_THRESHOLD_BTC": "100.00000001",
    "SPOUT_RETENTION_DAYS": "30",
    "SPOUT_MEMORY_LIMIT_MB": "400",
    "SPOUT_MAX_FRAME_MB": "100",
    "SPOUT_STREAM_CLIENTS": "10",
    "SPOUT_ACCURACY_ALERT_BELOW": "0.5",
    "SPOUT_MEMPOOL_APP_URL": "http://umbrel.local:3006",
    "SPOUT_LOG_LEVEL": "INFO",
    "SPOUT_LOG_FORMAT": "json",
}


SCHEMES = {"SPOUT_OUTBOUND_PROXY": "socks5", "SPOUT_MQTT_URL": "mqtt"}


def complaint(**environ: str) -> str:
    with pytest.raises(SettingsError) as refused:
        read_settings(environ)
    return str(refused.value)


def test_every_setting_can_be_set() -> None:
    settings = read_settings({**ALL, "HOME": "/root"})

    assert settings.whale_threshold_sat == 10_000_000_001
    assert settings.mempool_url == "http://10.0.0.2:3006"
    assert settings.trust_proxy_auth
    assert len(settings.given) == len(ALL)


@pytest.mark.parametrize("given", ["84_11", "8411.0", "+8411", "\u0668\u0664\u0661\u0661"])
def test_a_port_is_read_by_its_digits_alone(given: str) -> None:
    assert complaint(SPOUT_PORT=given).startswith("SPOUT_PORT must be a whole number")


@pytest.mark.parametrize("given", ["1_00", "\u0661\u0660\u0660", "1_0.5"])
def test_an_amount_is_read_by_its_digits_alone(given: str) -> None:
    assert complaint(SPOUT_WHALE_THRESHOLD_BTC=given).startswith(
        "SPOUT_WHALE_THRESHOLD_BTC must be an amount"
    )


def test_an_amount_without_end_is_refused_at_once() -> None:
    began = time.process_time()

    words = complaint(SPOUT_WHALE_THRESHOLD_BTC="9" * 60_000 + "x")

    assert words.startswith("SPOUT_WHALE_THRESHOLD_BTC must be an amount")
    assert time.process_time() - began < 1, "it took twelve seconds where each digit was tried from anew"


def test_a_home_whose_name_is_no_text_is_refused_in_words() -> None:
    words = complaint(SPOUT_DATA_DIR="~nobody\udcff")

    assert words == r"SPOUT_DATA_DIR must be a path, and there is no home of '~nobody\udcff'"


@pytest.mark.parametrize("path", ["x" * 256, "x/" * 2_500])
def test_a_path_that_no_machine_can_have_is_refused(path: str) -> None:
    assert complaint(SPOUT_DATA_DIR=path) == "SPOUT_DATA_DIR must be a path, and is longer than one may be"


def test_the_defaults_are_the_contracts() -> None:
    settings = read_settings({})

    assert (settings.host, settings.port, settings.source) == ("127.0.0.1", 8411, Source.AUTO)
    assert settings.mempool_url == "http://127.0.0.1:8999"
    assert settings.whale_threshold_btc == Decimal(100)
    assert (settings.retention_days, settings.memory_limit_mb) == (90, 500)
    assert settings.accuracy_alert_below == 0.70
    assert not settings.source_configured


def test_an_empty_value_counts_as_unset() -> None:
    assert read_settings({"SPOUT_PASSWORD": "", "SPOUT_PORT": ""}).password is None


def test_a_source_that_is_named_is_configured() -> None:
    assert read_settings({"SPOUT_MEMPOOL_URL": "http://127.0.0.1:8999"}).source_configured


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read_settings({}).port = 1  # type: ignore[misc]


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    files = [f"{name}_FILE" for name in MAY_COME_AS_FILE]

    missing = [name for name in (*setting_names(), *files, *RETIRED) if f"`{name}`" not in text]

    assert missing == []


def test_the_documentation_has_a_star_where_a_setting_is_live_and_the_default_that_holds() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `SPOUT_")]
    reported = {
        row[0].split("`")[1]: (row[0].endswith("*"), row[1].strip("`")) for row in rows if len(row) == 3
    }
    unset = ("unset", "computed", "made")

    wrong = [
        name
        for name, (star, default) in reported.items()
        if star != (name in STARRED)
        or of(read_settings({}), name) != of(read_settings({} if default in unset else {name: default}), name)
    ]

    assert (wrong, set(reported)) == ([], set(setting_names()))


def of(settings: Settings, name: str) -> object:
    return getattr(settings, name.removeprefix("SPOUT_").lower())


def test_every_setting_of_this_test_is_one_that_exists() -> None:
    assert {*ALL, "SPOUT_BITCOIND_COOKIE_FILE"} == set(setting_names())


def test_an_unknown_name_names_the_nearest() -> None:
    assert complaint(SPOUT_MEMPOL_URL="x").endswith("did you mean SPOUT_MEMPOOL_URL?")


def test_a_name_like_no_other_is_refused_too() -> None:
    assert "SPOUT_XYZZY is not a setting" in complaint(SPOUT_XYZZY="x")


@pytest.mark.parametrize(("old", "new"), RETIRED.items())
def test_a_retired_name_names_the_right_one(old: str, new: str) -> None:
    assert complaint(**{old: "x"}) == f"{old} is not read: use {new} instead"


@pytest.mark.parametrize("url", ["tcp://host:50001", "ssl://host:50002", "tls://[fd00::2]:50002"])
def test_an_electrum_server_may_speak_tls(url: str) -> None:
    assert read_settings({"SPOUT_ELECTRS_URL": url}).electrs_url == url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SPOUT_SOURCE", "electrum"),
        ("SPOUT_MEMPOOL_URL", "127.0.0.1:8999"),
        ("SPOUT_MEMPOOL_URL", "ftp://host"),
        ("SPOUT_MEMPOOL_URL", "http://"),
        ("SPOUT_MEMPOOL_URL", "http://ho st"),
        ("SPOUT_MEMPOOL_URL", "http://two..dots"),
        ("SPOUT_MEMPOOL_URL", "http://" + "x" * 64 + ".de"),
        ("SPOUT_MEMPOOL_URL", "http://host:99999"),
        ("SPOUT_MEMPOOL_URL", "http://host/?x"),
        ("SPOUT_MEMPOOL_URL", "http://[::1"),
        ("SPOUT_MEMPOOL_APP_URL", "javascript:alert(1)"),
        ("SPOUT_ELECTRS_URL", "tcp://host"),
        ("SPOUT_ELECTRS_URL", "http://host:50001"),
        ("SPOUT_ELECTRS_URL", "ssl://host"),
        ("SPOUT_BITCOIND_ZMQ_RAWTX", "ssl://host:28332"),
        ("SPOUT_ELECTRS_URL", "tcp://host:0"),
        ("SPOUT_BITCOIND_ZMQ_RAWTX", "tcp://host:28332/x"),
        ("SPOUT_PORT", "65536"),
        ("SPOUT_PORT", "-1"),
        ("SPOUT_PORT", "8411.5"),
        ("SPOUT_WHALE_THRESHOLD_BTC", "0"),
        ("SPOUT_WHALE_THRESHOLD_BTC", "inf"),
        ("SPOUT_WHALE_THRESHOLD_BTC", "1e99999999"),
        ("SPOUT_WHALE_THRESHOLD_BTC", "0.000000001"),
        ("SPOUT_RETENTION_DAYS", "0"),
        ("SPOUT_MEMORY_LIMIT_MB", "5"),
        ("SPOUT_ACCURACY_ALERT_BELOW", "70"),
        ("SPOUT_ACCURACY_ALERT_BELOW", "nan"),
        ("SPOUT_TRUST_PROXY_AUTH", "maybe"),
        ("SPOUT_TRUSTED_PROXIES", "10.0.0.300"),
        ("SPOUT_TRUSTED_PROXIES", "http://proxy"),
        ("SPOUT_MAX_FRAME_MB", "5"),
        ("SPOUT_STREAM_CLIENTS", "0"),
        ("SPOUT_OUTBOUND_PROXY", "http://127.0.0.1:8118"),
        ("SPOUT_TIMEZONE", "Berlin"),
        ("SPOUT_TIMEZONE", "../etc/passwd"),
        ("SPOUT_MQTT_URL", "tcp://broker:1883"),
        ("SPOUT_CURRENCY", "euro"),
        ("SPOUT_LOG_LEVEL", "loud"),
        ("SPOUT_LOG_FORMAT", "xml"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_it(name: str, value: str) -> None:
    words = complaint(**{name: value})

    assert words.startswith(f"{name} must be ")
    assert "\n" not in words


def test_a_bad_address_with_a_password_is_not_repeated() -> None:
    assert "hunter2" not in complaint(SPOUT_BITCOIND_URL="http://user:hunter2@host:99999")


def test_settings_show_no_secret() -> None:
    shown = repr(read_settings({**ALL}))

    assert not any(word in shown for word in ("sesame", "p%40ss", ":word@", ALL["SPOUT_SECRET"]))


@pytest.mark.parametrize("name", MAY_COME_AS_FILE)
def test_a_secret_may_come_as_a_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_text(f"{SCHEMES.get(name, 'http')}://user:word@host:8332\n")

    settings = read_settings({f"{name}_FILE": str(path)})

    assert settings.given == {name.removeprefix("SPOUT_").lower()}


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    words = complaint(SPOUT_PASSWORD="x", SPOUT_PASSWORD_FILE=str(tmp_path))

    assert words == "SPOUT_PASSWORD and SPOUT_PASSWORD_FILE are both set: keep one of them"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_secrets_file_that_holds_none_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "kept"
    if content is not None:
        path.write_bytes(content)

    assert complaint(SPOUT_PASSWORD_FILE=str(path)).startswith("SPOUT_PASSWORD_FILE: ")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "umbrel.local"])
def test_listening_to_others_with_no_login_is_refused_and_says_how_to_mend_it(host: str) -> None:
    words = complaint(SPOUT_HOST=host)

    assert "SPOUT_PASSWORD" in words
    assert "SPOUT_TRUST_PROXY_AUTH=true" in words


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_this_machine_alone_needs_no_login(host: str) -> None:
    assert read_settings({"SPOUT_HOST": host}).loopback_only


def test_a_proxys_login_is_trusted_beyond_this_machine_only_where_the_proxy_is_named() -> None:
    reported = {"SPOUT_HOST": "0.0.0.0", "SPOUT_TRUST_PROXY_AUTH": "true"}

    assert "SPOUT_TRUSTED_PROXIES" in complaint(**reported)
    assert read_settings({**reported, "SPOUT_TRUSTED_PROXIES": "caddy"}).trust_proxy_auth
    assert read_settings({"SPOUT_TRUST_PROXY_AUTH": "true"}).trust_proxy_auth


@pytest.mark.parametrize("everybody", ["0.0.0.0/0", "::/0"])
def test_trusting_everybody_as_a_proxy_is_refused(everybody: str) -> None:
    assert "must not name everybody" in complaint(SPOUT_TRUSTED_PROXIES=everybody)


def test_two_ways_into_bitcoind_are_refused() -> None:
    words = complaint(SPOUT_BITCOIND_URL="http://u:p@h:8332", SPOUT_BITCOIND_COOKIE_FILE="/x/.cookie")

    assert words.endswith("keep one of them")


def test_the_bitcoind_source_needs_a_bitcoind() -> None:
    assert "SPOUT_BITCOIND_URL" in complaint(SPOUT_SOURCE="bitcoind")


def test_a_secret_that_was_made_is_kept_for_the_owner_alone(tmp_path: Path) -> None:
    first = open_keyring(None, tmp_path / "data").derive("x")

    assert open_keyring(None, tmp_path / "data").derive("x") == first
    assert (tmp_path / "data" / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_a_secret_that_others_could_read_is_closed_again(tmp_path: Path) -> None:
    open_keyring(None, tmp_path)
    (tmp_path / FILE_NAME).chmod(0o644)

    open_keyring(None, tmp_path)

    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_keys_for_two_purposes_differ() -> None:
    ring = open_keyring(Secret("s" * 32), Path("unused"))

    assert ring.derive("jwt") != ring.derive("session")


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(SettingsError, match="at least 32"):
        open_keyring(Secret("short"), Path("unused"))


def test_a_data_directory_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match="SPOUT_DATA_DIR"):
        open_keyring(None, tmp_path / "file" / "data")


def test_expansion_is_rfc_5869s() -> None:
    # RFC 5869, appendix A.1: PRK and info, the first 32 bytes of OKM.
    prk = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    okm = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"

    assert hkdf_expand_block(prk, bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")).hex() == okm

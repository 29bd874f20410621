"""Secrets at rest and in words."""

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import EndpointError
from app.keyring import Keyring
from notifiers.model import masked_url
from notifiers.redaction import EndpointRedactor
from notifiers.sealing import Seal

SEAL = Seal(Keyring(b"a secret of the tests, long enough"))


def test_what_is_sealed_opens_again() -> None:
    assert SEAL.open(SEAL.close("Börse", "ep_1"), "ep_1") == "Börse"


def test_what_is_sealed_shows_nothing_and_is_never_the_same() -> None:
    first, second = SEAL.close("password", "ep_1"), SEAL.close("password", "ep_1")

    assert (b"password" in first, first == second) == (False, False)


@pytest.mark.parametrize("owner", ["ep_2", ""])
def test_another_endpoint_cannot_open_it(owner: str) -> None:
    with pytest.raises(EndpointError):
        SEAL.open(SEAL.close("password", "ep_1"), owner)


def test_under_another_secret_it_says_so() -> None:
    other = Seal(Keyring(b"another secret of the tests, long enough"))

    with pytest.raises(EndpointError, match="SPOUT_SECRET"):
        other.open(SEAL.close("password", "ep_1"), "ep_1")


@given(st.text(min_size=8, max_size=20), st.binary(max_size=4), st.binary(max_size=4))
def test_a_secret_is_recognised_in_every_spelling(secret: str, before: bytes, after: bytes) -> None:
    redactor = EndpointRedactor([secret])
    inside = base64.b64encode(before + secret.encode() + after).decode()

    for spelt in (secret, quote(secret), quote(secret, safe=""), secret.encode().hex()):
        assert spelt not in redactor.text(f"<{spelt}>")
    assert redactor.text(inside) != inside


def test_controls_do_not_reach_the_log() -> None:
    assert EndpointRedactor([]).kept("a\r\nb\x1b[31mc\u202ed") == "a b [31mc d"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hook.example/path/token?x=1", "https://hook.example/***"),
        ("ntfy://user:pass@host:8080/topic", "ntfy://***@host:8080/***"),
        ("http://[fd12::1]:80", "http://[fd12::1]:80"),
    ],
)
def test_of_a_url_only_scheme_host_and_port_are_shown(url: str, shown: str) -> None:
    assert masked_url(url) == shown

import pytest

from app.errors import SettingsError
from notifiers.proxy import Proxy


def test_a_name_and_a_password_may_hold_any_sign() -> None:
    read = Proxy.parse("socks5h://wh%40le:a%3Ab@tor.example:9050")

    assert read == Proxy("tor.example", 9050, "wh@le", "a:b")


def test_a_proxy_for_everybody_has_no_name() -> None:
    assert Proxy.parse("socks5://127.0.0.1:9050") == Proxy("127.0.0.1", 9050)


@pytest.mark.parametrize(
    "url",
    [
        "http://tor.example:9050",
        "socks5://tor.example",
        "socks5://:9050",
        "socks5://tor.example:x",
        "socks5://[::1",
    ],
)
def test_what_is_no_address_of_a_socks_proxy_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="socks5://host:port"):
        Proxy.parse(url)


def test_a_proxy_that_is_printed_shows_no_password() -> None:
    assert repr(Proxy("tor.example", 9050, "whale", "a secret")) == "Proxy(tor.example:9050)"

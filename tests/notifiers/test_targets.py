"""Where alerts may call, and where they may not, in every form that an address can be written."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from app.api.models import Reach
from app.errors import SettingsError, TargetRefusedError
from notifiers.targets import METADATA, Allowed, TargetPolicy, in_container, literal, own_networks

REFUSED = [
    ("169.254.169.254", Reach.PUBLIC, "metadata"),
    ("169.254.169.254", Reach.LAN, "metadata"),
    ("[::ffff:169.254.169.254]", Reach.PUBLIC, "metadata"),
    ("2852039166", Reach.PUBLIC, "metadata"),
    ("0xa9fea9fe", Reach.PUBLIC, "metadata"),
    ("0251.0376.0251.0376", Reach.PUBLIC, "metadata"),
    ("fd00:ec2::254", Reach.LAN, "metadata"),
    ("100.100.100.200", Reach.LAN, "metadata"),
    ("metadata.google.internal", Reach.PUBLIC, "metadata"),
    ("64:ff9b::a9fe:a9fe", Reach.PUBLIC, "metadata"),
    ("64:ff9b:1::a9fe:a9fe", Reach.PUBLIC, "metadata"),
    ("::ffff:0:169.254.169.254", Reach.PUBLIC, "metadata"),
    ("2606:2800:220::5efe:169.254.169.254", Reach.PUBLIC, "metadata"),
    ("64:ff9b:1::7f00:1", Reach.PUBLIC, "this machine"),
    ("::ffff:0:127.0.0.1", Reach.LAN, "this machine"),
    ("127.0.0.1", Reach.PUBLIC, "this machine"),
    ("127.0.0.1", Reach.LAN, "this machine"),
    ("127.1", Reach.LAN, "this machine"),
    ("2130706433", Reach.LAN, "this machine"),
    ("0x7f000001", Reach.LAN, "this machine"),
    ("0177.0.0.1", Reach.LAN, "this machine"),
    ("127.0.0.1.", Reach.LAN, "this machine"),
    ("[::1]", Reach.LAN, "this machine"),
    ("[::ffff:127.0.0.1]", Reach.LAN, "this machine"),
    ("[::127.0.0.1]", Reach.PUBLIC, "this machine"),
    ("2002:7f00:1::", Reach.PUBLIC, "this machine"),
    ("2002:5db8:d822::1", Reach.PUBLIC, "no public address"),
    ("localhost", Reach.LAN, "this machine"),
    ("LOCALHOST.", Reach.PUBLIC, "this machine"),
    ("deep.localhost", Reach.PUBLIC, "this machine"),
    ("0.0.0.0", Reach.LAN, "0.0.0.0/8"),
    ("0.1.2.3", Reach.PUBLIC, "0.0.0.0/8"),
    ("0", Reach.PUBLIC, "0.0.0.0/8"),
    ("[::]", Reach.LAN, "0.0.0.0/8"),
    ("169.254.1.1", Reach.LAN, "link-local"),
    ("fe80::1%eth0", Reach.LAN, "link-local"),
    ("fec0::1", Reach.PUBLIC, "site-local"),
    ("fec0::1", Reach.LAN, "site-local"),
    ("224.0.0.251", Reach.LAN, "multicast"),
    ("ff02::1", Reach.PUBLIC, "multicast"),
    ("255.255.255.255", Reach.PUBLIC, "broadcast"),
    ("192.168.1.10", Reach.PUBLIC, "set reach to lan"),
    ("10.0.0.1", Reach.PUBLIC, "set reach to lan"),
    ("0xc0a8010a", Reach.PUBLIC, "set reach to lan"),
    ("[::ffff:192.168.1.10]", Reach.PUBLIC, "set reach to lan"),
    ("fd12::1", Reach.PUBLIC, "set reach to lan"),
    ("93.184.216.34", Reach.LAN, "set reach to public"),
    ("2606:2800:220:1::1", Reach.LAN, "set reach to public"),
    ("192.0.2.1", Reach.PUBLIC, "no public address"),
    ("192.88.99.1", Reach.PUBLIC, "no public address"),
    ("3fff::1", Reach.PUBLIC, "no public address"),
    ("4000::1", Reach.PUBLIC, "no public address"),
    ("5f00::1", Reach.PUBLIC, "no public address"),
    ("64:ff9b:1::5db8:d822", Reach.PUBLIC, "no public address"),
    ("::93.184.216.34", Reach.PUBLIC, "no public address"),
    ("93.184.216.34", Reach.ONION, "onion names only"),
    ("example.org", Reach.ONION, "no onion service"),
    ("abc.onion", Reach.PUBLIC, "set reach to onion"),
    ("abc.onion", Reach.ONION, "SPOUT_OUTBOUND_PROXY"),
    ("256.1.1.1", Reach.PUBLIC, "neither a name nor an address"),
    ("host name", Reach.PUBLIC, "no host name"),
    ("a/b", Reach.PUBLIC, "no host name"),
    ("", Reach.PUBLIC, "no host name"),
]
TAKEN = [
    ("93.184.216.34", Reach.PUBLIC),
    ("[2606:2800:220:1::1]", Reach.PUBLIC),
    ("::ffff:93.184.216.34", Reach.PUBLIC),
    ("64:ff9b::93.184.216.34", Reach.PUBLIC),
    ("example.org", Reach.PUBLIC),
    ("EXAMPLE.org.", Reach.PUBLIC),
    ("192.168.1.10", Reach.LAN),
    ("10.21.21.9", Reach.LAN),
    ("100.64.3.4", Reach.LAN),
    ("fd12:3456::1", Reach.LAN),
    ("umbrel.local", Reach.LAN),
    ("nas", Reach.LAN),
]


@pytest.mark.parametrize(("host", "reach", "words"), REFUSED)
def test_a_target_is_refused_and_says_why(host: str, reach: Reach, words: str) -> None:
    with pytest.raises(TargetRefusedError, match=words):
        TargetPolicy().host(host, reach)


@pytest.mark.parametrize(("host", "reach"), TAKEN)
def test_a_target_is_taken(host: str, reach: Reach) -> None:
    assert TargetPolicy().host(host, reach)


@pytest.mark.parametrize("reach", [Reach.PUBLIC, Reach.LAN])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "192.168.9.9", "localhost", "fe80::1"])
def test_what_the_operator_allows_may_be_called_under_every_reach(host: str, reach: Reach) -> None:
    policy = TargetPolicy(allowed=Allowed.parse(["127.0.0.0/8", "192.168.9.0/24", "localhost", "fe80::/10"]))

    assert policy.host(host, reach)


def test_metadata_is_refused_whatever_is_allowed() -> None:
    policy = TargetPolicy(allowed=Allowed.parse(["0.0.0.0/0", "::/0", "metadata.google.internal"]))

    for host in (*map(str, METADATA), "metadata.google.internal", "2852039166"):
        with pytest.raises(TargetRefusedError):
            policy.host(host, Reach.LAN)


def test_a_name_that_is_allowed_still_may_not_lead_to_metadata() -> None:
    policy = TargetPolicy(allowed=Allowed.parse(["nas.lan"]))

    with pytest.raises(TargetRefusedError):
        policy.address(ip_address("169.254.169.254"), Reach.LAN, name="nas.lan")


def test_in_a_container_its_own_networks_are_refused() -> None:
    policy = TargetPolicy(own_networks=own_networks([("172.17.0.2", "255.255.0.0"), ("fe80::1%e", "ffff::")]))

    with pytest.raises(TargetRefusedError, match="container"):
        policy.host("172.17.0.1", Reach.LAN)


def test_through_a_proxy_names_of_the_own_network_are_refused() -> None:
    with pytest.raises(TargetRefusedError, match="set reach to lan"):
        TargetPolicy(proxied=True).host("umbrel.local", Reach.PUBLIC)


def test_an_allowed_target_that_is_none_is_named() -> None:
    with pytest.raises(SettingsError, match="not/a/net"):
        Allowed.parse(["10.0.0.0/8", "not/a/net"])


def test_a_name_of_digits_and_letters_is_no_address() -> None:
    assert literal("4chan.example") is None


def test_a_container_is_known_by_its_mark(tmp_path: Path) -> None:
    (tmp_path / ".dockerenv").touch()

    assert (in_container(tmp_path), in_container(tmp_path / "none")) == (True, False)

"""Addresses at their edges: the longest and the shortest, and the whole of what is said of a wrong one."""

import pytest

from app.core.encoding import base58, bech32
from app.core.encoding.addresses import Network, address_of, script_of
from app.errors import ParseError
from tests.builders import a_script

P2WPKH = a_script("ann")
ADDRESS = str(address_of(P2WPKH))


def refused(address: str) -> str:
    with pytest.raises(ParseError) as caught:
        script_of(address)
    return str(caught.value)


@pytest.mark.parametrize("version", [1, 2, 16])
@pytest.mark.parametrize("length", [2, 20, 32, 40])
def test_a_witness_program_of_any_version_and_length_has_an_address(version: int, length: int) -> None:
    script = f"{0x50 + version:02x}{length:02x}" + "5a" * length
    address = address_of(script)

    assert address is not None
    assert script_of(address) == script
    assert script_of(address.upper()) == script
    assert bech32.decode("bc", address) == (version, b"\x5a" * length)


@pytest.mark.parametrize(
    "script",
    [
        "5101aa",  # a byte is too short
        "5129" + "aa" * 41,  # and 41 are too many
        "0015" + "aa" * 21,  # version 0 has 20 or 32
        "6114" + "aa" * 20,  # there is no version 17
        "5014" + "aa" * 20,
        "5115" + "aa" * 20,  # the push says another length
        "",
    ],
)
def test_what_is_no_witness_program_has_no_address(script: str) -> None:
    assert address_of(script) is None


@pytest.mark.parametrize(
    ("hrp", "version", "program", "words"),
    [
        ("bc", 17, bytes(20), "not a segwit address: unknown version or length"),
        ("bc", 1, bytes(1), "not a segwit address: unknown version or length"),
        ("bc", 1, bytes(41), "not a segwit address: unknown version or length"),
        ("bc", 0, bytes(21), "not a segwit address: unknown version or length"),
        ("bcrt", 1, bytes(60), "address is too long"),
    ],
)
def test_a_segwit_address_of_no_program_that_can_be_is_refused(
    hrp: str, version: int, program: bytes, words: str
) -> None:
    assert refused(bech32.encode(hrp, version, program)) == words


def test_a_wrong_segwit_address_is_refused_for_what_is_wrong() -> None:
    assert refused(ADDRESS[:-1] + ("q" if ADDRESS[-1] != "q" else "p")) == (
        "wrong checksum: the address is mistyped or cut"
    )
    assert refused("bc1" + "Q" + ADDRESS[4:]) == "address mixes upper and lower case"
    assert refused("bc1qb" + ADDRESS[5:]) == "not a segwit address: foreign letter or too short"
    assert refused("bc1qqqqqq") == "not a segwit address: foreign letter or too short"


@pytest.mark.parametrize("network", Network)
@pytest.mark.parametrize("kind", ["p2pkh", "p2sh"])
def test_an_address_of_each_network_stands_for_the_same_script(network: Network, kind: str) -> None:
    script = a_script("ann", kind)

    assert script_of(str(address_of(script, network))) == script


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"\x01" + bytes(20), "not a Bitcoin address: unknown version byte or length"),
        (b"\x00" + bytes(19), "not a Bitcoin address: unknown version byte or length"),
        (b"\x05" + bytes(21), "not a Bitcoin address: unknown version byte or length"),
    ],
)
def test_a_base58_text_that_is_no_address_is_refused_for_that(payload: bytes, words: str) -> None:
    assert refused(base58.encode_check(payload)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1111", "not an address: wrong length"),
        ("1" * 121, "not an address: wrong length"),
        ("1" * 120, "wrong checksum: the address is mistyped or cut"),
        ("11111", "wrong checksum: the address is mistyped or cut"),
        ("1PJiGp2yDLvUgqeBsuZVCBADArNsk6XEi0", "not an address: '0' is not a letter of base58"),
        ("1PJiGp2yDLvUgqeBsuZVCBADArNsk6XEiv", "wrong checksum: the address is mistyped or cut"),
    ],
)
def test_a_wrong_base58_text_is_refused_for_what_is_wrong(text: str, words: str) -> None:
    assert refused(text) == words


@pytest.mark.parametrize("payload", [b"\x00", b"\x00\x00\x07", bytes(range(78))])
def test_a_payload_comes_back_from_base58_with_its_leading_zeros(payload: bytes) -> None:
    assert base58.decode_check(base58.encode_check(payload)) == payload

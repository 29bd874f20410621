"""Scripts, addresses, and what an input gives away of the output it spends."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.encoding.addresses import Network, address_of, script_of
from app.core.encoding.ripemd160 import plain_ripemd160, ripemd160
from app.core.encoding.scripts import derived_script, hash160, p2sh, script_type, with_derived_scripts
from app.core.models import Input
from app.core.units import Outpoint, Script, Txid
from app.errors import ParseError
from tests.builders import a_script, a_transaction, pays

# From BIP 173, BIP 350 and the base58 examples of the developer reference.
KNOWN = [
    ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "0014751e76e8199196d454941c45d1b3a323f1433bd6"),
    ("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "0014751e76e8199196d454941c45d1b3a323f1433bd6"),
    (
        "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
        "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
    ),
    (
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    ),
    ("BC1SW50QGDZ25J", "6002751e"),
    ("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "5210751e76e8199196d454941c45d1b3a323"),
    ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac"),
    ("3P14159f73E4gFr7JterCCQh9QjiTjiZrG", "a914e9c3dd0c07aac76179ebc76a6c78d4d67c6c160a87"),
]
REFUSED = [
    ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh", "checksum"),  # bech32m for version 0 (BIP 350)
    ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", "checksum"),  # bech32 for version 1
    ("bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4", "foreign letter"),
    ("BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R", "version or length"),
    ("bc1pw5dgrnzv", "version or length"),
    ("BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P", "version or length"),
    ("tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq", "mixes upper and lower"),
    ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf", "left over"),
    ("bc1gmk9yu", "foreign letter or too short"),
    ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "checksum"),
    ("1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf0a", "base58"),
    ("5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ", "unknown version byte"),
    ("", "wrong length"),
    ("bc1" + "q" * 200, "too long"),
]


@pytest.mark.parametrize(("address", "script"), KNOWN)
def test_an_address_stands_for_its_script(address: str, script: str) -> None:
    assert script_of(address) == script


@pytest.mark.parametrize(("address", "words"), REFUSED)
def test_a_bad_address_is_refused_in_words(address: str, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        script_of(address)


@given(
    program=st.binary(min_size=32, max_size=32),
    kind=st.sampled_from(["p2wpkh", "p2pkh", "p2sh", "p2wsh", "p2tr"]),
    network=st.sampled_from(Network),
)
def test_a_script_comes_back_from_its_address_on_every_network(
    program: bytes, kind: str, network: Network
) -> None:
    script = a_script(program, kind)
    address = address_of(script, network)

    assert address is not None
    assert script_of(address) == script


@given(
    program=st.binary(min_size=32, max_size=32),
    position=st.integers(min_value=4),
    letter=st.sampled_from("qpz"),
)
def test_one_wrong_letter_never_passes_a_segwit_checksum(program: bytes, position: int, letter: str) -> None:
    address = str(address_of(a_script(program, "p2tr")))
    at = 4 + position % (len(address) - 4)
    mistyped = address[:at] + letter + address[at + 1 :]

    if mistyped != address:
        with pytest.raises(ParseError):
            script_of(mistyped)


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("51024e73", "anchor"),
        ("6a0b68656c6c6f", "op_return"),
        ("6a", "op_return"),
        (f"2102{'11' * 32}ac", "p2pk"),
        (f"5121{'02' * 33}51ae", "multisig"),
        ("", "unknown"),
        ("ac", "unknown"),
        ("001500", "unknown"),
        ("ff" * 40, "unknown"),
    ],
)
def test_a_script_without_a_common_address_still_has_a_type(script: str, name: str) -> None:
    assert script_type(script) == name


@pytest.mark.parametrize("script", ["6a00", "", f"2102{'11' * 32}ac", "ff" * 40, "0016" + "11" * 22])
def test_a_script_without_an_address_has_none(script: str) -> None:
    assert address_of(script) is None


def test_ripemd160_is_the_same_with_and_without_openssl() -> None:
    texts = [b"a" * length for length in (0, 1, 55, 56, 63, 64, 65, 119, 120, 500)]

    # The first from the paper's own table.
    assert plain_ripemd160(b"").hex() == "9c1185a5c5e9fc54612808977ee8f548b2258d31"
    assert [ripemd160(text, offered=False) for text in texts] == [ripemd160(text) for text in texts]


KEY = bytes.fromhex("02" + "11" * 32)
LONG_KEY = bytes.fromhex("04" + "11" * 64)
SIGNATURE = bytes.fromhex("3045022100" + "11" * 32 + "0220" + "22" * 32 + "01")
MULTISIG = bytes.fromhex("51" + "21" + "02" * 33 + "51ae")


def test_a_p2pkh_input_gives_its_script_away() -> None:
    for key in (KEY, LONG_KEY):
        script = f"76a914{hash160(key).hex()}88ac"
        assert derived_script(an_input(scriptsig=push(SIGNATURE) + push(key))) == script


def test_a_p2wpkh_input_gives_its_script_away() -> None:
    assert derived_script(an_input(witness=[SIGNATURE, KEY])) == f"0014{hash160(KEY).hex()}"


def test_a_p2sh_input_gives_its_script_away() -> None:
    signed = b"\x00" + push(SIGNATURE) + push(MULTISIG)

    assert derived_script(an_input(scriptsig=signed)) == p2sh(hash160(MULTISIG))


def test_a_nested_segwit_input_gives_its_script_away() -> None:
    redeem = b"\x00\x14" + hash160(KEY)

    assert derived_script(an_input(scriptsig=push(redeem), witness=[SIGNATURE, KEY])) == p2sh(hash160(redeem))


def test_a_p2wsh_input_gives_its_script_away() -> None:
    witness = [b"", SIGNATURE, MULTISIG]

    assert derived_script(an_input(witness=witness)) == f"0020{sha256(MULTISIG).hexdigest()}"


CONTROL = bytes.fromhex("c0" + "11" * 32)


@pytest.mark.parametrize(
    ("scriptsig", "witness"),
    [
        (b"", [b"\x11" * 64]),  # taproot by key
        (b"", [b"\x11" * 65]),
        (b"", [b"\x11" * 64, b"\x50\x00"]),  # with an annex
        (b"", [SIGNATURE, b"\x20" + b"\x11" * 32 + b"\xac", CONTROL]),  # taproot by script
        (b"", [b"\x51", CONTROL + b"\x22" * 64]),
        (b"", [b""]),
        (b"", []),  # an anchor, or anyone can spend
        (b"\x48" + SIGNATURE, []),  # pay to public key
        (b"\x00\x48" + SIGNATURE + b"\x48" + SIGNATURE, []),  # bare multisig
        (b"\x04abcd", []),
        (b"\x76\xa9", []),  # not only pushes
        (b"\x4b\x01", []),  # a push that is cut
        (b"\x4d\xff", []),
        (b"\x16" + b"\x01" * 22, [SIGNATURE, KEY]),  # a witness beside no witness program
    ],
)
def test_what_is_not_exact_stays_unknown(scriptsig: bytes, witness: list[bytes]) -> None:
    assert derived_script(an_input(scriptsig=scriptsig, witness=witness)) is None


@given(scriptsig=st.binary(max_size=120), witness=st.lists(st.binary(max_size=120), max_size=4))
def test_no_signature_data_break_the_reading(scriptsig: bytes, witness: list[bytes]) -> None:
    derived_script(an_input(scriptsig=scriptsig, witness=witness))


def test_signature_data_that_are_no_hex_leave_the_script_unknown() -> None:
    assert derived_script(Input(outpoint=COIN, scriptsig="zz")) is None


def test_what_was_told_is_not_derived_again_and_signature_data_are_dropped() -> None:
    reported = Input(outpoint=COIN, script=Script("51"), witness=(SIGNATURE.hex(), KEY.hex()))
    tx = a_transaction(spends=[reported], pays=[pays(a_script("bob"), 1)])

    [spent] = with_derived_scripts(tx).inputs

    assert (spent.script, spent.witness, spent.scriptsig) == ("51", (), "")


COIN = Outpoint(Txid("ab" * 32), 0)


def an_input(*, scriptsig: bytes = b"", witness: list[bytes] | None = None) -> Input:
    items = tuple(item.hex() for item in witness or [])
    return Input(outpoint=COIN, scriptsig=scriptsig.hex(), witness=items)


def push(raw: bytes) -> bytes:
    return (bytes([len(raw)]) if len(raw) <= 75 else b"\x4c" + bytes([len(raw)])) + raw


def long_push(raw: bytes) -> bytes:
    """Pushed with two bytes of length."""
    return b"\x4d" + len(raw).to_bytes(2, "little") + raw


def multisig(keys: int) -> bytes:
    """A script that asks for one of so many keys."""
    return b"\x51" + (b"\x21" + KEY) * keys + bytes([0x50 + keys]) + b"\xae"


@pytest.mark.parametrize("redeem", [multisig(1), multisig(3), multisig(8)], ids=["short", "longer", "long"])
@pytest.mark.parametrize("before", [b"\x00", b"\x51", b"\x60", b""], ids=["0", "1", "16", "none"])
def test_a_script_that_asks_for_a_signature_is_known_however_it_is_pushed(
    redeem: bytes, before: bytes
) -> None:
    pushed = [long_push(redeem)] + ([push(redeem)] if len(redeem) < 256 else [])

    for last in pushed:
        assert derived_script(an_input(scriptsig=before + push(SIGNATURE) + last)) == p2sh(hash160(redeem))


@pytest.mark.parametrize("number", range(1, 17))
def test_a_small_number_is_pushed_as_itself(number: int) -> None:
    """Its byte is what is hashed where it stands last: no script that asks for a signature."""
    assert derived_script(an_input(scriptsig=push(SIGNATURE) + bytes([0x50 + number]))) is None


@pytest.mark.parametrize("opcode", [0x4E, 0x4F, 0x50, 0x61])
def test_a_script_that_does_more_than_push_proves_nothing(opcode: int) -> None:
    signed = bytes([opcode]) + push(SIGNATURE) + push(MULTISIG)

    assert derived_script(an_input(scriptsig=signed)) is None


ASKING = {
    "of a key": b"\x21" + KEY + b"\xac",
    "of a key, and verifies": b"\x21" + KEY + b"\xad",
    "of several, and verifies": MULTISIG[:-1] + b"\xaf",
    "after a long push": b"\x4c\x03\xac\xac\xac" + b"\x21" + KEY + b"\xac",
    "after a longer push": b"\x4d\x02\x01" + b"\xac" * 258 + b"\x21" + KEY + b"\xac",
    "at its beginning": b"\xac\x51",
    "before a push": b"\xac\x02\x51\x51",
}
NOT_ASKING = {
    "only within a push": b"\x02\xac\xac",
    "only within a long push": b"\x4c\x02\xac\xac",
    "only within a longer push": b"\x4d\x02\x00\xac\xac",
    "cut within a push": b"\xac\x05\x51",
    "cut within a long push": b"\xac\x4c\x05\x51",
    "nothing": b"\x51\x51",
    "a signature": SIGNATURE,
    "nothing at its beginning": b"\x51\x02\xac\xac",
}


@pytest.mark.parametrize("kind", ASKING)
def test_a_redeem_script_asks_for_a_signature(kind: str) -> None:
    redeem = ASKING[kind]
    last = push(redeem) if len(redeem) < 256 else long_push(redeem)

    assert derived_script(an_input(scriptsig=push(SIGNATURE) + last)) == p2sh(hash160(redeem))


@pytest.mark.parametrize("kind", NOT_ASKING)
def test_what_asks_for_none_is_no_redeem_script(kind: str) -> None:
    assert derived_script(an_input(scriptsig=push(SIGNATURE) + push(NOT_ASKING[kind]))) is None


def test_a_redeem_script_is_known_only_beside_a_signature() -> None:
    assert derived_script(an_input(scriptsig=push(b"\x11" * 71) + push(MULTISIG))) is None
    assert derived_script(an_input(scriptsig=push(MULTISIG))) is None


def a_signature(size: int, *, named: int | None = None) -> bytes:
    """Of so many bytes, of which it says in its second how many follow but for the last."""
    return bytes([0x30, size - 3 if named is None else named]) + b"\x00" * (size - 2)


@pytest.mark.parametrize(
    ("signature", "is_one"),
    [
        (a_signature(8), False),
        (a_signature(9), True),
        (a_signature(75), True),
        (a_signature(76), False),
        (a_signature(72, named=70), False),  # names more than there is
        (a_signature(72, named=60), True),  # old ones are longer than they name
        (b"\x31" + a_signature(72)[1:], False),
    ],
)
def test_a_signature_is_known_by_its_length_and_its_first_bytes(signature: bytes, *, is_one: bool) -> None:
    scriptsig = push(signature) + push(KEY)

    assert (derived_script(an_input(scriptsig=scriptsig)) is not None) is is_one


@pytest.mark.parametrize(
    ("key", "is_one"),
    [
        (b"\x02" + b"\x11" * 32, True),
        (b"\x03" + b"\x11" * 32, True),
        (b"\x04" + b"\x11" * 64, True),
        (b"\x06" + b"\x11" * 64, True),
        (b"\x07" + b"\x11" * 64, True),
        (b"\x04" + b"\x11" * 32, False),
        (b"\x05" + b"\x11" * 64, False),
        (b"\x02" + b"\x11" * 64, False),
        (b"\x02" + b"\x11" * 31, False),
    ],
)
def test_a_key_is_known_by_its_length_and_its_first_byte(key: bytes, *, is_one: bool) -> None:
    script = derived_script(an_input(scriptsig=push(SIGNATURE) + push(key)))

    assert script == (f"76a914{hash160(key).hex()}88ac" if is_one else None)


def test_two_pushes_of_which_one_is_no_signature_or_key_are_no_payment_to_a_key() -> None:
    for pushes in ((SIGNATURE, b"\x05" * 33), (b"\x05" * 71, KEY), (SIGNATURE, SIGNATURE, KEY)):
        assert derived_script(an_input(scriptsig=b"".join(map(push, pushes)))) is None


NESTED_KEY, NESTED_SCRIPT = b"\x00\x14" + b"\x11" * 20, b"\x00\x20" + b"\x11" * 32


@pytest.mark.parametrize(
    ("pushes", "nested"),
    [
        ((NESTED_KEY,), True),
        ((NESTED_SCRIPT,), True),
        ((NESTED_KEY[:-1],), False),
        ((NESTED_SCRIPT + b"\x11",), False),
        ((b"\x00\x13" + b"\x11" * 19,), False),
        ((b"\x51\x20" + b"\x11" * 32,), False),
        ((SIGNATURE, NESTED_KEY), False),
        ((b"\x00\x14",), False),
    ],
)
def test_a_witness_beside_a_scriptsig_proves_a_nested_program_and_nothing_else(
    pushes: tuple[bytes, ...], *, nested: bool
) -> None:
    script = derived_script(an_input(scriptsig=b"".join(map(push, pushes)), witness=[SIGNATURE, KEY]))

    assert script == (p2sh(hash160(pushes[0])) if nested else None)


@pytest.mark.parametrize(
    ("last", "taproot"),
    [
        (b"\xc0" + b"\x11" * 32, True),
        (b"\xc1" + b"\x11" * 64, True),  # with the parity bit
        (b"\x66" + b"\x11" * 32, True),
        (b"\xbf" + b"\x11" * 32, True),
        (b"\xfe" + b"\x11" * 32, True),
        (b"\x68" + b"\x11" * 32, False),  # no version of a leaf
        (b"\xc0" + b"\x11" * 31, False),  # no whole path
        (b"\xc0" + b"\x11" * 33, False),
        (b"\xc0", False),  # no path at all
        (b"\x50" + b"\x11" * 32, True),  # an annex
    ],
)
def test_what_may_be_taproot_is_no_witness_script(last: bytes, *, taproot: bool) -> None:
    script = derived_script(an_input(witness=[b"\x01", last]))

    assert script == (None if taproot else f"0020{sha256(last).hexdigest()}")


@pytest.mark.parametrize(("size", "taproot"), [(63, False), (64, True), (65, True), (66, False)])
def test_one_item_of_a_signatures_length_may_be_taproot(size: int, *, taproot: bool) -> None:
    assert (derived_script(an_input(witness=[b"\x11" * size])) is None) is taproot


def test_a_prevout_that_is_not_known_yet_is_derived_and_signature_data_are_dropped() -> None:
    signed = [
        an_input(witness=[SIGNATURE, KEY]),
        an_input(scriptsig=push(SIGNATURE) + push(KEY)),
        an_input(scriptsig=push(b"\x00\x14" + hash160(KEY)), witness=[SIGNATURE, KEY]),
        an_input(witness=[b"\x11" * 64]),
        an_input(),
    ]
    known = [replace(signed[0], script=Script("51")), replace(signed[1], script=Script("52"))]
    tx = replace(a_transaction(spends=[], pays=[]), inputs=(*signed, *known))

    assert [(one.script, one.scriptsig, one.witness) for one in with_derived_scripts(tx).inputs] == [
        (f"0014{hash160(KEY).hex()}", "", ()),
        (f"76a914{hash160(KEY).hex()}88ac", "", ()),
        (p2sh(hash160(b"\x00\x14" + hash160(KEY))), "", ()),
        (None, "", ()),
        (None, "", ()),
        ("51", "", ()),
        ("52", "", ()),
    ]


@pytest.mark.parametrize(
    ("script", "name"),
    [
        (f"2103{'11' * 32}ac", "p2pk"),
        (f"4104{'11' * 64}ac", "p2pk"),
        (f"2102{'11' * 33}ac", "unknown"),
        (f"2104{'11' * 32}ac", "unknown"),
        (f"4104{'11' * 63}ac", "unknown"),
        (f"4102{'11' * 64}ac", "unknown"),
        ("51ffae", "multisig"),
        ("60ffae", "multisig"),
        ("50ffae", "unknown"),
        ("61ffae", "unknown"),
        ("51ae", "unknown"),
        ("51ffac", "unknown"),
    ],
)
def test_the_type_of_a_bare_script_is_told_by_its_first_and_last_bytes_and_its_length(
    script: str, name: str
) -> None:
    assert script_type(script) == name

"""One key, or one script, in several types of script is one owner."""

from hashlib import sha256
from itertools import combinations

import pytest

from app.core.encoding import owner_ids
from app.core.encoding.ripemd160 import ripemd160
from app.core.encoding.scripts import hash160, p2pkh, p2sh, witness_program
from app.core.units import Script
from tests.builders import a_script

COMPRESSED = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
UNCOMPRESSED = bytes.fromhex(
    "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"
)
"""The generator of secp256k1: the public key of the private key 1 (SEC 2, version 2.0)."""
MULTISIG = bytes.fromhex(f"51 21{COMPRESSED.hex()} 51ae".replace(" ", ""))


def nested(script: Script) -> Script:
    return p2sh(hash160(bytes.fromhex(script)))


def paid_to(key: bytes) -> list[Script]:
    hashed = hash160(key)
    bare = Script(f"{len(key):02x}{key.hex()}ac")
    return [bare, p2pkh(hashed), witness_program(0, hashed), nested(witness_program(0, hashed))]


def of_one_script() -> list[Script]:
    witness = witness_program(0, sha256(MULTISIG).digest())
    return [Script(MULTISIG.hex()), p2sh(ripemd160(sha256(MULTISIG).digest())), witness, nested(witness)]


def same(one: Script, other: Script) -> bool:
    return not set(owner_ids(one)).isdisjoint(owner_ids(other))


@pytest.mark.parametrize(("one", "other"), [*combinations(paid_to(COMPRESSED), 2)])
def test_a_compressed_key_is_known_in_every_type(one: Script, other: Script) -> None:
    assert same(one, other)


@pytest.mark.parametrize("other", paid_to(COMPRESSED) + paid_to(UNCOMPRESSED))
@pytest.mark.parametrize("bare", [paid_to(COMPRESSED)[0], paid_to(UNCOMPRESSED)[0]])
def test_a_bare_key_is_known_however_it_is_written(bare: Script, other: Script) -> None:
    assert same(bare, other)


UNKNOWABLE = (of_one_script()[1], of_one_script()[3])
"""Two hashes of one script, neither of which leads to the other."""


@pytest.mark.parametrize(
    ("one", "other"),
    [pair for pair in combinations(of_one_script(), 2) if pair != UNKNOWABLE],
)
def test_a_script_is_known_bare_and_hashed(one: Script, other: Script) -> None:
    assert same(one, other)


@pytest.mark.parametrize("kind", ["p2wpkh", "p2pkh", "p2sh", "p2wsh", "p2tr"])
def test_different_owners_share_no_id(kind: str) -> None:
    assert not same(a_script("ann", kind), a_script("bob", kind))


def test_a_bare_key_that_is_no_point_of_the_curve_is_an_owner_of_its_own() -> None:
    no_point = Script(f"2102{'ff' * 32}ac")

    assert owner_ids(no_point) != owner_ids(paid_to(COMPRESSED)[0])


def test_a_bare_key_that_is_no_point_of_the_curve_is_known_as_it_is_written() -> None:
    """Anyone may write any 33 bytes there: it has no other form, and no error."""
    key = bytes.fromhex("02" + f"{5:064x}")  # 5 is no x of a point

    assert same(paid_to(key)[0], paid_to(key)[1])
    assert len(owner_ids(paid_to(key)[0])) == 1
    assert len(owner_ids(paid_to(COMPRESSED)[0])) == 2


NEGATED = bytes([0x03]) + COMPRESSED[1:]
"""The point on the other side of the curve: the public key of the private key that is one less than none."""
PRIME = 2**256 - 2**32 - 977


def whole(key: bytes) -> bytes:
    """A compressed key with both of its coordinates, by trying which of the two roots has its parity."""
    x = int.from_bytes(key[1:], "big")
    root = pow(x**3 + 7, (PRIME + 1) // 4, PRIME)
    y = root if root % 2 == key[0] % 2 else PRIME - root
    return b"\x04" + key[1:] + y.to_bytes(32, "big")


@pytest.mark.parametrize(
    "key",
    [COMPRESSED, NEGATED, *(bytes([2 + x % 2]) + x.to_bytes(32, "big") for x in (1, 2, 3, 4, 6, 8, 12))],
)
def test_the_ids_of_a_bare_key_are_those_of_both_its_forms(key: bytes) -> None:
    forms = [nested(witness_program(0, hash160(one))) for one in (key, whole(key))]
    compressed, uncompressed = (Script(f"{len(one):02x}{one.hex()}ac") for one in (key, whole(key)))

    assert whole(COMPRESSED) == UNCOMPRESSED
    assert owner_ids(compressed) == tuple(forms)
    assert owner_ids(uncompressed) == tuple(reversed(forms))


def test_the_ids_of_a_script_are_those_of_its_two_hashes() -> None:
    bare, hashed, witness, in_hash = of_one_script()

    assert owner_ids(bare) == owner_ids(witness) == (hashed, in_hash)
    assert owner_ids(hashed) == (hashed,)

"""Output scripts and the addresses that stand for them, on every network.

Labels and comparisons use scripts, since one script has one address per network. What an input
spends can often be read from the input itself; `app.core.spent` does that.
"""

from enum import StrEnum
from hashlib import sha256

from app.core import base58, bech32
from app.core.ripemd160 import ripemd160
from app.core.units import Script
from app.errors import ParseError


class ScriptType(StrEnum):
    """The names that the mempool backend uses."""

    P2PKH = "p2pkh"
    P2SH = "p2sh"
    P2WPKH = "v0_p2wpkh"
    P2WSH = "v0_p2wsh"
    P2TR = "v1_p2tr"
    P2PK = "p2pk"
    MULTISIG = "multisig"
    OP_RETURN = "op_return"
    ANCHOR = "anchor"
    UNKNOWN = "unknown"


class Network(StrEnum):
    MAIN = "main"
    TEST = "test"
    """testnet3, testnet4 and signet share their prefixes."""
    REGTEST = "regtest"


_P2PKH_VERSION = {Network.MAIN: 0x00, Network.TEST: 0x6F, Network.REGTEST: 0x6F}
_P2SH_VERSION = {Network.MAIN: 0x05, Network.TEST: 0xC4, Network.REGTEST: 0xC4}
_HRP = {Network.MAIN: "bc", Network.TEST: "tb", Network.REGTEST: "bcrt"}
_FORMS = (
    (ScriptType.P2WPKH, 44, "0014", ""),
    (ScriptType.P2TR, 68, "5120", ""),
    (ScriptType.P2PKH, 50, "76a914", "88ac"),
    (ScriptType.P2SH, 46, "a914", "87"),
    (ScriptType.P2WSH, 68, "0020", ""),
)
"""Type, length in hex digits, first digits, last digits; the commonest first."""
_OP_1, _OP_16 = 0x51, 0x60
_ANCHOR = "51024e73"
_LONGEST_BECH32 = 90


def hash160(raw: bytes) -> bytes:
    """RIPEMD-160 of SHA-256: what p2pkh and p2sh commit to."""
    return ripemd160(sha256(raw).digest())


def p2pkh(key_hash: bytes) -> Script:
    return Script(f"76a914{key_hash.hex()}88ac")


def p2sh(script_hash: bytes) -> Script:
    return Script(f"a914{script_hash.hex()}87")


def witness_program(version: int, program: bytes) -> Script:
    """Write the script of a segwit output: version 0..16, program of 2..40 bytes."""
    opcode = _OP_1 + version - 1 if version else 0
    return Script(f"{opcode:02x}{len(program):02x}{program.hex()}")


def script_type(script: str) -> ScriptType:
    """Name the form of `script` (hex); UNKNOWN for whatever is none of the standard ones."""
    for kind, size, start, end in _FORMS:
        if len(script) == size and script.startswith(start) and script.endswith(end):
            return kind
    if is_burnt(script):
        return ScriptType.OP_RETURN
    return _bare_type(script)


def is_burnt(script: str) -> bool:
    """Whether nobody can ever spend it: OP_RETURN."""
    return script.startswith("6a")


def address_of(script: str, network: Network = Network.MAIN) -> str | None:
    """Write `script` as an address of `network`; None where it has none (OP_RETURN, bare, ...)."""
    kind = script_type(script)
    if kind is ScriptType.P2PKH:
        return base58.encode_check(bytes([_P2PKH_VERSION[network]]) + bytes.fromhex(script[6:46]))
    if kind is ScriptType.P2SH:
        return base58.encode_check(bytes([_P2SH_VERSION[network]]) + bytes.fromhex(script[4:44]))
    found = _as_witness_program(script)
    return bech32.encode(_HRP[network], *found) if found else None


def script_of(address: str) -> Script:
    """Read an address of any network, checksum and all.

    Raises:
        ParseError: if it is none; the words say whether the checksum or the form is wrong.
    Source: BIP 173, BIP 350 (segwit), base58check.
    """
    prefix, separator, _ = address.lower().rpartition("1")
    if separator and prefix in _HRP.values():
        if len(address) > _LONGEST_BECH32:
            raise ParseError("address is too long")
        version, program = bech32.decode(prefix, address)
        return witness_program(version, program)
    payload = base58.decode_check(address)
    if len(payload) == 21 and payload[0] in _P2PKH_VERSION.values():
        return p2pkh(payload[1:])
    if len(payload) == 21 and payload[0] in _P2SH_VERSION.values():
        return p2sh(payload[1:])
    raise ParseError("not a Bitcoin address: unknown version byte or length")


def _bare_type(script: str) -> ScriptType:
    if script == _ANCHOR:
        return ScriptType.ANCHOR
    if script.endswith("ac") and (
        (len(script) == 70 and script.startswith(("2102", "2103")))
        or (len(script) == 134 and script.startswith("4104"))
    ):
        return ScriptType.P2PK
    if len(script) >= 6 and script.endswith("ae") and "51" <= script[:2] <= "60":
        return ScriptType.MULTISIG
    return ScriptType.UNKNOWN


def _as_witness_program(script: str) -> tuple[int, bytes] | None:
    """Source: BIP 141: a version opcode, then one push of 2 to 40 bytes, nothing else."""
    if not 8 <= len(script) <= 84:
        return None
    raw = bytes.fromhex(script)
    if raw[1] != len(raw) - 2 or not (raw[0] == 0 or _OP_1 <= raw[0] <= _OP_16):
        return None
    version = raw[0] - _OP_1 + 1 if raw[0] else 0
    if version == 0 and len(raw) - 2 not in bech32.V0_LENGTHS:
        return None
    return version, raw[2:]

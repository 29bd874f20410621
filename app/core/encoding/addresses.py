"""Conversion between scripts and addresses of every network, with checksums."""

from enum import StrEnum

from app.core.encoding import base58, bech32
from app.core.encoding.scripts import ScriptType, p2pkh, p2sh, script_type, witness_program
from app.core.units import Script
from app.errors import ParseError


class Network(StrEnum):
    MAIN = "main"
    TEST = "test"
    """testnet3, testnet4 and signet share their prefixes."""
    REGTEST = "regtest"


_P2PKH_VERSION = {Network.MAIN: 0x00, Network.TEST: 0x6F, Network.REGTEST: 0x6F}
_P2SH_VERSION = {Network.MAIN: 0x05, Network.TEST: 0xC4, Network.REGTEST: 0xC4}
_HRP = {Network.MAIN: "bc", Network.TEST: "tb", Network.REGTEST: "bcrt"}
_OP_1, _OP_16 = 0x51, 0x60
_LONGEST_BECH32 = 90


def address_of(script: str, network: Network = Network.MAIN) -> str | None:
    """Return `script` as an address of `network`; None where it has none (OP_RETURN, bare, ...)."""
    kind = script_type(script)
    if kind is ScriptType.P2PKH:
        return base58.encode_check(bytes([_P2PKH_VERSION[network]]) + bytes.fromhex(script[6:46]))
    if kind is ScriptType.P2SH:
        return base58.encode_check(bytes([_P2SH_VERSION[network]]) + bytes.fromhex(script[4:44]))
    found = _as_witness_program(script)
    return bech32.encode(_HRP[network], *found) if found else None


def script_of(address: str) -> Script:
    """Return the script of an address of any network; the checksum is verified.

    Raises:
        ParseError: if it is invalid; the message says whether the checksum or the form is wrong.
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


def _as_witness_program(script: str) -> tuple[int, bytes] | None:
    """Return version and program: a version opcode, then one push of 2 to 40 bytes (BIP 141)."""
    if not 8 <= len(script) <= 84:
        return None
    raw = bytes.fromhex(script)
    if raw[1] != len(raw) - 2 or not (raw[0] == 0 or _OP_1 <= raw[0] <= _OP_16):
        return None
    version = raw[0] - _OP_1 + 1 if raw[0] else 0
    if version == 0 and len(raw) - 2 not in bech32.V0_LENGTHS:
        return None
    return version, raw[2:]

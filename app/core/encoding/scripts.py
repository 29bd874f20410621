"""Types of output scripts, and prevout scripts derived from scriptSig and witness.

Labels and comparisons use scripts and not addresses: one script has one address per network
(`app.core.encoding.addresses` converts between them).
"""

from dataclasses import replace
from enum import StrEnum
from hashlib import sha256

from app.core.encoding.ripemd160 import ripemd160
from app.core.models import Input, Transaction
from app.core.units import Script


class ScriptType(StrEnum):
    """Script types, by the names that the mempool backend uses."""

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


_FORMS = (
    (ScriptType.P2WPKH, 44, "0014", ""),
    (ScriptType.P2TR, 68, "5120", ""),
    (ScriptType.P2PKH, 50, "76a914", "88ac"),
    (ScriptType.P2SH, 46, "a914", "87"),
    (ScriptType.P2WSH, 68, "0020", ""),
)
"""Type, length in hex digits, prefix, suffix; the most common first."""
_OP_1 = 0x51
_ANCHOR = "51024e73"
_PUBLIC_KEY = {33: (0x02, 0x03), 65: (0x04, 0x06, 0x07)}
"""Length of a public key -> its possible first bytes."""
_OP_PUSHDATA1, _OP_PUSHDATA2 = 0x4C, 0x4D
_CHECKSIGS = frozenset((0xAC, 0xAD, 0xAE, 0xAF))
"""CHECKSIG, CHECKSIGVERIFY, CHECKMULTISIG, CHECKMULTISIGVERIFY."""
_LEAF_VERSIONS = frozenset((0x66, 0x7E, 0x80, 0x84, 0x96, 0x98, 0xBA, 0xBC, 0xBE, *range(0xC0, 0x100, 2)))
"""First byte of a taproot control block without the parity bit; no executable script begins with one."""
_ANNEX = 0x50


def hash160(raw: bytes) -> bytes:
    """RIPEMD-160 of SHA-256: what p2pkh and p2sh commit to."""
    return ripemd160(sha256(raw).digest())


def p2pkh(key_hash: bytes) -> Script:
    return Script(f"76a914{key_hash.hex()}88ac")


def p2sh(script_hash: bytes) -> Script:
    return Script(f"a914{script_hash.hex()}87")


def witness_program(version: int, program: bytes) -> Script:
    """Return the script of a segwit output: version 0..16, program of 2..40 bytes."""
    opcode = _OP_1 + version - 1 if version else 0
    return Script(f"{opcode:02x}{len(program):02x}{program.hex()}")


def script_type(script: str) -> ScriptType:
    """Return the type of `script` (hex); UNKNOWN if it is none of the standard ones."""
    for kind, size, start, end in _FORMS:
        if len(script) == size and script.startswith(start) and script.endswith(end):
            return kind
    if is_burnt(script):
        return ScriptType.OP_RETURN
    return _bare_type(script)


def is_burnt(script: str) -> bool:
    """Return whether the output is provably unspendable: OP_RETURN."""
    return script.startswith("6a")


def with_derived_scripts(tx: Transaction) -> Transaction:
    """Fill in the prevout script of each input where scriptSig and witness determine it exactly.

    That is so for p2pkh, p2wpkh, p2sh (nested segwit too) and p2wsh; taproot, p2pk and bare scripts
    stay None, to be asked for. Signature data are dropped from all inputs, since they are not used again.
    """
    return replace(tx, inputs=tuple(_with_script(spent) for spent in tx.inputs))


def derived_script(spent: Input) -> Script | None:
    """Return the script that `spent.scriptsig` and `spent.witness` prove; None where they do not."""
    try:
        scriptsig = bytes.fromhex(spent.scriptsig)
        witness = [bytes.fromhex(item) for item in spent.witness]
    except ValueError:
        return None
    if scriptsig:
        return _from_scriptsig(scriptsig, witness)
    return _from_witness(witness) if witness else None


def _with_script(spent: Input) -> Input:
    if not spent.scriptsig and not spent.witness:
        return spent
    script = derived_script(spent) if spent.script is None else spent.script
    return replace(spent, script=script, scriptsig="", witness=())


def _from_witness(witness: list[bytes]) -> Script | None:
    """Source: BIP 141 for version 0; BIP 341 on recognising a taproot spend without its prevout."""
    last = witness[-1]
    if len(witness) == 2 and _is_public_key(last) and len(last) == 33 and _is_signature(witness[0]):
        return witness_program(0, hash160(last))
    if not last or _may_be_taproot(witness):
        return None
    return witness_program(0, sha256(last).digest())


def _may_be_taproot(witness: list[bytes]) -> bool:
    last = witness[-1]
    if len(witness) == 1:
        return len(last) in (64, 65)
    if last[0] == _ANNEX:
        return True
    return len(last) % 32 == 1 and len(last) >= 33 and last[0] & 0xFE in _LEAF_VERSIONS


def _from_scriptsig(scriptsig: bytes, witness: list[bytes]) -> Script | None:
    pushes = _pushes(scriptsig)
    if not pushes or not pushes[-1]:
        return None
    last = pushes[-1]
    if witness:
        nested = len(pushes) == 1 and last[:2] in (b"\x00\x14", b"\x00\x20") and len(last) == 2 + last[1]
        return p2sh(hash160(last)) if nested else None
    if len(pushes) == 2 and _is_public_key(last) and _is_signature(pushes[0]):
        return p2pkh(hash160(last))
    signed = any(_is_signature(push) for push in pushes[:-1])
    return p2sh(hash160(last)) if signed and _asks_for_signatures(last) else None


def _pushes(script: bytes) -> list[bytes] | None:
    """Return the stack elements that a push-only script leaves; None if it is not push-only."""
    found, at = [], 0
    while at < len(script):
        opcode, at = script[at], at + 1
        if opcode <= _OP_PUSHDATA2:
            width = max(0, opcode - _OP_PUSHDATA1 + 1)
            size = int.from_bytes(script[at : at + width], "little") if width else opcode
            at += width + size
            if at > len(script):
                return None
            found.append(script[at - size : at])
        elif _OP_1 <= opcode < _OP_1 + 16:
            found.append(bytes([opcode - _OP_1 + 1]))
        else:
            return None
    return found


def _asks_for_signatures(script: bytes) -> bool:
    """Return whether `script` parses to its end and contains a CHECKSIG: a redeem script."""
    at, asks = 0, False
    while at < len(script):
        opcode, at = script[at], at + 1
        asks = asks or opcode in _CHECKSIGS
        if opcode <= _OP_PUSHDATA2:
            width = max(0, opcode - _OP_PUSHDATA1 + 1)
            at += width + (int.from_bytes(script[at : at + width], "little") if width else opcode)
    return asks and at == len(script) and not _is_signature(script)


def _is_public_key(raw: bytes) -> bool:
    return bool(raw) and raw[0] in _PUBLIC_KEY.get(len(raw), ())


def _is_signature(raw: bytes) -> bool:
    """Return whether it is DER plus a sighash byte; old ones may exceed strict DER by a byte or two."""
    return 9 <= len(raw) <= 75 and raw[0] == 0x30 and raw[1] <= len(raw) - 3


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

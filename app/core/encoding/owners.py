"""Scripts that one key or one script controls, whatever their type."""

from functools import lru_cache
from hashlib import sha256

from app.core.encoding.ripemd160 import ripemd160
from app.core.encoding.scripts import ScriptType, hash160, p2sh, script_type, witness_program
from app.core.units import Script

_P: int = 2**256 - 2**32 - 977
"""The prime of secp256k1's field."""
_UNCOMPRESSED_KEY = 65
_REMEMBERED = 1024
"""Hashes whose ids are remembered: each output is asked about twice, and a wallet's address comes again."""


def owner_ids(script: Script) -> tuple[Script, ...]:
    """Return ids of whoever can spend `script`: two scripts that share one have the same owner.

    One key is recognised as p2pk (compressed or not), p2pkh, p2wpkh and nested p2wpkh; one script as bare
    script, p2sh, p2wsh and nested p2wsh. Taproot keys are tweaked, so a taproot script is its own id.
    The ids are p2sh scripts: the form that both a key's hash and a script's hash lead to.
    """
    kind = script_type(script)
    if kind is ScriptType.P2PKH:
        return (_of_key_hash(bytes.fromhex(script[6:46])),)
    if kind is ScriptType.P2WPKH:
        return (_of_key_hash(bytes.fromhex(script[4:])),)
    if kind is ScriptType.P2PK:
        return tuple(_of_key_hash(hash160(key)) for key in _serialisations(bytes.fromhex(script[2:-2])))
    if kind is ScriptType.P2WSH:
        return _of_script_hash(bytes.fromhex(script[4:]))
    if kind is ScriptType.MULTISIG:
        return _of_script_hash(sha256(bytes.fromhex(script)).digest())
    return (script,)


@lru_cache(maxsize=_REMEMBERED)
def _of_key_hash(key_hash: bytes) -> Script:
    """Return the nested p2wpkh script of a key."""
    return p2sh(hash160(bytes.fromhex(witness_program(0, key_hash))))


@lru_cache(maxsize=_REMEMBERED)
def _of_script_hash(sha: bytes) -> tuple[Script, ...]:
    """Return the p2sh and the nested p2wsh script of the script with this SHA-256."""
    return p2sh(ripemd160(sha)), p2sh(hash160(bytes.fromhex(witness_program(0, sha))))


def _serialisations(key: bytes) -> tuple[bytes, ...]:
    """Return the key compressed and uncompressed; as it is, if it is no point of the curve."""
    x = int.from_bytes(key[1:33], "big")
    if len(key) == _UNCOMPRESSED_KEY:
        return key, bytes([2 + (key[-1] & 1)]) + key[1:33]
    square = (pow(x, 3, _P) + 7) % _P
    y = pow(square, (_P + 1) // 4, _P)
    if y * y % _P != square:
        return (key,)
    if y & 1 != key[0] & 1:
        y = _P - y
    return key, b"\x04" + key[1:33] + y.to_bytes(32, "big")

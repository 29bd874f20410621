"""Scripts as the backend prints them: type, address, and asm in rust-bitcoin's words."""

from typing import Any

from tests.backend.encoding import REGTEST, Network, base58check, hash160, segwit_address

_NAMES = {
    0x61: "OP_NOP",
    0x63: "OP_IF",
    0x64: "OP_NOTIF",
    0x67: "OP_ELSE",
    0x68: "OP_ENDIF",
    0x69: "OP_VERIFY",
    0x6A: "OP_RETURN",
    0x75: "OP_DROP",
    0x76: "OP_DUP",
    0x82: "OP_SIZE",
    0x87: "OP_EQUAL",
    0x88: "OP_EQUALVERIFY",
    0xA8: "OP_SHA256",
    0xA9: "OP_HASH160",
    0xAC: "OP_CHECKSIG",
    0xAD: "OP_CHECKSIGVERIFY",
    0xAE: "OP_CHECKMULTISIG",
    0xB1: "OP_CLTV",
    0xB2: "OP_CSV",
}
_ANCHOR = bytes.fromhex("51024e73")


def wire_output(value: int, script: bytes, network: Network = REGTEST) -> dict[str, Any]:
    """Return one `vout` entry; `value` in satoshi."""
    return {
        "value": value,
        "scriptpubkey": script.hex(),
        "scriptpubkey_address": script_address(script, network),
        "scriptpubkey_asm": asm(script),
        "scriptpubkey_type": script_type(script),
    }


def script_type(script: bytes) -> str:
    size = len(script)
    kinds = (
        (size == 25 and script.startswith(b"\x76\xa9\x14"), "p2pkh"),
        (size == 23 and script.startswith(b"\xa9\x14"), "p2sh"),
        (size == 22 and script.startswith(b"\0\x14"), "v0_p2wpkh"),
        (size == 34 and script.startswith(b"\0\x20"), "v0_p2wsh"),
        (size == 34 and script.startswith(b"\x51\x20"), "v1_p2tr"),
        (script == _ANCHOR, "anchor"),
        (script.startswith(b"\x6a"), "op_return"),
        (size in (35, 67) and script.endswith(b"\xac"), "p2pk"),
        (script.endswith(b"\xae"), "multisig"),
    )
    return next((kind for fits, kind in kinds if fits), "unknown")


def script_address(script: bytes, network: Network = REGTEST) -> str:
    """Return the address, or `""` where a script has none (the backend's way)."""
    match script_type(script):
        case "p2pkh":
            return base58check(network.p2pkh, script[3:23])
        case "p2sh":
            return base58check(network.p2sh, script[2:22])
        case "v0_p2wpkh" | "v0_p2wsh":
            return segwit_address(network.hrp, 0, script[2:])
        case "v1_p2tr" | "anchor":
            return segwit_address(network.hrp, 1, script[2:])
    return ""


def asm(script: bytes) -> str:
    words, at = [], 0
    while at < len(script):
        code = script[at]
        at += 1
        if code == 0:
            words.append("OP_0")
        elif code <= 78:
            size, name, at = _push(script, at, code)
            words.append(name)
            words.append(script[at : at + size].hex())
            at += size
        elif 81 <= code <= 96:
            words.append(f"OP_PUSHNUM_{code - 80}")
        else:
            words.append(_NAMES.get(code, f"OP_RETURN_{code}"))
    return " ".join(words)


def pushes(script: bytes) -> list[bytes]:
    """Return what a scriptsig pushes, in order."""
    return [
        b"" if w == "OP_0" else bytes.fromhex(w) for w in asm(script).split() if w == "OP_0" or w[:3] != "OP_"
    ]


def with_prevout(entry: dict[str, Any], prevout: dict[str, Any]) -> dict[str, Any]:
    """Return a `vin` entry with its prevout, and the inner scripts that only a prevout reveals."""
    inner = {"inner_redeemscript_asm": "", "inner_witnessscript_asm": ""}
    kind, witness, signature = (
        prevout["scriptpubkey_type"],
        entry["witness"],
        bytes.fromhex(entry["scriptsig"]),
    )
    if kind == "p2sh" and signature:
        redeem = pushes(signature)[-1]
        inner["inner_redeemscript_asm"] = asm(redeem)
        kind = script_type(redeem)
    if kind == "v0_p2wsh" and witness:
        inner["inner_witnessscript_asm"] = asm(bytes.fromhex(witness[-1]))
    return {**entry, "prevout": prevout, **inner}


def script_spent_by(entry: dict[str, Any]) -> bytes | None:
    """Return the output script an input proves it spends; None where the input does not tell (taproot).

    `entry` is a `vin` entry.
    """
    signature, witness = bytes.fromhex(entry["scriptsig"]), [bytes.fromhex(w) for w in entry["witness"]]
    if witness and not signature:
        if len(witness) == 2 and len(witness[1]) == 33:
            return b"\0\x14" + hash160(witness[1])
        return None
    pushed = pushes(signature)
    if not pushed:
        return None
    if not witness and len(pushed) == 2 and len(pushed[1]) in (33, 65):
        return b"\x76\xa9\x14" + hash160(pushed[1]) + b"\x88\xac"
    return b"\xa9\x14" + hash160(pushed[-1]) + b"\x87"


def _push(script: bytes, at: int, code: int) -> tuple[int, str, int]:
    if code <= 75:
        return code, f"OP_PUSHBYTES_{code}", at
    width = 1 << (code - 76)
    return int.from_bytes(script[at : at + width], "little"), f"OP_PUSHDATA{width}", at + width

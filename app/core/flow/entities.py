"""Immutable look-up of labelled entities by script, the same on every network."""

from collections.abc import Iterable
from dataclasses import replace

from app.core.encoding import BASE58_ALPHABET, address_of, owner_ids
from app.core.flow.labels import TABLE_DATE, Label
from app.core.units import Script

EXCHANGE = "exchange"
_BITMEX_BASE58 = "3BMEX"
_BITMEX_BECH32 = "bc1qmex"
_BECH32_MEX = 0b11011_11001_00110
"""The letters m, e, x: the first 15 bits of the witness program."""
_P2SH_LETTERS = 34
"""Version byte 5 makes every mainnet p2sh address this long."""


class Entities:
    """Look-up by script. Own labels override the shipped table, and both override BitMEX's prefixes.

    A label holds for its key in every type of script (`owner_ids`): an address is one of the key's names.
    """

    __slots__ = ("_by_owner", "_exchange_groups", "_names", "_own", "_shipped", "_shipped_by_owner", "_size")

    def __init__(self, shipped: Iterable[Label] = (), own: Iterable[Label] = ()) -> None:
        self._shipped = {label.script: label for label in shipped}
        self._own = {label.script: label for label in own}
        # Not merged: of 100,000 own labels each table more is 10 MB.
        labels = [label for script, label in self._shipped.items() if script not in self._own]
        labels += self._own.values()
        self._size = len(labels)
        self._shipped_by_owner = _by_owner(self._shipped.values())
        self._by_owner = _by_owner(self._own.values())
        self._exchange_groups = {label.group for label in labels if label.kind == EXCHANGE} | {_BITMEX}
        self._names = {label.entity.casefold(): label for label in labels}

    def find(self, script: Script) -> Label | None:
        """Return the label of `script`; None if it has none."""
        label = self._own.get(script) or self._shipped.get(script)
        if label is None or not label.own:
            of_its_key = self._of_its_key(script)
            if of_its_key is not None and (label is None or of_its_key.own):
                return of_its_key
        if label is None and _may_be_bitmex(script):
            return _bitmex_label(script)
        return label

    def _of_its_key(self, script: Script) -> Label | None:
        """Return the label of the key's other scripts, with a basis that says so."""
        for owner in owner_ids(script):
            label = self._by_owner.get(owner) or self._shipped_by_owner.get(owner)
            if label is not None and label.script != script:
                return replace(label, script=script, basis=f"{label.basis}, same key")
        return None

    def named(self, entity: str) -> Label | None:
        """Return some label of the entity of that name, case-insensitively."""
        return self._names.get(entity.strip().casefold())

    def is_exchange(self, group: str) -> bool:
        """Return whether one of the group's entities is an exchange."""
        return group in self._exchange_groups

    def with_labels(self, own: Iterable[Label]) -> "Entities":
        """Return a look-up with the same shipped table and exactly these labels of the operator."""
        return Entities(self._shipped.values(), own)

    @property
    def own(self) -> tuple[Label, ...]:
        return tuple(self._own.values())

    def __len__(self) -> int:
        return self._size


_BITMEX = "BitMEX"


def _by_owner(labels: Iterable[Label]) -> dict[Script, Label]:
    return {owner: label for label in labels for owner in owner_ids(label.script)}


def _base58_bounds(prefix: str, letters: int) -> tuple[str, str]:
    """Return the first and last script hash (hex) whose address begins with `prefix`, both inclusive."""
    bounds = []
    for filler in (BASE58_ALPHABET[0], BASE58_ALPHABET[-1]):
        number = 0
        for letter in prefix + filler * (letters - len(prefix)):
            number = number * 58 + BASE58_ALPHABET.index(letter)
        bounds.append(number.to_bytes(25, "big")[1:21].hex())
    return bounds[0], bounds[1]


_LOW, _HIGH = _base58_bounds(_BITMEX_BASE58, _P2SH_LETTERS)


def _may_be_bitmex(script: Script) -> bool:
    """Compare the hash only; the caller then encodes the rare hit as an address and checks that.

    BitMEX's outputs need several keys, so only p2sh and p2wsh are checked; of p2wpkh, which is far more
    common, one script in 32,768 has this prefix by chance.
    """
    if script.startswith("a914"):
        return _LOW <= script[4:44] <= _HIGH
    if script.startswith("0020"):
        return int(script[4:8] or "0", 16) >> 1 == _BECH32_MEX
    return False


def _bitmex_label(script: Script) -> Label | None:
    address = address_of(script)
    if address is None or not address.startswith((_BITMEX_BASE58, _BITMEX_BECH32)):
        return None
    return Label(
        script=script,
        address=address,
        entity=_BITMEX,
        group=_BITMEX,
        kind=EXCHANGE,
        basis="address prefix",
        created_at=TABLE_DATE,
    )

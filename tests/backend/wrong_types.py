"""Every field with a wrong type in turn: of frames and of REST answers."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
_DEEP = 12
_WRONG: tuple[tuple[str, Any], ...] = (
    ("null", None),
    ("string", "nonsense"),
    ("list", [1, "two"]),
    ("dict", {"unexpected": 1}),
    ("bool", True),
    ("huge", 10**30),
    ("negative", -1),
    ("float", 1.5),
)
FRAME_KEYS = ("block", "blocks", "mempool-blocks", "fees", "loadingIndicators", "mempool-transactions", "da")


@dataclass(frozen=True, slots=True)
class Variant:
    """`value` is the whole document with the field at `path` replaced by a `kind` of wrong value."""

    path: Path
    kind: str
    value: Any

    @property
    def name(self) -> str:
        """Return the path as a person writes it: `vin[0].prevout = list`."""
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"{text.lstrip('.') or 'the whole'} = {self.kind}"

    @property
    def text(self) -> str:
        return json.dumps(self.value)


def variants(document: Any, *, missing: bool = True) -> Iterator[Variant]:
    """Yield the document with each field wrong in each way, then with each field missing.

    Of a list only the first member is walked: the others have its shape. A value of the field's own type is
    left out, but a number is given the huge, the negative and the fractional one too.
    """
    for path in paths(document):
        here = at(document, path)
        for kind, wrong in _WRONG:
            if not _same_type(here, wrong, kind):
                yield Variant(path, kind, put(document, path, wrong))
        if missing and path and isinstance(path[-1], str):
            yield Variant(path, "missing", without(document, path))


def transaction_frames(tx: dict[str, Any], sequence: int = 1) -> Iterator[Variant]:
    """Yield `mempool-transactions` frames with one `added` transaction, wrong in one field at a time."""
    for wrong in variants(tx):
        delta = {"sequence": sequence, "added": [wrong.value], "removed": [], "mined": [], "replaced": []}
        path = ("mempool-transactions", "added", 0, *wrong.path)
        yield Variant(path, wrong.kind, {"mempool-transactions": delta})


def frames(frame: dict[str, Any]) -> Iterator[Variant]:
    """Yield a frame wrong in each field of the keys that a client reads."""
    kept = {key: value for key, value in frame.items() if key in FRAME_KEYS}
    for key, reported in kept.items():
        for wrong in variants({key: reported}):
            if wrong.path:
                yield Variant(wrong.path, wrong.kind, {**kept, **wrong.value})


def paths(document: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every value, the whole first."""
    yield path
    if len(path) >= _DEEP:
        return
    if isinstance(document, dict):
        for key, value in document.items():
            yield from paths(value, (*path, key))
    elif isinstance(document, list) and document:
        yield from paths(document[0], (*path, 0))


def at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def put(document: Any, path: Path, value: Any) -> Any:
    """Return a copy with the value at the path."""
    if not path:
        return copy.deepcopy(value)
    changed = copy.deepcopy(document)
    at(changed, path[:-1])[path[-1]] = value
    return changed


def without(document: Any, path: Path) -> Any:
    """Return a copy without the key at the path."""
    changed = copy.deepcopy(document)
    del at(changed, path[:-1])[path[-1]]
    return changed


def _same_type(here: Any, wrong: Any, kind: str) -> bool:
    if kind in ("huge", "negative", "float"):
        return bool(here == wrong)
    if here is None or isinstance(here, bool) or wrong is None or isinstance(wrong, bool):
        return type(here) is type(wrong)
    return isinstance(here, type(wrong))

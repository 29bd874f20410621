"""Private labels stay within Spout: what leaves it has "own label" in place of their names."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from app.core.flow import OWN_BASIS


def masked(body: Mapping[str, Any], public: Collection[str], own: Collection[str]) -> dict[str, Any]:
    """Return a whale's `data` without private names.

    `public`: names of own labels that may be shown; `own`: all that only own labels give. A name that an own
    label gave and that is no longer known stays hidden.
    """
    parties = (*(body.get("from_entities") or ()), *(body.get("to_entities") or ()))
    hidden = {
        str(text)
        for party in parties
        if _is_hidden(party, public, own)
        for text in (party.get("name"), party.get("group"), party.get("basis"))
        if text and text != OWN_BASIS
    }
    if not hidden:
        return dict(body)
    found = dict(body)
    for side in ("from_entities", "to_entities"):
        if body.get(side):
            found[side] = [_without(party, public, own) for party in body[side]]
    found["evidence"] = [_hiding(str(step), hidden) for step in body.get("evidence") or ()]
    return found


def _is_hidden(party: Mapping[str, Any], public: Collection[str], own: Collection[str]) -> bool:
    name = str(party.get("name"))
    return name not in public and (party.get("basis") == OWN_BASIS or name in own)


def _without(party: Mapping[str, Any], public: Collection[str], own: Collection[str]) -> dict[str, Any]:
    if not _is_hidden(party, public, own):
        return dict(party)
    return {**party, "name": OWN_BASIS, "group": OWN_BASIS, "basis": OWN_BASIS}


def _hiding(step: str, hidden: Collection[str]) -> str:
    for name in sorted(hidden, key=len, reverse=True):
        step = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", OWN_BASIS, step)
    return step

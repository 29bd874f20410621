"""Private labels stay within Spout: what leaves it has "own label" in place of their names."""

import re
from collections.abc import Collection, Mapping, Set
from typing import Any

from app.core.flow import OWN_BASIS

_WHO = re.compile(rf"(.*?\b(?:labelled|pays?)) (.+) \((\w+); {OWN_BASIS}.*\)(: (?:the sender|a receiver).*)")
"""A sentence of evidence that says by an own label who it is: before it, name, kind, what follows."""
_WORD = re.compile(r"\S+")
_MOST_WORDS = 40
"""Of a name: it has 80 letters at most."""
_MIXED = re.compile(rf"(.*)\({OWN_BASIS}\) (.*)(: mixed, no single sender)")
"""The one that names groups of own labels."""


def masked(body: Mapping[str, Any], public: Collection[str], own: Collection[str]) -> dict[str, Any]:
    """Return a whale's `data` without private names.

    `public`: names of own labels that may be shown; `own`: all that only own labels give. A name that an own
    label gave and that is no longer known stays hidden, and so does a shipped name that a private label
    gives to coins of which nobody else says it. The note of an own label never leaves: of one that is gone
    nobody knows whether it was private. What was masked before stays so. An older Spout wrote the note alone,
    without the mark: there `own` says whose it is.
    """
    hidden = {
        str(text)
        for party in _parties(body)
        if _is_hidden(party, public, own)
        for text in (party.get("name"), party.get("group"), party.get("basis"))
        if text and text != OWN_BASIS
    }
    hidden |= {str(party.get("basis")) for party in _parties(body) if _is_unmarked(party, own)}
    steps = body.get("evidence") or ()
    said = (*steps, *(party.get("basis") for party in _parties(body)))
    if not hidden and not any(OWN_BASIS in str(one) for one in said):
        return dict(body)
    found = dict(body)
    for side in ("from_entities", "to_entities"):
        if body.get(side):
            found[side] = [_without(party, public, own) for party in body[side]]
    found["evidence"] = [_hiding(_said_of_own(str(step), public), hidden) for step in steps]
    return found


def folded(name: str) -> str:
    """Return a name as `masked_words` looks it up: whatever its case and its spaces."""
    return " ".join(name.split()).casefold()


def masked_words(facts: Mapping[str, Any], hidden: Set[str]) -> dict[str, Any]:
    """Return the facts of a digest, summary, report or watch without private names.

    `hidden`: names that are private, each `folded`. A sum-up names parties in words alone, after an amount.
    """
    if not hidden:
        return dict(facts)
    found = dict(facts)
    if isinstance(facts.get("entity"), str) and folded(facts["entity"]) in hidden:
        found["entity"] = OWN_BASIS
    if "words" in facts:
        found["words"] = "\n".join(_line_without(line, hidden) for line in str(facts["words"]).split("\n"))
    return found


def _line_without(line: str, hidden: Set[str]) -> str:
    """Look up every run of words after the amount, the longest first: no search for each of the names."""
    amount, unit, said = line.partition(" BTC ")
    words, left, at, kept = [*_WORD.finditer(said)], 0, 0, list[str]()
    while at < len(words):
        ends = range(min(len(words), at + _MOST_WORDS) - 1, at - 1, -1)
        runs = ((end, said[words[at].start() : words[end].end()]) for end in ends)
        found = next(
            ((end, tail) for end, run in runs for tail in ("", ",") if _is_name(run, tail, hidden)), None
        )
        if found is not None:
            end, tail = found
            kept += [said[left : words[at].start()], OWN_BASIS + tail]
            at, left = end, words[end].end()
        at += 1
    return "".join([amount, unit, *kept, said[left:]])


def _is_name(run: str, tail: str, hidden: Set[str]) -> bool:
    return run.endswith(tail) and folded(run.removesuffix(tail)) in hidden


def without_own_labels(
    story: Mapping[str, Any], shipped: Collection[str], own: Collection[str]
) -> dict[str, Any]:
    """Return a whale's whole story (its `data` with its events) without any of the operator's names.

    `shipped`: the names of the table that everybody has; `own`: those of the labels that are kept now. What
    a label gave that has been removed since is known by being none of the shipped ones.
    """
    bodies = [story, *(event["data"] for event in story["events"])]
    given = {str(party.get(key)) for body in bodies for party in _parties(body) for key in ("name", "group")}
    names = (given | set(own)) - set(shipped) - {OWN_BASIS, "None", ""}
    whole = _unnamed(story, names)
    whole["events"] = [{**event, "data": _unnamed(event["data"], names)} for event in story["events"]]
    return whole


def _unnamed(body: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    found = masked(body, (), names)
    if "evidence" in found:
        found["evidence"] = [_hiding(str(step), names) for step in found["evidence"] or ()]
    return found


def _parties(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    return (*(body.get("from_entities") or ()), *(body.get("to_entities") or ()))


def _is_hidden(party: Mapping[str, Any], public: Collection[str], own: Collection[str]) -> bool:
    name = str(party.get("name"))
    return name not in public and (_is_own(party) or name in own)


def _is_unmarked(party: Mapping[str, Any], own: Collection[str]) -> bool:
    """Whether an older Spout wrote it, by an own label."""
    return party.get("name") in own and bool(party.get("basis")) and not _is_own(party)


def _is_own(party: Mapping[str, Any]) -> bool:
    """Also by a label of another address of the same key: its basis says so after ours."""
    return str(party.get("basis")).split(",")[0] == OWN_BASIS


def _without(party: Mapping[str, Any], public: Collection[str], own: Collection[str]) -> dict[str, Any]:
    if not _is_hidden(party, public, own):
        if not (_is_own(party) or _is_unmarked(party, own)):
            return dict(party)
        group = party.get("group")
        return {**party, "basis": OWN_BASIS, "group": group if group in public else party.get("name")}
    return {**party, "name": OWN_BASIS, "group": OWN_BASIS, "basis": OWN_BASIS}


def _said_of_own(step: str, public: Collection[str]) -> str:
    """Return the sentence without the note of an own label, and without its name unless that is public.

    The sentence is taken apart, not searched for names: of a label that is gone nobody knows the note.
    """
    if OWN_BASIS not in step:
        return step
    if who := _WHO.fullmatch(step):
        name = who[2] if who[2] in public else OWN_BASIS
        return f"{who[1]} {name} ({who[3]}; {OWN_BASIS}){who[4]}"
    if (mixed := _MIXED.fullmatch(step)) and not all(name in public for name in mixed[2].split(" and ")):
        return f"{mixed[1]}{OWN_BASIS}{mixed[3]}"
    return step


def _hiding(step: str, hidden: Collection[str]) -> str:
    for name in sorted(hidden, key=len, reverse=True):
        step = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", OWN_BASIS, step)
    return step

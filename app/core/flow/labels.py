"""Labels of scripts, parsed from the shipped table and the operator's own file.

A label states its basis, "published" or "attributed"; it never says who signed.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from sys import intern
from typing import Protocol, TextIO

from app.core.classification import Party
from app.core.encoding import ScriptType, script_of, script_type
from app.core.units import Script
from app.errors import Fault, LabelError, ParseError

KINDS = ("exchange", "custodian", "etf", "pool", "government", "company", "bridge", "other")
OWN_BASIS = "own label"
TABLE_DATE = "2026-11-27"
"""When the shipped table was compiled."""
COLUMNS = ("address", "entity", "group", "kind", "basis", "created_at", "private")
"""Columns of the operator's file; only the first two are required."""

_TABLE_COLUMNS = ("address", "entity", "group", "kind", "role", "basis")
_LONGEST_NAME = 80
_OF_FIXED_LENGTH = ("0014", "0020", "5120", "76a914", "a914")
_LONGEST_SCRIPT = 20_000
"""Hex digits; consensus allows 10,000 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One label. `address` is as it was given: an address of any network, or a script in hex."""

    script: Script
    address: str
    entity: str
    group: str
    """Two entities of one group are the same actor."""
    kind: str
    basis: str
    created_at: str
    """ISO date."""
    role: str = "unknown"
    own: bool = False
    """Whether it is the operator's own label, which takes precedence over the shipped table."""
    private: bool = False
    """Whether its names stay within Spout: alerts, MQTT and widgets have "own label" in their place."""

    @property
    def said_basis(self) -> str:
        """The basis as parties and evidence say it: of an own label, "own label" and then its note.

        By that alone a private label of a shipped name can be told from the shipped one, and kept within.
        """
        if not self.own or self.basis.split(",")[0] == OWN_BASIS:
            return self.basis
        return f"{OWN_BASIS}, {self.basis}"

    @property
    def party(self) -> Party:
        """The label as a sender or receiver of a classification."""
        return Party(
            name=self.entity,
            kind=self.kind,
            basis=self.said_basis,
            group=self.group,
            labelled_at=self.created_at,
        )


class KnownNames(Protocol):
    """Look-up of a known entity by name, from which a new label takes group and kind."""

    def named(self, entity: str) -> Label | None: ...


def a_label(
    address: str,
    entity: str,
    *,
    created_at: str,
    group: str = "",
    kind: str = "",
    basis: str = "",
    private: bool = False,
    known: KnownNames | None = None,
) -> Label:
    """Make one of the operator's own labels.

    Where `group` or `kind` is empty, those of an entity of that name in `known` are used; if there is
    none, the entity is its own group, and of kind "other".

    Raises:
        LabelError: saying all that is invalid of address, names, kind and date.
    """
    alike = known.named(entity) if known is not None else None
    refused: list[LabelError] = []
    name = _or_refused(refused, _name_from, entity, "entity")
    # Without a group it is the name's, and so is what is wrong with it.
    of_group = group or (alike.group if alike else name)
    label = Label(
        script=Script(_or_refused(refused, _script_from, address.strip())),
        address=address.strip(),
        entity=name,
        group=_or_refused(refused, _name_from, of_group, "group") if of_group else "",
        kind=_or_refused(refused, _kind_from, kind or (alike.kind if alike else "other")),
        basis=_or_refused(refused, _name_from, basis or OWN_BASIS, "basis"),
        created_at=_or_refused(refused, _date_from, created_at),
        own=True,
        private=private,
    )
    if refused:
        raise LabelError("; ".join(map(str, refused)), *(fault for one in refused for fault in one.faults))
    return label


def parse_labels(
    text: str,
    *,
    today: str,
    known: KnownNames | None = None,
    private: bool = False,
) -> tuple[Label, ...]:
    """Parse the operator's CSV: a header with at least `address,entity`, then one label per line.

    Semicolons and tabs separate too where they separate the header: many a spreadsheet writes them.
    `today` (ISO date) dates the rows that have no date, `private` holds for those that do not say. Nothing is
    accepted if one line is invalid.

    Raises:
        LabelError: with the number of the line in the file.
    """
    text = text.removeprefix("\ufeff")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=_delimiter(text))
    labels: dict[Script, tuple[int, Label]] = {}
    try:
        _check_header(reader.fieldnames)
        for row in reader:
            line = reader.line_num
            label = _from_row(row, line, _Defaults(today, private, known))
            earlier_line, earlier = labels.setdefault(label.script, (line, label))
            if _what_it_says(earlier) != _what_it_says(label):
                raise LabelError(
                    f"line {line}: {label.address} is {_in_words(label)} here but "
                    f"{_in_words(earlier)} on line {earlier_line}"
                )
    except csv.Error as error:
        line = reader.reader.line_num
        raise LabelError(f"line {line}: not readable as CSV: {error}") from error
    return tuple(label for _, label in labels.values())


def script_or_text(address: str) -> str:
    """Return the script of an address in any encoding; text that is not an address is returned as it is."""
    try:
        return _script_from(address.strip())
    except LabelError:
        return address.strip()


def parse_table(text: str) -> tuple[Label, ...]:
    """Parse the shipped table.

    Raises:
        LabelError: if it is damaged.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if tuple(reader.fieldnames or ()) != _TABLE_COLUMNS:
        raise LabelError(f"line 1: the table's columns must be {','.join(_TABLE_COLUMNS)}")
    labels = []
    for row in reader:
        try:
            labels.append(_shipped_label(row))
        except ParseError as error:
            raise LabelError(f"line {reader.line_num}: {error}") from error
    return tuple(labels)


def brief(labels: Sequence[Label]) -> str:
    """Return labels as a log names them: one with its address, many by their number and first entities."""
    if len(labels) == 1:
        return f"label {labels[0].entity!r} of {labels[0].address}"
    names = list(dict.fromkeys(label.entity for label in labels))
    return f"{len(labels)} labels ({', '.join(map(repr, names[:5]))}{', …' if len(names) > 5 else ''})"


def write_labels(labels: Iterable[Label], into: TextIO) -> None:
    """Write labels as CSV, each as it comes, so that `parse_labels` reads the same ones back."""
    writer = csv.writer(into, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(getattr(label, column)) for column in COLUMNS] for label in labels)


def _cell(value: str | bool) -> str:  # noqa: FBT001 - a column's value
    return str(value).lower() if isinstance(value, bool) else value


def _shipped_label(row: Mapping[str, str]) -> Label:
    return Label(
        script=script_of(row["address"]),
        address=row["address"],
        entity=intern(row["entity"]),
        group=intern(row["group"]),
        kind=intern(row["kind"]),
        role=intern(row["role"]),
        basis=intern(row["basis"]),
        created_at=TABLE_DATE,
    )


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0].lower()
    return next((one for one in ";\t" if one in header and "," not in header), ",")


def _check_header(names: Iterable[str] | None) -> None:
    given = [name.strip().lower() for name in names or ()]
    if not {"address", "entity"} <= set(given):
        raise LabelError(f"line 1: the header must name address and entity; it may name {', '.join(COLUMNS)}")
    twice = [name for name in COLUMNS if given.count(name) > 1]
    if twice:
        raise LabelError(f"line 1: the column {twice[0]!r} is there twice; keep the one that counts")
    foreign = [name for name in given if name not in (*COLUMNS, "role")]
    if foreign:
        raise LabelError(f"line 1: unknown column {foreign[0]!r}; known are {', '.join(COLUMNS)}")


@dataclass(frozen=True, slots=True)
class _Defaults:
    """What holds for a row that does not say."""

    today: str
    private: bool
    known: KnownNames | None


def _from_row(row: Mapping[str | None, str | list[str] | None], line: int, otherwise: _Defaults) -> Label:
    if None in row or None in row.values():
        raise LabelError(f"line {line}: has more or fewer fields than the header")
    cells = {str(name).strip().lower(): str(cell).strip() for name, cell in row.items()}
    try:
        return a_label(
            cells["address"],
            cells["entity"],
            group=cells.get("group", ""),
            kind=cells.get("kind", ""),
            basis=cells.get("basis", ""),
            created_at=cells.get("created_at") or otherwise.today,
            private=_switch(cells.get("private", ""), otherwise.private),
            known=otherwise.known,
        )
    except LabelError as error:
        raise LabelError(f"line {line}: {error}") from error


def _script_from(text: str) -> Script:
    if not text:
        raise LabelError("the address is missing", Fault("address", "is missing"))
    if _looks_like_script(text):
        return _whole_script(text.lower())
    try:
        return script_of(text)
    except ParseError as error:
        raise LabelError(f"{text[:100]}: {error}", Fault("address", str(error))) from error


def _whole_script(text: str) -> Script:
    """Refuse a truncated script, which would be stored and never match any output."""
    if text.startswith(_OF_FIXED_LENGTH) and script_type(text) is ScriptType.UNKNOWN:
        words = "a script that begins so has another length"
        raise LabelError(f"{text[:100]}: {words}", Fault("address", words))
    return Script(text)


def _switch(text: str, otherwise: bool) -> bool:  # noqa: FBT001 - what holds where it says nothing
    if text.lower() in {"true", "yes", "1"}:
        return True
    if text.lower() in {"false", "no", "0"}:
        return False
    if text:
        raise LabelError(f"private is {text[:20]!r}: true or false")
    return otherwise


def _what_it_says(label: Label) -> tuple[str, str, str, str, bool]:
    return label.entity, label.group, label.kind, label.basis, label.private


def _in_words(label: Label) -> str:
    return f"{label.entity!r} ({label.kind}, group {label.group!r}, {label.basis!r})"


def _looks_like_script(text: str) -> bool:
    """Return whether it is hex with the prefix of a script in use; base58 has no 0 and is not all hex."""
    lowered = text.lower()
    return (
        lowered.startswith(("00", "51", "76a9", "a914", "21", "41", "52", "53", "6a"))
        and len(text) % 2 == 0
        and 4 <= len(text) <= _LONGEST_SCRIPT
        and not set(lowered) - set("0123456789abcdef")
    )


def _name_from(text: str, what: str) -> str:
    name = " ".join(text.split())
    if not name:
        raise LabelError(f"the {what} is missing", Fault(what, "is missing"))
    if len(name) > _LONGEST_NAME or not name.isprintable():
        words = f"is longer than {_LONGEST_NAME} letters or has letters that cannot be shown"
        raise LabelError(f"the {what} {words}", Fault(what, words))
    return name


def _date_from(text: str) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError as error:
        words = "is not of the form 2026-11-22"
        raise LabelError(f"the date {text!r} {words}", Fault("created_at", words)) from error


def _kind_from(text: str) -> str:
    kind = text.strip().lower()
    if kind not in KINDS:
        words = f"is unknown: one of {', '.join(KINDS)}"
        raise LabelError(f"kind {kind!r} {words}", Fault("kind", words))
    return kind


def _or_refused(refused: list[LabelError], read: Callable[..., str], *given: str) -> str:
    """Return what `read` makes of it; what it refuses is added to `refused`, so that all is said at once."""
    try:
        return read(*given)
    except LabelError as error:
        refused.append(error)
        return ""

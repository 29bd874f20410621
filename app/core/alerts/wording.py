"""The text of an alert for a phone: a first line that says it all, then what supports it; plain and HTML."""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from string import Template
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.core.alerts import phrases
from app.core.alerts.phrases import lines, one_line
from app.core.events import EventType

LONGEST_TEMPLATE: Final = 4_096
"""Bytes."""
_EVIDENCE: Final = 3
_BEFORE: Final = {
    EventType.DETECTED: "",
    EventType.UPDATED: "Now: ",
    EventType.REPLACED: "Replaced: ",
    EventType.CONFIRMED: "Confirmed: ",
    EventType.DROPPED: "Dropped: ",
    EventType.CONFLICTED: "In conflict: ",
    EventType.REORGED: "Waiting again after a reorganisation: ",
}
TEMPLATE_FIELDS: Final = (
    *("title", "type", "status", "time", "amount", "value", "flow", "route", "senders", "receivers"),
    *("urgency", "score", "forecast", "block", "fee", "replaced", "reason", "evidence", "txid", "link"),
)
"""What a template may name, as `$title`; each is ready text, empty where it is unknown."""


@dataclass(frozen=True, slots=True)
class Message:
    """`title` is one line; `html` is `title` and `text` with their few marks, everything else escaped."""

    title: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How one endpoint wants it. `link`: the operator's explorer, None for none; times are in `zone`."""

    zone: ZoneInfo
    template: str | None = None
    link: str | None = None


def words_of(type_: EventType, body: Mapping[str, Any], at: datetime, style: Style) -> Message:
    """Return the text of an event; `body` is the contract's `data`."""
    if not type_.value.startswith("whale."):
        title, text = _OTHERS[type_](_local(body, style.zone))
        when = phrases.local(at, style.zone)
        return _words(one_line(title), lines(f"{text}\n{when}".lstrip()), None)
    fields = fields_of(type_, body, at, style)
    title = fields["title"]
    own = "" if style.template is None else lines(Template(style.template).safe_substitute(fields))
    if own.strip():  # one that only names what this event has not would say nothing
        return _words(title, own, None, bare=True)
    said = [
        fields["value"] and f"Value: {fields['value']}",
        fields["urgency"] and f"Urgency: {fields['urgency']}, score {fields['score'] or 'unknown'}",
        fields["forecast"] and f"Expected: {fields['forecast']}",
        fields["fee"] and f"Fee: {fields['fee']}",
        fields["replaced"] and f"It is {fields['replaced']}" if fields["replaced"] == "replaceable" else "",
        fields["replaced"] and f"It was {fields['replaced']}" if fields["replaced"] != "replaceable" else "",
        fields["reason"] and f"Why: {fields['reason']}",
        fields["evidence"],
        f"txid {fields['txid']}" if fields["txid"] else "",
    ]
    return _words(title, "\n".join(line for line in said if line), fields["link"] or None)


def title_of(type_: EventType, body: Mapping[str, Any]) -> str:
    """Return the first line of an event's text."""
    if type_.value.startswith("whale."):
        return _title(type_, body)
    return one_line(_OTHERS[type_](body)[0])


def fields_of(type_: EventType, body: Mapping[str, Any], at: datetime, style: Style) -> dict[str, str]:
    """Return what a template may name."""
    score, txid = body.get("urgency_score"), one_line(str(body.get("txid") or ""))
    height = body.get("confirmed_height")
    return {
        "title": _title(type_, body),
        "type": type_.value,
        "status": str(body.get("status") or ""),
        "time": phrases.local(at, style.zone),
        "amount": phrases.moved(body),
        "value": phrases.value(body),
        "flow": str(body.get("flow_type") or ""),
        "route": phrases.route(body),
        "senders": phrases.names(body.get("from_entities")),
        "receivers": phrases.names(body.get("to_entities")),
        "urgency": str(body.get("urgency") or ""),
        "score": "" if score is None else f"{score:.2f}",
        "forecast": phrases.forecast(body) if body.get("status") == "pending" else "",
        "block": "" if height is None else f"{height:,}",
        "fee": phrases.fee(body),
        "replaced": phrases.replaced(body),
        "reason": one_line(str(body.get("reason") or "")),
        "evidence": "\n".join(one_line(str(one), 300) for one in (body.get("evidence") or ())[:_EVIDENCE]),
        "txid": txid,
        "link": f"{style.link}/tx/{txid}" if style.link and txid else "",
    }


def template_faults(template: str) -> str:
    """Return all that could not be filled in, in words that follow "template"; empty if all can."""
    if len(template.encode()) > LONGEST_TEMPLATE:
        return f"must be at most {LONGEST_TEMPLATE} bytes long"
    named = [found["named"] or found["braced"] for found in Template.pattern.finditer(template)]
    unknown = dict.fromkeys(name for name in named if name and name not in TEMPLATE_FIELDS)
    faults = [_unknown_name(name) for name in unknown]
    if not Template(template).is_valid():
        faults.append("has a $ that begins no name: write $$ for the sign itself")
    return ", and ".join(faults)


def _unknown_name(name: str) -> str:
    near = get_close_matches(name.lower(), TEMPLATE_FIELDS, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(f'${one}' for one in near)}?"
    if not near:
        hint = f"known are {', '.join(f'${one}' for one in TEMPLATE_FIELDS)}"
    return f"names ${name[:50]}, which is unknown ({hint})"


def _title(type_: EventType, body: Mapping[str, Any]) -> str:
    what = f"{phrases.moved(body) or 'A whale'} {phrases.route(body)}"
    said = [what]
    if type_ is EventType.CONFIRMED:
        height = body.get("confirmed_height")
        said = [f"{what} in block {height:,}" if height is not None else what]
    elif body.get("status") == "pending":
        said += [phrases.urgency(body), phrases.forecast(body)]
    if "late_seen" in (body.get("flags") or ()):
        said.append("seen late")
    return one_line(_BEFORE.get(type_, "") + ", ".join(one for one in said if one))


def _words(title: str, text: str, link: str | None, *, bare: bool = False) -> Message:
    """`bare`: the text stands alone in HTML, as a template wants it."""
    marked = html.escape(text, quote=True)
    if not bare:
        marked = f"<b>{html.escape(title, quote=True)}</b>\n{marked}"
    if link is None:
        return Message(title, text, marked)
    anchor = html.escape(link, quote=True)
    return Message(title, f"{text}\n{link}".lstrip(), f'{marked}\n<a href="{anchor}">{anchor}</a>')


def _local(body: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Return the facts with their `since` as the clock on the operator's wall shows it."""
    since = body.get("since")
    try:
        return {**body, "since": phrases.local(datetime.fromisoformat(since), zone)} if since else {**body}
    except (TypeError, ValueError):
        return {**body}


def _accuracy(body: Mapping[str, Any]) -> tuple[str, str]:
    rate, threshold, n = body.get("hit_rate"), body.get("threshold"), body.get("n")
    share = "Forecasts" if rate is None else f"{rate:.0%} of {n} forecasts on time"
    bar = "" if threshold is None else f"; you asked to be told below {threshold:.0%}"
    return f"Accuracy fell: {share}", f"{body.get('words') or ''}\nOver the last {body.get('window')}{bar}."


def _accuracy_back(body: Mapping[str, Any]) -> tuple[str, str]:
    rate = body.get("hit_rate")
    share = "" if rate is None else f": {rate:.0%} of {body.get('n')} forecasts on time"
    return f"Accuracy is back{share}", str(body.get("words") or "")


_SEEN: Final = {
    "live": "everything is seen",
    "blind": "nothing of the mempool is seen",
}


def _source(body: Mapping[str, Any]) -> tuple[str, str]:
    level = str(body.get("rung") or "")
    since = str(body.get("since") or "")
    what = _SEEN.get(level, f"less is seen ({level})")
    text = f"{body.get('reason') or ''}\nSince {since}. `spout doctor` and the System page say what to do."
    return f"Source degraded: {what}", text


def _source_back(body: Mapping[str, Any]) -> tuple[str, str]:
    level = str(body.get("rung") or "")
    return f"Source recovered: {_SEEN.get(level, f'more is seen ({level})')}", str(body.get("reason") or "")


def _memory(body: Mapping[str, Any]) -> tuple[str, str]:
    text = (
        f"{body.get('shed')} waiting whales were put aside, {body.get('pending')} stay; nothing is lost.\n"
        "If it comes often: raise SPOUT_MEMORY_LIMIT_MB, or the threshold."
    )
    return f"Memory is short: {body.get('rss_mb')} of {body.get('limit_mb')} MB", text


def _fees(body: Mapping[str, Any]) -> tuple[str, str]:
    median, height = body.get("next_block_median"), body.get("tip_height")
    rate = "" if median is None else f": {phrases.feerate(median)} sat/vB for the next block"
    at = "" if height is None else f"At height {height:,}. "
    said = f"{body['words']}\n" if body.get("words") else ""
    return f"Fees spiked{rate}", f"{said}{at}Forecasts are made anew; what is not urgent may wait."


def _disabled(body: Mapping[str, Any]) -> tuple[str, str]:
    text = f"{body.get('because') or ''}\nMend its address, then enable it again: what waits for it is sent."
    return f"Endpoint {body.get('name')} was disabled", text


def _digest(body: Mapping[str, Any]) -> tuple[str, str]:
    first, _, rest = str(body.get("words") or "").partition("\n")
    return first, rest


def _test(body: Mapping[str, Any]) -> tuple[str, str]:
    return "Test of Spout", str(body.get("words") or "")


_OTHERS: Final[dict[EventType, Callable[[Mapping[str, Any]], tuple[str, str]]]] = {
    EventType.ACCURACY_DEGRADED: _accuracy,
    EventType.ACCURACY_RECOVERED: _accuracy_back,
    EventType.SOURCE_DEGRADED: _source,
    EventType.SOURCE_RECOVERED: _source_back,
    EventType.FEES_SPIKED: _fees,
    EventType.MEMORY_PRESSURE: _memory,
    EventType.ENDPOINT_DISABLED: _disabled,
    EventType.TEST: _test,
    EventType.ALERT_DIGEST: _digest,
    EventType.ALERT_SUMMARY: _digest,
    EventType.FEES_CROSSED: _digest,
    EventType.FLOW_CROSSED: _digest,
    EventType.REPORT_PERIODIC: _digest,
}

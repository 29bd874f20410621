"""A whale's story as text, in the order in which one asks: what, why, when, what was told, and its end."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.core.units import SATS_PER_BTC

Body = Mapping[str, Any]


def story_lines(story: Body) -> Iterator[str]:
    """Yield the lines; unknown is said to be unknown."""
    yield from _whale(story)
    yield from _section("Why", (f"- {step}" for step in story["evidence"]))
    yield from _section("Transactions", map(_link, story["lineage"]))
    yield from _section("Forecasts", (_forecast(one, story) for one in story["forecasts"]))
    yield from _section("Told", map(_event, story["events"]))
    yield from _section("Outcome", _outcome(story["outcome_detail"]))
    yield from _section("Observed since this Spout started", map(_observed, story["observed"]))


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield ""
    yield title
    empty = True
    for line in lines:
        empty = False
        yield f"  {line}"
    if empty:
        yield "  nothing is kept"


def _whale(story: Body) -> Iterator[str]:
    yield f"{story['prediction_id']}  (Spout {story['spout_version']}{', DEMO' if story['demo'] else ''})"
    yield story["txid"]
    yield _joined(
        story["status"],
        story["reason"] and f"({story['reason']})",
        story["left_unverified"] and "(not verified that it left)",
        f"flow {story['flow_type']}",
    )
    yield (
        f"{_btc(story['moved_sat'])} BTC moved ({story['moved_is']}; {_btc(story['moved_low_sat'])} to "
        f"{_btc(story['moved_high_sat'])}) of {_btc(story['gross_sat'])}"
    )
    yield f"from {_names(story['from_entities'])} to {_names(story['to_entities'])}"
    yield _joined(
        f"first seen {story['detected_at']} by {story['first_seen_by']};",
        f"{_or_unknown(story['fee_rate'])} sat/vB,",
        f"with its package {_or_unknown(story['effective_fee_rate'])}",
    )
    if story["flags"]:
        yield "flags " + ", ".join(story["flags"])


def _link(link: Body) -> str:
    shown = f"{link['since']}, {_or_unknown(link['fee_rate'])} sat/vB" if link["since"] else "never told"
    replaced = f", replaced by {link['replaced_by']}" if link["replaced_by"] else ""
    return f"{link['txid']}  {shown}{replaced}"


def _forecast(forecast: Body, story: Body) -> str:
    first = story["first_forecast"]
    is_first = first is not None and first["made_at"] == forecast["made_at"]
    chances = ", ".join(
        f"{blocks}: {chance:.0%}" for blocks, chance in forecast["confirmation_probability"].items()
    )
    return (
        f"{forecast['made_at']}  at {forecast['predicted_at_height']} by block "
        f"{_or_unknown(forecast['predicted_block'], 'over 144 on')}, {forecast['urgency']} ({chances}) "
        f"from {forecast['inputs']}{'  <- scored' if is_first else ''}"
    )


def _event(event: Body) -> str:
    reported = event["data"]
    return _joined(
        f"{event['timestamp']}  #{event['sequence']} {event['type']}:",
        f"{reported.get('status')}, {reported.get('flow_type')}, {_btc(reported.get('moved_sat'))} BTC,",
        f"by block {_or_unknown(reported.get('predicted_block'))}",
        reported.get("reason") and f"({reported['reason']})",
    )


def _outcome(outcome: Body | None) -> Iterator[str]:
    if outcome is None:
        return
    yield _joined(
        _or_unknown(outcome["result"], "nothing had been forecast"),
        outcome["excused"] and "(excused: known too shortly before its block)",
    )
    yield (
        f"scored: the forecast of {_or_unknown(outcome['scored_forecast_at'], 'none')}, by block "
        f"{_or_unknown(outcome['predicted_block'])}; confirmed in "
        f"{_or_unknown(outcome['confirmed_height'], 'none')}"
    )
    flow = {True: "held", False: "changed", None: "not judged yet"}[outcome["flow_right"]]
    yield f"lead time {_or_unknown(outcome['lead_time_s'])} s; flow {flow}"


def _observed(line: Body) -> str:
    times = f" ({line['times']} times, last {line['last_at']})" if line["times"] > 1 else ""
    return _joined(
        f"{line['at']}  {line['observed']}{times}",
        line["source"] and f"[{line['source']}]",
        f"-> {line['status']}: {', '.join(line['concluded'])}",
        line["asked"] and f"; asks for {', '.join(line['asked'])}",
    )


def _btc(amount: int | None) -> str:
    return "unknown" if amount is None else f"{amount / SATS_PER_BTC:.8f}"


def _names(parties: list[Body]) -> str:
    return ", ".join(f"{one['name']} ({one['kind']}, {one['basis']})" for one in parties) or "unknown"


def _or_unknown(value: object, words: str = "unknown") -> str:
    return words if value is None else str(value)


def _joined(*parts: str | bool | list[str] | None) -> str:
    return " ".join(part for part in parts if isinstance(part, str) and part)

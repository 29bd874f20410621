"""How right Spout was, in words and rows: what the Accuracy page says of a window. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.core.classification import Flow
from app.core.scoring import ENOUGH, AccuracyCause, CalibrationBin, Figures
from app.views import LEAD_TIME_EDGES, Miss, MissKind, PeriodFigures
from dashboard.format import FLOW_MARKS, FLOW_WORDS, amount, count, duration

URGENCY_WORDS = {"high": "High", "medium": "Medium", "low": "Low", "none": "No forecast"}
_SHORT_FLOWS = FLOW_WORDS | {Flow.INTER_EXCHANGE: "Between exchanges"}
SOURCE_WORDS = {
    "mempool_ws": "Mempool feed",
    "mempool_rest": "Mempool REST",
    "bitcoind": "bitcoind",
    "electrs": "electrs",
    "block": "its block",
}
_BECAUSE_WORDS = {
    AccuracyCause.FEE_SPIKE: "fees spiked while it waited",
    AccuracyCause.EMPTY_BLOCKS: "an empty block came in between",
    AccuracyCause.SOURCE_DEGRADED: "not all of the mempool was seen meanwhile",
}
NO_CAUSE = "no cause stands out"
Rows = list[list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyWindow:
    """`words` as in "came due in the last 7 days"; `days` as the API's; the chart looks `chart_days` back."""

    days: int
    name: str
    words: str
    chart_days: int
    weekly: bool = False


WINDOWS = {
    "24h": AccuracyWindow(days=1, name="24 h", words="in the last 24 hours", chart_days=7),
    "7d": AccuracyWindow(days=7, name="7 d", words="in the last 7 days", chart_days=7),
    "30d": AccuracyWindow(days=30, name="30 d", words="in the last 30 days", chart_days=30),
    "90d": AccuracyWindow(days=90, name="90 d", words="in the last 90 days", chart_days=90, weekly=True),
}


def percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share * 100:.0f} %"


def sentence(figures: Figures, window: AccuracyWindow, *, demo: bool = False) -> str:
    """The page's first sentence: a rate from 20 on, else how many there were; of the demo none is counted."""
    if figures.n == 0 and demo:
        return "The demo is not scored. With your node every forecast is counted here, right or wrong."
    if figures.n == 0:
        return f"No forecast came due {window.words}."
    held = f"Of {count(figures.n, 'forecast')} that came due {window.words} {figures.on_time:,} held"
    if figures.hit_rate is None:
        return f"{held}. That is too few for a rate: one is stated from {ENOUGH} on."
    low, high = figures.hit_rate_low or 0, figures.hit_rate_high or 1
    return f"{held}: {percent(figures.hit_rate)} ({low * 100:.0f}-{high * 100:.0f})."


def beside(figures: Figures) -> str:
    """The naive forecast on the same transactions."""
    if figures.n == 0:
        return ""
    if figures.baseline_hit_rate is None:
        known = count(figures.baseline_n, "of them", "of them")
        return (
            f"For the naive forecast, position + 1, the position was known for {known}: too few to compare."
        )
    of_all = (
        "" if figures.baseline_n == figures.n else f", of the {figures.baseline_n:,} whose position was known"
    )
    return f"Position + 1, the naive forecast, would have held {percent(figures.baseline_hit_rate)}{of_all}."


def strip(figures: Figures) -> list[dict[str, str]]:
    """The figures beside the sentence; each is the API's, rounded."""
    lead = figures.lead_times
    return [
        _figure("Held", _rate(figures.hit_rate, figures.n), _interval(figures)),
        _figure("Position + 1", _rate(figures.baseline_hit_rate, figures.baseline_n), "the naive forecast"),
        _figure("Skill", _skill(figures.skill_to_baseline), "against position + 1; at best 1"),
        _figure(
            "Known before",
            "unknown" if lead.p50 is None else duration(lead.p50),
            "half of the whales, at least so long before their block",
        ),
        _figure(
            "Wrong alarms",
            _counted(figures.false_positives, figures.false_positive_rate),
            "dropped, or another flow",
        ),
        _figure(
            "Never announced",
            _counted(figures.false_negatives, figures.false_negative_rate),
            "of the whales in blocks",
        ),
        _figure("Replaced", f"{figures.replaced:,}", "by their owners, in time: in no rate"),
        _figure("Not due yet", f"{figures.censored:,}", "their block has not come: in no rate"),
    ]


def rate_rows(periods: Sequence[PeriodFigures]) -> Rows:
    """Newest first: from, n, held, hit rate, interval, position + 1."""
    return [
        [
            f"{one.start:%Y-%m-%d}",
            f"{one.figures.n:,}",
            f"{one.figures.on_time:,}",
            _rate(one.figures.hit_rate, one.figures.n),
            _interval(one.figures),
            _rate(one.figures.baseline_hit_rate, one.figures.baseline_n),
        ]
        for one in reversed(periods)
    ]


def rate_words(periods: Sequence[PeriodFigures], *, weekly: bool, line: float) -> str:
    unit = "week" if weekly else "day"
    few = sum(0 < one.figures.n < ENOUGH for one in periods)
    words = f"By {unit} (UTC), with the 95 % interval; thin: position + 1. "
    words += f"Dashed: {percent(line)}, under which Spout says that accuracy has fallen. "
    return words + (
        f"{count(few, unit).capitalize()} with fewer than {ENOUGH}: in the table, without a rate."
        if few
        else ""
    )


def calibration_rows(bins: Sequence[CalibrationBin]) -> Rows:
    return [
        [
            f"{one.low * 100:.0f}-{one.high * 100:.0f} %",
            f"{one.n:,}",
            "" if one.stated is None else f"{one.stated * 100:.1f} %",
            _rate(one.seen if one.n >= ENOUGH else None, one.n) if one.n else "",
        ]
        for one in bins
    ]


def calibration_words(bins: Sequence[CalibrationBin], horizon: str) -> str:
    """Of the bin with the most: what was said, what came."""
    within = "in the next block" if horizon == "1" else f"within {horizon} blocks"
    full = max(bins, key=lambda one: one.n, default=None)
    if full is None or full.n < ENOUGH or full.stated is None:
        return f"No tenth of the stated chances {within} has {ENOUGH} forecasts yet: counts are in the table."
    return (
        f"Most often it said {percent(full.stated)} {within}, and {percent(full.seen)} of those "
        f"{full.n:,} came true. On the line, what is said is what comes; below it, Spout promised too much."
    )


def lead_rows(counts: Sequence[int]) -> Rows:
    return [[name, f"{n:,}"] for name, n in zip(lead_names(), counts, strict=True)]


def lead_names() -> list[str]:
    names = [f"{_short(low)}-{_short(high)}" for low, high in pairwise(LEAD_TIME_EDGES)]
    return [*names, f"over {_short(LEAD_TIME_EDGES[-1])}"]


def lead_words(figures: Figures, counts: Sequence[int]) -> str:
    lead, n = figures.lead_times, sum(counts)
    if n < ENOUGH or lead.p10 is None or lead.p50 is None or lead.p90 is None:
        return f"{count(n, 'whale')} known before confirmation: too few to say what is usual.".capitalize()
    return (
        f"Half of {n:,} whales were known {duration(lead.p50)} or more before their block; "
        f"one in ten less than {duration(lead.p10)}, one in ten over {duration(lead.p90)}."
    )


def group_name(kind: str, name: str) -> str:
    if kind == "flow":
        return f"{FLOW_MARKS[Flow(name)]} {_SHORT_FLOWS[Flow(name)]}"
    return URGENCY_WORDS.get(name, name) if kind == "urgency" else SOURCE_WORDS.get(name, name)


def group_rows(kind: str, groups: Mapping[str, Figures]) -> Rows:
    return [
        [
            group_name(kind, name),
            f"{one.n:,}",
            f"{one.on_time:,}",
            _rate(one.hit_rate, one.n),
            _interval(one),
            _rate(one.baseline_hit_rate, one.baseline_n),
        ]
        for name, one in groups.items()
    ]


def group_words(groups: Mapping[str, Figures]) -> str:
    few = [one for one in groups.values() if one.n < ENOUGH]
    if not groups:
        return "Nothing came due yet."
    words = "Bar: the 95 % interval."
    return f"{words} {count(len(few), 'row')} with fewer than {ENOUGH}: no rate." if few else words


def ordered(kind: str, groups: Mapping[str, Figures]) -> dict[str, Figures]:
    """The groups in the page's order, without those of which nothing came due."""
    order = [flow.value for flow in Flow] if kind == "flow" else list(URGENCY_WORDS)
    names = [*[name for name in order if name in groups], *[name for name in groups if name not in order]]
    return {name: groups[name] for name in names if groups[name].n}


def miss_row(miss: Miss) -> list[str | None]:
    """Whale, when (ISO), flow announced, what was missed, why."""
    moved = None if miss.whale is None else f"{amount(miss.whale.classification.moved)} BTC"
    return [
        moved,
        miss.at.isoformat(),
        f"{FLOW_MARKS[miss.flow]} {FLOW_WORDS[miss.flow]}",
        _missed(miss),
        _why(miss),
    ]


def _missed(miss: Miss) -> str:
    match miss.kind:
        case MissKind.DROPPED:
            return "dropped"
        case MissKind.FLOW_CHANGED:
            now = "unknown" if miss.whale is None else FLOW_WORDS[miss.whale.classification.flow]
            return f"confirmed as {now.lower()}"
        case MissKind.NEVER_ANNOUNCED:
            return "never announced"
        case MissKind.LATE:
            return _late(miss)


def _late(miss: Miss) -> str:
    due = f"due by block {miss.due_height:,}" if miss.due_height else "due"
    if miss.confirmed_height is not None and miss.due_height is not None:
        return f"{count(miss.confirmed_height - miss.due_height, 'block')} late: {due}"
    return f"late: {due}, replaced only afterwards" if miss.replaced else f"late: {due}, still waiting"


def _why(miss: Miss) -> str:
    if miss.kind is MissKind.LATE:
        return ", ".join(_BECAUSE_WORDS[one] for one in miss.because if one in _BECAUSE_WORDS) or NO_CAUSE
    if miss.kind is MissKind.NEVER_ANNOUNCED:
        in_block = miss.whale is not None and miss.whale.first_seen_in_block
        return "first seen in its block" if in_block else "announced only after its block"
    if miss.kind is MissKind.DROPPED:
        return (miss.whale.reason if miss.whale else None) or "nobody can say why"
    return "its parties were known otherwise when it confirmed"


def _figure(label: str, value: str, note: str) -> dict[str, str]:
    return {"label": label, "value": value, "note": note, "tone": ""}


def _rate(share: float | None, n: int) -> str:
    return f"n {n:,}" if share is None else percent(share)


def _interval(figures: Figures) -> str:
    if figures.hit_rate_low is None or figures.hit_rate_high is None:
        return f"a rate from {ENOUGH} on"
    return f"{figures.hit_rate_low * 100:.0f}-{figures.hit_rate_high * 100:.0f} %"


def _counted(n: int, share: float | None) -> str:
    return f"{n:,}" if share is None else f"{n:,} · {percent(share)}"


def _skill(skill: float | None) -> str:
    return "unknown" if skill is None else f"{skill:.2f}"


def _short(seconds: int) -> str:
    return duration(seconds) if seconds else "0"


def no_rate_yet(*, weekly: bool) -> str:
    return f"no {'week' if weekly else 'day'} with {ENOUGH} forecasts yet"

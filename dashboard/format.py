"""The words and numbers of the pages, in one place: what a state is called, how an amount is written."""

from collections.abc import Sequence
from datetime import datetime

from app.api.models import Entity, ForecastFigures
from app.core.alerts import one_line
from app.core.classification import Flag, Flow, MovedIs
from app.core.prediction import HORIZONS, Prediction
from app.core.units import SATS_PER_BTC, counted
from app.views import Level

FLOW_WORDS = {
    Flow.INFLOW: "To exchange",
    Flow.OUTFLOW: "From exchange",
    Flow.INTER_EXCHANGE: "Exchange to exchange",
    Flow.INTERNAL: "Internal",
    Flow.UNKNOWN: "Unknown",
}
FLOW_MARKS = {
    Flow.INFLOW: "▼",
    Flow.OUTFLOW: "▲",
    Flow.INTER_EXCHANGE: "⇄",
    Flow.INTERNAL: "↻",
    Flow.UNKNOWN: "•",
}
LEVEL_WORDS = {
    Level.LIVE: "Live",
    Level.POLLING: "Degraded",
    Level.BLOCKS_ONLY: "Blocks only",
    Level.BLIND: "Not connected",
}
MOVED_WORDS = {
    MovedIs.CERTAIN: "Every output is attributed, by script or by label.",
    MovedIs.LIKELY: "Likely: one output looks like change, and nothing contradicts it.",
    MovedIs.UP_TO: "Up to: what is change and what is payment cannot be told apart.",
}
FLAG_WORDS = {
    Flag.CONSOLIDATION: ("consolidation", "Many coins gathered into few."),
    Flag.BATCH: ("batch", "One transaction that pays many."),
    Flag.COINJOIN: ("coinjoin", "Several owners mixed their coins: who pays whom cannot be told."),
    Flag.SWEEP: ("sweep", "Everything of one wallet moved at once."),
    Flag.PEEL: ("peel", "A small payment peeled off a large coin."),
    Flag.CPFP: ("CPFP", "A child or a parent in the mempool changes what its package pays."),
    Flag.FEE_SPIKE: ("fee spike", "Pays far more than the next block asks."),
    Flag.CONFLICT: ("conflict", "Another transaction spends the same coins: only one can confirm."),
    Flag.LATE_SEEN: ("late seen", "It was already waiting when Spout first could know of it."),
}


def amount(sats: int) -> str:
    """BTC for a sentence: no decimals from 1,000 on, at most one from 10 on, else two."""
    coins = sats / SATS_PER_BTC
    size = abs(coins)
    if size >= 1_000:
        return f"{coins:,.0f}"
    text = f"{coins:,.1f}" if size >= 10 else f"{coins:,.2f}"
    return text.rstrip("0").rstrip(".")


def feerate(rate: float) -> str:
    """Two meaningful places, and never more than one decimal above 10 sat/vB."""
    if rate >= 100:
        return f"{rate:,.0f}"
    text = f"{rate:.1f}" if rate >= 10 else f"{rate:.2f}"
    return text.rstrip("0").rstrip(".")


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 whale`, `3 whales`, `no whale`."""
    if number == 0:
        return f"no {one}"
    return counted(number, one, many or "")


def duration(seconds: float) -> str:
    """`48 s`, `9 min`, `1 h 40`, `3 days`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d}" if minutes else f"{hours} h"
    return f"{hours // 24} days"


def plain_name(name: str) -> str:
    """Return a name as every medium shows it: on one line, without control characters and bidi marks."""
    return one_line(name)


def parties(named: Sequence[Entity]) -> str | None:
    """`Kraken`, `Kraken, OKX`, `Kraken and 3 more`; None if nobody is labelled."""
    names = list(dict.fromkeys(plain_name(party.name) for party in named))
    if not names:
        return None
    return ", ".join(names) if len(names) <= 2 else f"{names[0]} and {len(names) - 1} more"


def probability_by(forecast: ForecastFigures) -> tuple[int, float] | None:
    """Return (blocks, probability) that the page may state for the predicted block.

    The forecast states probabilities for HORIZONS only. Where the predicted block lies between
    two of them none is read off: None. Beyond 144 blocks it is the one for 144.
    """
    chances = forecast.confirmation_probability
    if chances is None or forecast.predicted_at_height is None:
        return None
    if forecast.predicted_block is None:
        return HORIZONS[-1], chances[str(HORIZONS[-1])]
    ahead = forecast.predicted_block - forecast.predicted_at_height
    return None if ahead not in HORIZONS else (ahead, chances[str(ahead)])


def flags_of(prediction: Prediction) -> list[list[str]]:
    """Short marks with their meaning: `[["CPFP", "A child or a parent ..."], ...]`."""
    marks: list[list[str]] = []
    if prediction.replaces:
        times = len(prediction.replaces)
        marks.append(
            [f"bumped {times}\u00d7", f"Replaced {count(times, 'time')} before; the same whale all along."]
        )
    if prediction.reorged:
        marks.append(["reorged", "Its block was undone by a reorganisation; it waits again."])
    if prediction.left_unverified:
        marks.append(["unverified", "It left the mempool, and no source can say yet where to."])
    marks += [list(FLAG_WORDS[flag]) for flag in Flag if flag in prediction.all_flags]
    return marks


def millis(moment: datetime | None) -> int | None:
    """Milliseconds since 1970, as a browser counts."""
    return None if moment is None else round(moment.timestamp() * 1000)

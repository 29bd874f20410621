"""The figures worked out slowly, from the words of docs/accuracy.md; shares nothing with app.core.scoring.

It reads a list of lives: what was forecast, when, and what then happened to each transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor, sqrt


@dataclass
class Version:
    """One transaction of a life. Heights count blocks from 0; `p`: chance by number of blocks."""

    seen_height: int
    """The tip when it was first seen, that block came `offset` seconds before."""
    offset: int = 0
    forecast_at: int | None = None
    """Height; None: never forecast."""
    late_forecast: bool = False
    """Made over a minute after it was first seen."""
    predicted: int | None = None
    """Height."""
    p: dict[int, float] = field(default_factory=dict)
    projected: int | None = None
    flow: str = "unknown"
    urgency: str = "low"
    replaced_height: int | None = None
    """The tip when the next version, or a whale of another id, took its place."""


@dataclass
class Life:
    versions: list[Version]
    first_seen_by: str = "mempool_ws"
    end: str = "waiting"
    """waiting, confirmed, dropped, replaced."""
    confirmed_height: int | None = None
    lead: float | None = None
    final_flow: str = "unknown"
    in_block: bool = False
    """First seen in its block."""
    after_block: bool = False
    """First seen before, announced after its block came."""
    reorged: bool = False
    """It was in a block that is no more."""
    unverified: bool = False
    demo: bool = False


def results(lives: Sequence[Life], tip: int) -> list[tuple[Life, Version, str]]:
    """Every scored forecast with its result."""
    found = []
    for life in lives:
        if life.demo or life.unverified:
            continue
        for place, version in enumerate(life.versions):
            if version.forecast_at is None or version.late_forecast:
                continue
            is_last = place == len(life.versions) - 1
            due = version.predicted if version.predicted is not None else version.forecast_at + 144
            if not is_last or life.end == "replaced":
                gone = version.replaced_height
                result = "late" if gone is not None and gone >= due else "replaced"
            elif life.end == "confirmed":
                result = "on_time" if life.confirmed_height <= due else "late"
            elif life.end == "dropped":
                result = "dropped"
            else:
                result = "late" if tip >= due else "censored"
            found.append((life, version, result))
    return found


def seen_within(life: Life, version: Version, n: int, tip: int) -> bool | None:
    """Whether it confirmed within n blocks of its forecast; None where nobody can say."""
    is_last = version is life.versions[-1]
    if is_last and life.end == "confirmed":
        return max(1, life.confirmed_height - version.forecast_at) <= n
    if is_last and life.end == "dropped":
        return False
    until = version.replaced_height if not is_last or life.end == "replaced" else tip
    return False if until - version.forecast_at >= n else None


def figures(lives: Sequence[Life], tip: int) -> dict:
    rows = results(lives, tip)
    count = dict.fromkeys(("on_time", "late", "dropped", "replaced", "censored"), 0)
    for _, _, result in rows:
        count[result] += 1
    n = count["on_time"] + count["late"] + count["dropped"]
    answer = dict(count)
    answer["n"] = n
    answer["hit_rate"] = count["on_time"] / n if n >= 20 else None
    answer["interval"] = interval(count["on_time"], n) if n >= 20 else (None, None)
    base = []
    for life, version, result in rows:
        if result in ("on_time", "late", "dropped") and version.projected is not None:
            base.append(seen_within(life, version, version.projected, tip))
    base = [one for one in base if one is not None]
    answer["baseline_n"] = len(base)
    answer["baseline_hit_rate"] = sum(base) / len(base) if len(base) >= 20 else None
    ours_all, base_rate_all, ours_both, theirs_both, fewest, fewest_both = 0.0, 0.0, 0.0, 0.0, 10**9, 10**9
    answer["brier"], answer["baseline_brier"] = {}, {}
    for horizon in (1, 3, 6, 12):
        pairs = [
            (version, 1.0 if hit else 0.0)
            for life, version, _ in rows
            if (hit := seen_within(life, version, horizon, tip)) is not None
        ]
        squares = [(version.p[horizon] - y) ** 2 for version, y in pairs]
        both = [(version, y) for version, y in pairs if version.projected is not None]
        naive = [((1.0 if version.projected <= horizon else 0.0) - y) ** 2 for version, y in both]
        answer["brier"][str(horizon)] = sum(squares) / len(squares) if len(squares) >= 20 else None
        answer["baseline_brier"][str(horizon)] = sum(naive) / len(naive) if len(naive) >= 20 else None
        ours_all += sum(squares)
        if pairs:
            mean = sum(y for _, y in pairs) / len(pairs)
            base_rate_all += sum((mean - y) ** 2 for _, y in pairs)
        ours_both += sum((version.p[horizon] - y) ** 2 for version, y in both)
        theirs_both += sum(naive)
        fewest, fewest_both = min(fewest, len(pairs)), min(fewest_both, len(both))
    answer["skill_to_baseline"] = 1 - ours_both / theirs_both if fewest_both >= 20 and theirs_both else None
    answer["skill_to_base_rate"] = (
        1 - ours_all / base_rate_all if fewest >= 20 and base_rate_all > 1e-9 else None
    )
    answer["replaced_share"] = (
        count["replaced"] / (n + count["replaced"]) if n + count["replaced"] >= 20 else None
    )
    answer |= whale_figures(lives)
    answer["calibration"] = calibration(rows, tip)
    return answer


def whale_figures(lives: Sequence[Life]) -> dict:
    ended = [life for life in lives if not life.demo and life.end in ("confirmed", "dropped")]
    confirmed = [life for life in ended if life.end == "confirmed"]
    seen = [life for life in confirmed if not life.in_block]
    unannounced = [life for life in confirmed if life.in_block or life.after_block]
    announced = [life for life in ended if not any(life is other for other in unannounced)]
    excused = [life for life in seen if life.lead < 180]
    missed = [life for life in unannounced if not any(life is other for other in excused)]
    wrong = [life for life in announced if life.end == "dropped" or life.final_flow != life.versions[-1].flow]
    leads = sorted(life.lead for life in seen)
    return {
        "excused": len(excused),
        "flow_judged": len(seen),
        "flow_right": sum(life.final_flow == life.versions[-1].flow for life in seen),
        "false_positives": len(wrong),
        "false_positive_rate": len(wrong) / len(announced) if len(announced) >= 20 else None,
        "false_negatives": len(missed),
        "false_negative_rate": len(missed) / len(confirmed) if len(confirmed) >= 20 else None,
        "leads": tuple(quantile(leads, share) for share in (0.1, 0.5, 0.9)),
    }


def calibration(rows: list, tip: int) -> dict:
    """Per horizon, ten bins of (n, mean stated, mean seen)."""
    table = {}
    for horizon in (1, 2, 3, 6, 12, 24, 144):
        bins = [[] for _ in range(10)]
        for life, version, _ in rows:
            hit = seen_within(life, version, horizon, tip)
            if hit is not None:
                p = version.p[horizon]
                bins[9 if p == 1 else floor(p * 10)].append((p, float(hit)))
        table[str(horizon)] = [
            (len(one), sum(p for p, _ in one) / len(one), sum(y for _, y in one) / len(one))
            if one
            else (0, None, None)
            for one in bins
        ]
    return table


def quantile(ordered: list, share: float) -> float | None:
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    low = floor(place)
    high = low + 1 if low + 1 < len(ordered) else low
    return ordered[low] * (1 - (place - low)) + ordered[high] * (place - low)


def interval(hits: int, n: int) -> tuple[float, float]:
    """Wilson's, found as the two shares for which `hits` lies just 1.96 standard errors away."""
    z, share = 1.959963984540054, hits / n

    def edge(low: float, high: float, *, inside: bool) -> float:
        for _ in range(200):
            middle = (low + high) / 2
            near = abs(share - middle) <= z * sqrt(middle * (1 - middle) / n)
            if near == inside:
                low = middle
            else:
                high = middle
        return (low + high) / 2

    return edge(0.0, share, inside=False), edge(share, 1.0, inside=True)

"""Ours and the baselines on the same transactions, held against the bars of docs/accuracy.md."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.forecasting.feerates import Floats
from app.core.forecasting.model import ForecastModel
from tests.bench import scoring
from tests.bench.baselines import (
    Frequencies,
    learn_frequencies,
    percentile_rule,
    position_class,
    position_rule,
)
from tests.bench.reference import Cases, in_pieces
from tests.bench.rows import BenchRow, at_least, at_most, shown, within
from tests.bench.scoring import Flags, Outcomes, Stated

REGIMES: Final = ("quiet", "steady", "congested", "spike", "draining", "sub1")
FORECASTERS: Final = ("ours", "b1", "b2", "b2c", "climatology")
SCORED_AT: Final = (1, 3, 6, 12)

_TO_B2C: Final = {1: 0.84, 3: 0.92, 6: 0.96, 12: 0.97}
_TO_B2C_POOLED: Final = {1: 0.82, 3: 0.90, 6: 0.93, 12: 0.94}
_TO_B2C_AIM: Final = {1: 0.80, 3: 0.87, 6: 0.90, 12: 0.90}
_TO_STEPS: Final = {1: 0.70, 3: 0.65, 6: 0.62, 12: 0.62}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contest:
    """All that was stated about one set of rows."""

    stated: dict[str, Stated]
    outcomes: Outcomes
    rank_by: Floats

    def of(self, chosen: Flags) -> "Contest":
        return Contest(
            stated={name: one.of(chosen) for name, one in self.stated.items()},
            outcomes=self.outcomes.of(chosen),
            rank_by=self.rank_by[chosen],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learned:
    """The baselines that learn, from past outcomes of all regimes together."""

    by_position: Frequencies
    climatology: Frequencies


def scored_rows(
    prefix: str, cases: Cases, past: Flags, model: ForecastModel, *, absolute: bool
) -> Iterator[BenchRow]:
    """Yield figures of the rows that are not `past`, per regime (median over seeds) and pooled."""
    held = contest(cases, in_pieces(model, cases.standings), learn(cases, past))
    seeds = sorted(set(cases.seed[~past].tolist()))
    yield shown(f"{prefix}.forecasts", int((~past).sum()), "whales")
    for regime in REGIMES:
        parts = [figures(held.of(~past & (cases.regime == regime) & (cases.seed == seed))) for seed in seeds]
        found = medians(parts)
        yield from regime_rows(prefix, regime, found, absolute=absolute)
    found = figures(held.of(~past))
    yield from pooled_rows(prefix, found, absolute=absolute)


def learn(cases: Cases, rows: Flags) -> Learned:
    past = cases.outcomes.of(rows)
    classes = position_class(cases.index[rows])
    return Learned(
        by_position=learn_frequencies(classes, past),
        climatology=learn_frequencies(np.zeros_like(classes), past, number=1),
    )


def contest(cases: Cases, ours: Floats, learned: Learned) -> Contest:
    return Contest(
        stated={
            "ours": Stated.from_chances(ours),
            "b1": percentile_rule(cases.feerates, cases.tiers),
            "b2": position_rule(cases.index),
            "b2c": learned.by_position.stated(position_class(cases.index)),
            "climatology": learned.climatology.stated(np.zeros_like(cases.index)),
        },
        outcomes=cases.outcomes,
        rank_by=cases.feerates / cases.tiers[:, 0],
    )


def figures(held: Contest) -> dict[str, float]:
    """Return every figure of one set of rows, by name; `<forecaster>.<metric>`."""
    found: dict[str, float] = {}
    for name, stated in held.stated.items():
        for n in SCORED_AT:
            found[f"{name}.brier{n}"] = scoring.brier(stated, held.outcomes, n)
            found[f"{name}.ece{n}"] = scoring.calibration_error(stated, held.outcomes, n)
        found[f"{name}.rps"] = scoring.rps(stated, held.outcomes)
        found[f"{name}.pinball"] = scoring.pinball(stated, held.outcomes)
        found[f"{name}.winkler"] = scoring.winkler(stated, held.outcomes)
        found[f"{name}.sharpness"] = scoring.sharpness(stated)
        kept, said = scoring.on_time(stated, held.outcomes)
        found[f"{name}.on_time"], found[f"{name}.stated"] = kept, said
        precision, recall, accuracy = scoring.next_block(stated, held.outcomes)
        found[f"{name}.precision"], found[f"{name}.recall"] = precision, recall
        found[f"{name}.accuracy"] = accuracy
    ours = held.stated["ours"]
    found["ours.miss12"], found["ours.miss12_share"] = scoring.miss_of_twelve(ours, held.outcomes)
    found["ours.pit"], found["ours.pit_low"], found["ours.pit_high"] = scoring.pit_shares(ours, held.outcomes)
    top = scoring.top_tenth(ours, held.outcomes, held.rank_by)
    found["ours.top_on_time"], found["ours.top_plus_one"], found["ours.top_surely"] = top
    found["replaced_share"] = float(100 * (held.outcomes.fate == scoring.REPLACED).mean())
    for metric in (*(f"brier{n}" for n in SCORED_AT), "rps", "pinball", "winkler", "sharpness"):
        found[f"ratio.{metric}.b2c"] = _ratio(found[f"ours.{metric}"], found[f"b2c.{metric}"])
        best = min(found[f"b1.{metric}"], found[f"b2.{metric}"])
        found[f"ratio.{metric}.steps"] = _ratio(found[f"ours.{metric}"], best)
        found[f"over.{metric}.steps"] = found[f"ours.{metric}"] - best
    found["over.accuracy.b2"] = found["ours.accuracy"] - found["b2.accuracy"]
    return found


def medians(parts: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure over the seeds."""
    return {name: float(np.nanmedian([part[name] for part in parts])) for name in parts[0]}


def regime_rows(prefix: str, regime: str, found: dict[str, float], *, absolute: bool) -> Iterator[BenchRow]:
    """Yield one regime's figures; without `absolute`, bars that hang on the simulator are left out."""
    name = f"{prefix}.{regime}"
    yield from _shown(name, found)
    for n, limit in _TO_B2C.items():
        yield at_most(f"{name}.brier{n}.to_b2c", found[f"ratio.brier{n}.b2c"], limit, "ratio")
    for n, limit in _TO_STEPS.items():
        if regime == "quiet" and n >= 6:
            over = found[f"over.brier{n}.steps"]
            yield at_most(f"{name}.brier{n}.over_best_step", over, 0.002, "")
        else:
            bar = 0.80 if regime == "quiet" and n == 3 else limit
            yield at_most(f"{name}.brier{n}.to_best_step", found[f"ratio.brier{n}.steps"], bar, "ratio")
    yield from _shared_bars(name, found, ece_limit=3.0)
    if absolute:
        yield from _absolute_bars(name, regime, found)


def pooled_rows(prefix: str, found: dict[str, float], *, absolute: bool) -> Iterator[BenchRow]:
    name = f"{prefix}.pooled"
    yield from _shown(name, found)
    for n, limit in _TO_B2C_POOLED.items():
        yield at_most(f"{name}.brier{n}.to_b2c", found[f"ratio.brier{n}.b2c"], limit, "ratio")
    for n, limit in _TO_B2C_AIM.items():
        reached = "reached" if found[f"ratio.brier{n}.b2c"] <= limit else "not reached"
        yield shown(f"{name}.brier{n}.aim_{limit:.2f}", reached, "")
    yield from _shared_bars(name, found, ece_limit=1.5)
    if absolute:
        yield at_least(f"{name}.accuracy.over_b2", found["over.accuracy.b2"], 3.0, "points")
        yield at_most(f"{name}.miss12", found["ours.miss12"], 1.6, "%")


def _shared_bars(name: str, found: dict[str, float], *, ece_limit: float) -> Iterator[BenchRow]:
    for n in SCORED_AT:
        yield at_most(f"{name}.ece{n}", found[f"ours.ece{n}"], ece_limit, "%")
    yield at_least(f"{name}.next_block.precision", found["ours.precision"], 86.0, "%")
    yield at_most(f"{name}.rps.to_b2c", found["ratio.rps.b2c"], 0.90, "ratio")
    yield at_most(f"{name}.pinball.to_b2c", found["ratio.pinball.b2c"], 0.90, "ratio")
    yield at_most(f"{name}.pinball.to_best_step", found["ratio.pinball.steps"], 0.75, "ratio")
    yield at_most(f"{name}.winkler.to_b2c", found["ratio.winkler.b2c"], 0.93, "ratio")
    yield at_most(f"{name}.sharpness.to_b2c", found["ratio.sharpness.b2c"], 1.10, "ratio")


def _absolute_bars(name: str, regime: str, found: dict[str, float]) -> Iterator[BenchRow]:
    sub_one = regime == "sub1"
    recall = 33.0 if sub_one else 48.0
    yield at_least(f"{name}.next_block.recall", found["ours.recall"], recall, "%")
    over = 1.0 if regime == "quiet" else 2.5
    yield at_least(f"{name}.accuracy.over_b2", found["over.accuracy.b2"], over, "points")
    yield at_least(f"{name}.top.on_time", found["ours.top_on_time"], 85.0 if sub_one else 88.0, "%")
    yield at_least(f"{name}.top.plus_one", found["ours.top_plus_one"], 96.0 if sub_one else 97.0, "%")
    yield at_least(f"{name}.top.surely", found["ours.top_surely"], 97.5, "%")
    yield at_most(f"{name}.miss12", found["ours.miss12"], 2.8, "%")
    yield at_least(f"{name}.miss12.share", found["ours.miss12_share"], 60.0, "%")
    gap = abs(found["ours.on_time"] - found["ours.stated"])
    yield at_most(f"{name}.on_time.off_stated", gap, 3.0, "points")
    yield at_least(f"{name}.on_time", found["ours.on_time"], 82.0, "%")
    yield within(f"{name}.pit.inside", found["ours.pit"], 77.0, 83.0, "%")
    yield within(f"{name}.pit.low_tail", found["ours.pit_low"], 7.0, 13.0, "%")
    yield within(f"{name}.pit.high_tail", found["ours.pit_high"], 7.0, 13.0, "%")


def _shown(name: str, found: dict[str, float]) -> Iterator[BenchRow]:
    for forecaster in FORECASTERS:
        for n in SCORED_AT:
            yield shown(f"{name}.{forecaster}.brier{n}", found[f"{forecaster}.brier{n}"], "")
        for metric, unit in (("rps", ""), ("pinball", "log2"), ("winkler", "log2"), ("on_time", "%")):
            yield shown(f"{name}.{forecaster}.{metric}", found[f"{forecaster}.{metric}"], unit)
        yield shown(f"{name}.{forecaster}.accuracy", found[f"{forecaster}.accuracy"], "%")
    for metric, unit in (
        ("stated", "%"),
        ("recall", "%"),
        ("pit", "%"),
        ("miss12", "%"),
        ("miss12_share", "%"),
        ("sharpness", "blocks"),
    ):
        yield shown(f"{name}.ours.{metric}", found[f"ours.{metric}"], unit)
    yield shown(f"{name}.replaced_share", found["replaced_share"], "%")


def _ratio(ours: float, theirs: float) -> float:
    return ours / theirs if theirs > 0 else float("inf")

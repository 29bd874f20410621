"""Random lives, and the predictions they leave behind when they are lived through the tracker's own steps."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from app.core.classification import Classification, Flow, MovedIs
from app.core.models import Block, SourceName, Transaction
from app.core.prediction import HORIZONS, Forecast, Prediction, Urgency
from app.core.tracking import lifecycle
from app.core.units import BlockHash, Height, SatPerVb, Sats, Txid, VBytes
from tests.core.scoring.naive import Life, Version

START = datetime(2026, 3, 1, tzinfo=UTC)
BLOCK = timedelta(seconds=600)
TIP = 200
FLOWS = ("inflow", "outflow", "unknown")


def moment(height: int) -> datetime:
    """When the block of that height came."""
    return START + BLOCK * height


def a_block(height: int) -> Block:
    return Block(hash=BlockHash(f"{height:064x}"), height=Height(height))


@st.composite
def lives(draw: st.DrawFn) -> Life:
    if draw(st.integers(0, 9)) == 0:
        return _of_a_block(draw)
    height = draw(st.integers(0, TIP - 2))
    versions = []
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        versions.append(_version(draw, height))
        height = min(TIP - 1, height + draw(st.sampled_from((0, 1, 2, 5, 30))))
        versions[-1].replaced_height = height
    end = draw(st.sampled_from(("waiting", "confirmed", "confirmed", "confirmed", "dropped", "replaced")))
    life = Life(versions=versions, first_seen_by=draw(st.sampled_from(("mempool_ws", "bitcoind"))), end=end)
    seen = versions[-1].seen_height
    if end == "confirmed":
        life.confirmed_height = draw(
            st.integers(seen + 1, min(TIP, seen + draw(st.sampled_from((1, 3, 12, 180)))))
        )
        life.lead = (moment(life.confirmed_height) - first_sight(versions[0])).total_seconds()
    versions[-1].replaced_height = draw(st.integers(seen, TIP)) if end == "replaced" else None
    life.final_flow = draw(st.sampled_from((versions[-1].flow, versions[-1].flow, *FLOWS)))
    life.reorged = end != "replaced" and draw(st.booleans())
    life.unverified = end == "waiting" and draw(st.integers(0, 5)) == 0
    life.demo = draw(st.integers(0, 15)) == 0
    return life


def lived(life: Life, number: int) -> Prediction:
    """Return what Spout remembers of it at TIP."""
    first = life.versions[0]
    whale = lifecycle.begin(
        _tx(number, 0),
        _flow(first.flow),
        source=SourceName.BLOCK if life.in_block else SourceName(life.first_seen_by),
        at=first_sight(first),
        tip=a_block(life.confirmed_height if life.after_block or life.in_block else first.seen_height),
        demo=life.demo,
    )
    for place, version in enumerate(life.versions):
        if place:
            at = first_sight(version)
            tip = a_block(life.versions[place - 1].replaced_height)
            tx = _tx(number, place)
            whale = lifecycle.take_over(whale, tx, _flow(version.flow), at, tip=tip, fee_spike=False)
        whale = _forecast(whale, version)
        whale = _waited(whale, version.seen_height, _waits_until(life, version))
    return _ended(whale, life)


def first_sight(version: Version) -> datetime:
    return moment(version.seen_height) + timedelta(seconds=version.offset)


def many(lives: Sequence[Life]) -> list[Prediction]:
    return [lived(life, number) for number, life in enumerate(lives)]


def _version(draw: st.DrawFn, height: int) -> Version:
    forecast = draw(st.integers(0, 9)) > 0
    chances = sorted(
        draw(st.lists(st.sampled_from((0.0, 0.1, 0.37, 0.5, 0.8, 0.91, 1.0)), min_size=7, max_size=7))
    )
    blocks = draw(st.sampled_from((1, 1, 2, 3, 6, 30, None)))
    return Version(
        seen_height=height,
        offset=draw(st.sampled_from((5, 300, 450))),
        forecast_at=height if forecast else None,
        late_forecast=forecast and draw(st.integers(0, 9)) == 0,
        predicted=height + blocks if blocks else None,
        p=dict(zip(HORIZONS, chances, strict=True)),
        projected=draw(st.sampled_from((None, 1, 2, 3, 8))),
        flow=draw(st.sampled_from(FLOWS)),
        urgency=draw(st.sampled_from(("low", "medium", "high"))),
    )


def _of_a_block(draw: st.DrawFn) -> Life:
    """First seen in its block, or seen before and announced only after it."""
    height = draw(st.integers(1, TIP))
    in_block = draw(st.booleans())
    early = 0 if in_block else draw(st.sampled_from((20, 179, 180, 900)))
    version = Version(seen_height=height, offset=-early, flow=draw(st.sampled_from(FLOWS)))
    return Life(
        versions=[version],
        first_seen_by="block" if in_block else "bitcoind",
        end="confirmed",
        confirmed_height=height,
        lead=None if in_block else float(early),
        final_flow=version.flow,
        in_block=in_block,
        after_block=not in_block,
    )


def _forecast(whale: Prediction, version: Version) -> Prediction:
    if version.forecast_at is None:
        return whale
    made_at = first_sight(version) + timedelta(seconds=61 if version.late_forecast else 1)
    forecast = Forecast(
        made_at=made_at,
        at_height=Height(version.forecast_at),
        txid=whale.txid,
        feerate=SatPerVb(10.0),
        probabilities=tuple(version.p[n] for n in HORIZONS),
        p_dropped=None,
        predicted_block=None if version.predicted is None else Height(version.predicted),
        eta_seconds=None,
        confidence_score=0.8,
        urgency_score=0.5,
        urgency=Urgency(version.urgency),
        inputs="projected_blocks",
        projected_block=version.projected,
    )
    again = replace(forecast, made_at=made_at + timedelta(seconds=30), predicted_block=None)
    return lifecycle.with_forecast(lifecycle.with_forecast(whale, forecast, made_at), again, again.made_at)


def _waits_until(life: Life, version: Version) -> int:
    """The last block that came without it."""
    if version.replaced_height is not None:
        return version.replaced_height
    return TIP if life.confirmed_height is None else life.confirmed_height - 1


def _waited(whale: Prediction, start: int, end: int) -> Prediction:
    """Blocks came without it, up to that height."""
    for height in range(start + 1, end + 1):
        if lifecycle.is_overdue(whale, Height(height)):
            whale = lifecycle.overdue(whale, moment(height))
    return whale


def _ended(whale: Prediction, life: Life) -> Prediction:
    end, confirmed = moment(TIP), life.confirmed_height
    if life.final_flow != life.versions[-1].flow:
        whale = lifecycle.reclassify(whale, whale.tx, _flow(life.final_flow), whale.updated_at)
    if life.reorged:  # in a block that is no more
        height = confirmed or TIP
        whale = lifecycle.confirm(whale, replace(a_block(height), hash=BlockHash("f" * 64)), moment(height))
        whale = lifecycle.unconfirm(whale, moment(height), "reorganised away")
        if confirmed is None:
            whale = _waited(whale, life.versions[-1].seen_height, TIP)
    if life.end == "confirmed":
        return lifecycle.confirm(whale, a_block(confirmed), moment(confirmed))
    if life.end == "dropped":
        return lifecycle.drop(whale, end, "expired")
    if life.end == "replaced":
        height = life.versions[-1].replaced_height
        at = moment(height) + timedelta(seconds=599)
        return lifecycle.give_way(whale, Txid("e" * 64), at, "no whale", tip=a_block(height))
    return lifecycle.leave_unverified(whale, end, "nobody can say") if life.unverified else whale


def _tx(number: int, version: int) -> Transaction:
    txid = Txid(f"{number:032x}{version:032x}")
    return Transaction(txid=txid, inputs=(), outputs=(), fee=Sats(2_000), vsize=VBytes(200))


def _flow(flow: str) -> Classification:
    return Classification(
        flow=Flow(flow),
        gross=Sats(20_000_000_000),
        moved=Sats(20_000_000_000),
        moved_low=Sats(0),
        moved_high=Sats(20_000_000_000),
        moved_is=MovedIs.LIKELY,
        internal=Sats(0),
    )

"""A past for the pages that look back: whales of some weeks in a real store, made of a seed.

What comes of each forecast is drawn; it is lived through the tracker's own steps (`lifecycle`), stored by the
store itself, and read back by whoever asks: page and API alike.
"""

import hashlib
import random
from dataclasses import replace
from datetime import datetime, timedelta

from app.core.classification import Flow
from app.core.models import Block
from app.core.prediction import Forecast, Outcome, Prediction, Replacement, Status
from app.core.units import BlockHash, Height, Sats, Txid
from tests.browser.sea import TIP, a_whale, txid_of

EXCHANGES = ("Kraken", "Coinbase", "Bitfinex", "OKX", "Binance", "Bitstamp")
_BLOCK = timedelta(minutes=10)
_FLOWS = (Flow.UNKNOWN,) * 5 + (Flow.INFLOW,) * 3 + (Flow.OUTFLOW,) * 3 + (Flow.INTERNAL, Flow.INTER_EXCHANGE)
_FROM = frozenset((Flow.OUTFLOW, Flow.INTER_EXCHANGE, Flow.INTERNAL))
_TO = frozenset((Flow.INFLOW, Flow.INTER_EXCHANGE))


def a_quarter(now: datetime, *, whales: int, days: int = 90, seed: int = 7) -> list[Prediction]:
    """Whales that ended within `days` before `now`, evenly spread; the chain's tip at `now` is TIP."""
    chance = random.Random(seed)
    return [
        _lived(chance, number, now - timedelta(days=days) * (number + 0.5) / whales, now)
        for number in range(whales)
    ]


def the_tip() -> Block:
    return Block(hash=BlockHash(hashlib.sha256(b"tip").hexdigest()), height=Height(TIP))


def _lived(chance: random.Random, number: int, at: datetime, now: datetime) -> Prediction:
    ahead = chance.choice((1, 1, 1, 1, 2, 2, 3, 6))
    flow = chance.choice(_FLOWS)
    tip = TIP - int((now - at) / _BLOCK)
    born = a_whale(
        f"quarter {number}",
        round(100 + chance.expovariate(1 / 220), 2),
        at,
        flow=flow,
        source=chance.choice(EXCHANGES)
        if flow in {Flow.OUTFLOW, Flow.INTER_EXCHANGE, Flow.INTERNAL}
        else None,
        target=chance.choice(EXCHANGES) if flow in {Flow.INFLOW, Flow.INTER_EXCHANGE} else None,
        rate=round(chance.lognormvariate(1.1, 0.6), 2),
        ahead=ahead,
    )
    forecast = _forecast(chance, born, tip, ahead)
    whale = replace(
        born,
        detected_height=Height(tip),
        announced_flow=flow,
        forecasts=(forecast,),
        first_forecast=forecast,
    )
    return _ended(chance, whale, ahead)


def _forecast(chance: random.Random, whale: Prediction, tip: int, ahead: int) -> Forecast:
    (made,) = whale.forecasts
    stated = tuple(min(0.985, max(0.01, p + chance.uniform(-0.1, 0.06))) for p in made.probabilities)
    return replace(
        made,
        at_height=Height(tip),
        predicted_block=Height(tip + ahead),
        probabilities=tuple(sorted(stated)),
        projected_block=max(1, ahead - chance.choice((0, 0, 1))),
    )


def _ended(chance: random.Random, whale: Prediction, ahead: int) -> Prediction:
    roll = chance.random()
    if roll < 0.03:
        at = whale.detected_at + timedelta(hours=2)
        reason = "conflict: another transaction spent the same coins and was mined"
        return replace(
            whale, status=Status.DROPPED, outcome=Outcome.DROPPED, ended_at=at, updated_at=at, reason=reason
        )
    if roll < 0.07:
        return _bumped(chance, whale)
    blocks = chance.randint(1, ahead) if roll < 0.88 else ahead + chance.choice((1, 1, 2, 3, 9))
    assert whale.first_forecast is not None
    height = whale.first_forecast.at_height + blocks
    at = whale.detected_at + _BLOCK * blocks * chance.uniform(0.4, 1.6)
    known = replace(whale.classification, flow=Flow.UNKNOWN) if roll > 0.985 else whale.classification
    late = blocks > ahead
    return replace(
        whale,
        classification=known,
        status=Status.CONFIRMED,
        outcome=Outcome.LATE if late else Outcome.ON_TIME,
        overdue_since=whale.detected_at + _BLOCK * ahead if late else None,
        confirmed_height=Height(height),
        confirmed_hash=BlockHash(f"{height:064x}"),
        confirmed_at=at,
        ended_at=at,
        updated_at=at,
    )


def _bumped(chance: random.Random, whale: Prediction) -> Prediction:
    """Replaced once by its owner, then in the next block."""
    assert whale.first_forecast is not None
    at = whale.detected_at + timedelta(minutes=4)
    by = Txid(txid_of(whale.txid + "bumped"))
    height = whale.first_forecast.at_height + 1
    again = replace(whale.first_forecast, made_at=at, txid=by, predicted_block=Height(height))
    confirmed = at + _BLOCK * chance.uniform(0.3, 1.2)
    gone = Replacement(
        txid=whale.txid, by=by, at=at, at_height=whale.first_forecast.at_height, flow=whale.announced_flow
    )
    return replace(
        whale,
        tx=replace(whale.tx, txid=by, fee=Sats((whale.tx.fee or Sats(0)) + 2_000)),
        replaces=(whale.txid,),
        replacements=(gone,),
        forecasts=(*whale.forecasts, again),
        first_forecast=again,
        status=Status.CONFIRMED,
        outcome=Outcome.ON_TIME,
        confirmed_height=Height(height),
        confirmed_hash=BlockHash(f"{height:064x}"),
        confirmed_at=confirmed,
        ended_at=confirmed,
        updated_at=confirmed,
    )

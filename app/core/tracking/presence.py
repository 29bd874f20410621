"""Which mempools hold a whale, and which sources are at the tip of the chain.

Mempools differ by policy: a node with a higher minimum relay fee lacks transactions that the backend's node
still holds. So absence from one mempool says nothing of the others. And a source whose tip is below ours
reports an outdated state: what it lists as unconfirmed may have been mined.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from app.core.events import EventType
from app.core.models import SourceName
from app.core.observations import Observation
from app.core.prediction import Prediction
from app.core.tracking import endings, lifecycle
from app.core.tracking.beliefs import Beliefs
from app.core.units import Txid

MEMPOOL_OF: Final[Mapping[SourceName, str]] = {
    SourceName.MEMPOOL_WS: "the mempool backend",
    SourceName.MEMPOOL_REST: "the mempool backend",
    SourceName.BITCOIND: "bitcoind",
    SourceName.ELECTRS: "the Electrum server",
}
"""The mempool that a source reports on, as text."""
LISTING: Final = frozenset({"the mempool backend", "bitcoind"})
"""Mempools that are listed regularly, so that each says sooner or later what it lacks."""
COMES_BACK_WITHIN: Final = timedelta(hours=1)
"""A source known before a restart that sends nothing for this long is taken to be removed."""


def listen(beliefs: Beliefs, observation: Observation, at: datetime) -> None:
    """Record the mempool that an observation came from, and its source's tip."""
    source: SourceName | None = getattr(observation, "source", None)
    if source is not None and source in MEMPOOL_OF:
        beliefs.received.add(MEMPOOL_OF[source])
    beliefs.tips.listen(observation, at)


def is_behind(beliefs: Beliefs, source: SourceName) -> bool:
    """Return whether its tip is below ours; a source that never reported a block is not behind."""
    known, tip = beliefs.tips.of(source), beliefs.chain.tip
    return known is not None and tip is not None and known < tip.height


def holds(beliefs: Beliefs, txid: Txid, source: SourceName, at: datetime) -> None:
    """Record that the mempool of this source holds the transaction."""
    mempool = MEMPOOL_OF.get(source)
    if mempool is not None:
        beliefs.holders.put(txid, {**(beliefs.holders.get(txid) or {}), mempool: at})


def lacks(beliefs: Beliefs, txid: Txid, source: SourceName) -> None:
    """Record that the mempool of this source does not hold the transaction (any longer)."""
    known = beliefs.holders.get(txid)
    mempool = MEMPOOL_OF.get(source)
    if known is None and mempool is not None:
        beliefs.lacking.put(txid, (beliefs.lacking.get(txid) or frozenset()) | {mempool})
    if known is not None:
        beliefs.holders.put(txid, {one: at for one, at in known.items() if one != MEMPOOL_OF.get(source)})


def is_held(beliefs: Beliefs, txid: Txid) -> bool:
    """Return whether any mempool holds the transaction according to the latest reports."""
    return bool(beliefs.holders.get(txid))


def _others(beliefs: Beliefs, whale: Prediction, source: SourceName, at: datetime) -> Mapping[str, datetime]:
    """Return which other mempools hold it according to the latest reports, each with the time of that.

    After a restart nobody has reported it yet: then it is the one that saw it first, unless that has been
    removed, and each that lists its mempool and has not listed it without the whale yet.
    """
    known = beliefs.holders.get(whale.txid)
    if known is None:
        first = MEMPOOL_OF.get(whale.first_seen_by)
        since = beliefs.missing.get(whale.txid) or at
        awaited = first in beliefs.received or at - since < COMES_BACK_WITHIN
        may = {first} if first is not None and awaited else set()
        may |= beliefs.received & LISTING
        may -= beliefs.lacking.get(whale.txid) or frozenset()
        known = dict.fromkeys(sorted(may), whale.detected_at)
    return {one: when for one, when in known.items() if one != MEMPOOL_OF.get(source)}


def differ(beliefs: Beliefs, whale: Prediction, source: SourceName, at: datetime) -> bool:
    """Return whether other mempools hold a whale that this source lacks; it then stays pending.

    The remark on the prediction names them. If none of them has reported it since it was missed, the
    whale is marked unverified.
    """
    held = _others(beliefs, whale, source, at)
    if not held:
        return False
    if whale.txid not in beliefs.missing:
        beliefs.missing.put(whale.txid, at)
    departure = beliefs.gone.get(whale.txid)
    silent = departure is not None and max(held.values()) < departure.at
    lacking = MEMPOOL_OF.get(source, "one source")
    beliefs.disputed.put(whale.txid, lacking)
    _remark(beliefs, whale, lacking, tuple(sorted(held)), at, silent=silent)
    return True


def found(beliefs: Beliefs, whale: Prediction, source: SourceName, at: datetime) -> Prediction:
    """The whale is in this source's mempool: clear or update the remark that another one lacks it."""
    beliefs.missing.pop(whale.txid)
    lacking = beliefs.disputed.get(whale.txid)
    if lacking is None:
        return endings.verify(beliefs, whale, at)
    beliefs.gone.pop(whale.txid)
    if lacking == MEMPOOL_OF.get(source):
        beliefs.disputed.pop(whale.txid)
        return beliefs.publish(EventType.UPDATED, lifecycle.verify(whale, at), at)
    if whale.left_unverified:
        return _remark(beliefs, whale, lacking, (MEMPOOL_OF.get(source, "another source"),), at, silent=False)
    return whale


def _remark(
    beliefs: Beliefs, whale: Prediction, lacking: str, held: tuple[str, ...], at: datetime, *, silent: bool
) -> Prediction:
    said = "had it and has not been heard since" if silent else "has it"
    words = f"not in the mempool of {lacking}; {' and '.join(held)} {said}"
    if whale.reason == words:
        return whale
    return beliefs.publish(EventType.UPDATED, lifecycle.remark(whale, at, words, unverified=silent), at)

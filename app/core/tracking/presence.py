"""Which mempools hold a whale, and which sources are at the tip of the chain.

Mempools differ by policy: a node with a higher minimum relay fee lacks transactions that the backend's node
still holds. So absence from one mempool says nothing of the others. And a source whose tip is below ours
reports an outdated state: what it lists as unconfirmed may have been mined.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from app.core.events import EventType
from app.core.models import SourceName
from app.core.observations import MempoolListed, Observation, StatusReply
from app.core.prediction import Prediction
from app.core.questions import AFTER_NEXT_POLL_SECONDS, AskStatus
from app.core.shared import shared
from app.core.tracking import endings, lifecycle
from app.core.tracking.beliefs import Beliefs, Dispute
from app.core.units import Height, Txid

_MEMPOOL_OF: Final[Mapping[SourceName, SourceName]] = {
    SourceName.MEMPOOL_WS: SourceName.MEMPOOL_WS,
    SourceName.MEMPOOL_REST: SourceName.MEMPOOL_WS,
    SourceName.BITCOIND: SourceName.BITCOIND,
    SourceName.ELECTRS: SourceName.ELECTRS,
}
"""The mempool that a source reports on, by one source's name for each."""
_WORDS: Final[Mapping[SourceName, str]] = {
    SourceName.MEMPOOL_WS: "the mempool backend",
    SourceName.BITCOIND: "bitcoind",
    SourceName.ELECTRS: "the Electrum server",
}
LISTING: Final = frozenset({SourceName.MEMPOOL_WS, SourceName.BITCOIND})
"""Mempools that are listed regularly, so that each says sooner or later what it lacks."""
DISPUTES_FOLLOWED: Final = 100
"""Of more at once (policies differ, or a node has begun anew) only the regular listings remind."""
LISTED_EVERY: Final = timedelta(minutes=5)
"""Who has differed for as long is asked about with each regular listing, which is as often."""
_NOBODY: Final[Mapping[SourceName, datetime]] = MappingProxyType({})
"""One for all that have left, thousands of them."""
COMES_BACK_WITHIN: Final = timedelta(hours=1)
"""A source known before a restart that sends nothing for this long is taken to be removed."""


def listen(beliefs: Beliefs, observation: Observation, at: datetime) -> None:
    """Record the mempool that an observation came from, and its source's tip."""
    source: SourceName | None = getattr(observation, "source", None)
    if source is not None and source in _MEMPOOL_OF:
        beliefs.received.add(_MEMPOOL_OF[source])
    beliefs.tips.listen(observation, at)
    if isinstance(observation, StatusReply) and observation.height is not None:
        beliefs.named[observation.source] = observation.height


def is_behind(beliefs: Beliefs, source: SourceName) -> bool:
    """Return whether its tip is below ours; a source that never reported a block is not behind.

    A backend that gets stuck while its node goes on still has in its mempool what was mined long ago.
    """
    known, tip = beliefs.tips.reported(source), beliefs.chain.tip
    return known is not None and tip is not None and known < tip.height


def is_from_before_its_tip(beliefs: Beliefs, reply: StatusReply, at: datetime) -> bool:
    """Return whether its source has reported a block since it answered: it was behind then, perhaps.

    Not if the clock was set back since that report.
    """
    reported = beliefs.tips.reported_at(reply.source)
    return reported is not None and reply.as_of is not None and reply.as_of < reported <= at


def has_come_to(beliefs: Beliefs, source: SourceName, whale: Prediction) -> bool:
    """Return whether it has told of the block of a confirmed whale, or of one upon it.

    One that is as high is not enough: before it has heard of a reorg it is on the other branch. Of a block
    that is not in our chain it need not have told: whoever named it may be wrong; nor of one that is known
    from before the start alone.
    """
    block, tip = whale.confirmed_hash, beliefs.tips.reported_block(source)
    if block is None or tip is None or beliefs.tips.has_reported(source, block):
        return tip is not None
    if block not in beliefs.chain or not beliefs.tips.is_vouched_for(block):
        return True
    ours = beliefs.chain.tip
    return ours is None or tip.height > ours.height or tip.hash in beliefs.chain


def is_below(beliefs: Beliefs, source: SourceName, height: Height | None) -> bool:
    """Return whether its tip, and the last block that it named for a transaction, are below this height.

    A source that never reported a block is not.
    """
    known = beliefs.tips.reported(source)
    reached = None if known is None else max(known, beliefs.named.get(source, known))
    return reached is not None and height is not None and reached < height


def names_its_tip(beliefs: Beliefs, source: SourceName) -> bool:
    """Return whether it has reported a block since the start; else its view may be of any age."""
    return beliefs.tips.reported(source) is not None


def from_before(beliefs: Beliefs, whale: Prediction) -> None:
    """Record which mempools held a whale when it was stored: none of them has spoken of it since."""
    beliefs.held_before.put(whale.txid, _held_when_stored(whale))


def holds(beliefs: Beliefs, txid: Txid, source: SourceName, at: datetime) -> None:
    """Record that the mempool of this source holds the transaction."""
    mempool = _MEMPOOL_OF.get(source)
    if mempool is None:
        return
    known = beliefs.holders.get(txid) or {}
    _has_spoken(beliefs, txid, mempool)
    beliefs.holders.put(txid, {**known, mempool: at})
    if mempool not in known:
        beliefs.reheld[txid] = None


def lacks(beliefs: Beliefs, txid: Txid, source: SourceName) -> None:
    """Record that the mempool of this source does not hold the transaction (any longer)."""
    mempool, known = _MEMPOOL_OF.get(source), beliefs.holders.get(txid)
    if mempool is None:
        return
    if known is None or txid in beliefs.held_before:
        _has_spoken(beliefs, txid, mempool)
        beliefs.lacking.put(txid, shared((beliefs.lacking.get(txid) or frozenset()) | {mempool}))
    if known is not None:
        beliefs.holders.put(txid, {one: at for one, at in known.items() if one != mempool} or _NOBODY)


def unlisted(beliefs: Beliefs, txid: Txid, report: MempoolListed) -> None:
    """Record that a mempool was listed without the transaction, unless it was reported there since."""
    mempool = _MEMPOOL_OF.get(report.source)
    reported = None if mempool is None else (beliefs.holders.get(txid) or {}).get(mempool)
    if reported is None or reported < report.as_of:
        lacks(beliefs, txid, report.source)


def _has_spoken(beliefs: Beliefs, txid: Txid, mempool: SourceName) -> None:
    before = beliefs.held_before.get(txid)
    if before is not None and mempool in before:
        beliefs.held_before.put(txid, before - {mempool})


def store_holders(beliefs: Beliefs, at: datetime) -> None:
    """Store which mempools hold the whales of which that changed, so that a restart knows it."""
    for txid in beliefs.reheld:
        whale = beliefs.whales.current(txid)
        if whale is not None and (held_by := beliefs.held_by(whale)) != whale.held_by:
            beliefs.keep(lifecycle.held(whale, held_by, at))
    beliefs.reheld.clear()


def is_held(beliefs: Beliefs, txid: Txid) -> bool:
    """Return whether any mempool holds the transaction according to the latest reports."""
    return bool(beliefs.holders.get(txid))


def lists(source: SourceName) -> bool:
    """Return whether the mempool of this source is listed regularly."""
    return _MEMPOOL_OF.get(source) in LISTING


def is_listed(beliefs: Beliefs, txid: Txid) -> bool:
    """Return whether a mempool that is listed regularly holds it according to the latest reports."""
    return not LISTING.isdisjoint(beliefs.holders.get(txid) or {})


def is_listed_lately(beliefs: Beliefs, txid: Txid, at: datetime) -> bool:
    """The same, but not by a mempool that has not been heard of it for long: each listing says it again."""
    reported = beliefs.holders.get(txid) or {}
    return any(at - when < COMES_BACK_WITHIN for mempool, when in reported.items() if mempool in LISTING)


def _others(
    beliefs: Beliefs, whale: Prediction, source: SourceName, at: datetime
) -> Mapping[SourceName, datetime]:
    """Return which other mempools hold it according to the latest reports, each with the time of that.

    Of a whale from before the start also those that held it then, unless they have been removed, and each
    that lists its mempool and has not listed it without the whale yet.
    """
    reported, before = beliefs.holders.get(whale.txid), beliefs.held_before.get(whale.txid)
    known: dict[SourceName, datetime] = {}
    if reported is None or before is not None:
        since = beliefs.missing.get(whale.txid) or at
        lost = at - since >= COMES_BACK_WITHIN
        stored = _held_when_stored(whale) if before is None else before
        may = {one for one in stored if one in beliefs.received or not lost}
        may |= beliefs.received & LISTING
        may -= beliefs.lacking.get(whale.txid) or frozenset()
        known = dict.fromkeys(may, whale.detected_at)
    known |= reported or {}
    return {one: when for one, when in known.items() if one != _MEMPOOL_OF.get(source)}


def _held_when_stored(whale: Prediction) -> frozenset[SourceName]:
    stored = whale.held_by or (whale.first_seen_by,)
    return frozenset(_MEMPOOL_OF[one] for one in stored if one in _MEMPOOL_OF)


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
    none_has_spoken = held.keys().isdisjoint(beliefs.holders.get(whale.txid) or {})  # since the start
    silent = none_has_spoken or (departure is not None and max(held.values()) < departure.at)
    before = beliefs.disputed.get(whale.txid)
    # The remark goes on naming the same one while that lacks it too: the replies come by turns.
    lacking = before.lacking if before and before.lacking not in held else _MEMPOOL_OF.get(source, source)
    since = min((before and before.since) or at, at)  # if the clock was set back, it begins anew
    is_reminded = not LISTING.isdisjoint(held)
    beliefs.disputed.put(whale.txid, Dispute(lacking, None if is_reminded else since))
    _remark(beliefs, whale, lacking, tuple(held), at, silent=silent)
    lasted = at - since
    if not is_reminded and lasted < LISTED_EVERY and len(beliefs.disputed) <= DISPUTES_FOLLOWED:
        wait = max(lasted.total_seconds(), AFTER_NEXT_POLL_SECONDS)  # so that the waits double
        beliefs.ask(AskStatus(whale.txid, in_seconds=wait))
    return True


def found(beliefs: Beliefs, whale: Prediction, source: SourceName, at: datetime) -> Prediction:
    """The whale is in this source's mempool: clear or update the remark that another one lacks it."""
    beliefs.missing.pop(whale.txid)
    beliefs.awaited.forget(whale.txid)
    dispute = beliefs.disputed.get(whale.txid)
    if dispute is None:
        return endings.verify(beliefs, whale, at)
    lacking, mempool = dispute.lacking, _MEMPOOL_OF.get(source)
    beliefs.gone.pop(whale.txid)
    if lacking == mempool:
        beliefs.disputed.pop(whale.txid)
        return beliefs.publish(EventType.UPDATED, lifecycle.verify(whale, at), at)
    if lists(source):
        beliefs.disputed.put(whale.txid, Dispute(lacking, None))
    if whale.left_unverified:
        return _remark(beliefs, whale, lacking, (_MEMPOOL_OF.get(source, source),), at, silent=False)
    return whale


def _remark(
    beliefs: Beliefs,
    whale: Prediction,
    lacking: SourceName,
    held: tuple[SourceName, ...],
    at: datetime,
    *,
    silent: bool,
) -> Prediction:
    said = "had it and has not been heard since" if silent else "has it"
    names = " and ".join(sorted(_WORDS.get(one, "another source") for one in held))
    words = f"not in the mempool of {_WORDS.get(lacking, 'one source')}; {names} {said}"
    if whale.reason == words:
        return whale
    return beliefs.publish(EventType.UPDATED, lifecycle.remark(whale, at, words, unverified=silent), at)

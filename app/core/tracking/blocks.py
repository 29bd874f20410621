"""Connects blocks to the chain, scans them for whales, and undoes them in a reorg."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.core.encoding import with_derived_scripts
from app.core.models import Block, BlockEntry, SourceName, Transaction
from app.core.observations import BlockConnected, ChainListed
from app.core.prediction import Prediction, Status
from app.core.questions import AskBlock, AskMempool, AskPackage, AskStatus, AskTransaction
from app.core.tracking import endings, inferred_replacement, packages, replacing, weighing
from app.core.tracking.beliefs import Beliefs
from app.core.tracking.candidates import Candidate
from app.core.tracking.prevouts import missing_prevouts
from app.core.units import BlockHash, Height, Txid


def listed(beliefs: Beliefs, report: ChainListed, at: datetime) -> None:
    """The latest blocks of a source: the first list initialises the chain; later ones may contain a reorg."""
    tip, newest = beliefs.chain.tip, report.blocks[-1]
    if tip is None:
        beliefs.chain.restore(report.blocks)
        for block in report.blocks:
            beliefs.connect(block)
            beliefs.take_for_read(block)
    elif newest.hash in beliefs.chain:
        return
    elif newest.height <= tip.height:
        # A stale view after a restart, or a reorg: the backend's tip decides.
        beliefs.ask(AskMempool("the backend's chain is not the one we know"))
    elif report.source is SourceName.ELECTRS and _contradicts(beliefs, report.blocks):
        # Headers alone, of a server that may be anybody's: they undo nothing that others have told.
        beliefs.ask(AskMempool("the Electrum server's chain is not the one we know"))
    else:
        for block in report.blocks:
            if block.height >= beliefs.chain.lowest:
                connected(beliefs, block, at)


def _contradicts(beliefs: Beliefs, blocks: Sequence[Block]) -> bool:
    """Return whether one of them stands where our chain has another one, or upon another one."""
    for block in blocks:
        ours = beliefs.chain.find(block.hash)
        if ours is not None and ours.height != block.height:
            return True
        known, below = beliefs.chain.at(block.height), beliefs.chain.at(Height(block.height - 1))
        if known is not None and known.hash != block.hash:
            return True
        if below is not None and block.previous not in {None, below.hash}:
            return True
    return False


def reported(beliefs: Beliefs, report: BlockConnected, at: datetime) -> None:
    """A source tells of a block, unless it is late: it has yet to tell of the reorg that undid this one."""
    if not _is_late(beliefs, report, at):
        connected(beliefs, report.block, at)


def _is_late(beliefs: Beliefs, report: BlockConnected, at: datetime) -> bool:
    """Return whether an undone block is reported below our tip, by none that reported those in its place.

    Of a reorg back to it a child of it tells too; then it is asked for as that one's parent. An answer that
    was asked for before the reorg is late whoever gives it, and one since which its source reported blocks.
    """
    tip, block = beliefs.chain.tip, report.block
    undone_at = beliefs.chain.undone_at(block.hash)
    if undone_at is None or tip is None or block.height >= tip.height or block.hash in beliefs.orphans:
        return False
    above = beliefs.chain.at(Height(block.height + 1))
    if above is not None and above.previous == block.hash:
        return False  # it was not to be had as its child came, and is asked for as the end of a hole since
    known_since = max(undone_at, beliefs.tips.reported_at(report.source) or undone_at)
    if report.as_of is not None and report.as_of < known_since <= at:
        return True
    instead = (one for one in beliefs.chain.blocks() if one.height >= block.height)
    return not any(beliefs.tips.has_reported(report.source, one.hash) for one in instead)


def connected(beliefs: Beliefs, block: Block, at: datetime) -> None:
    """A block of the best chain, which may be known already or arrive before its parent."""
    undone = _take_from_wrong_height(beliefs, block, at)
    _take(beliefs, block, at)
    ask_about(beliefs, undone)


def _take(beliefs: Beliefs, block: Block, at: datetime) -> None:
    if block.hash in beliefs.chain or block.height < beliefs.chain.lowest:
        undone = _learn_parent(beliefs, block, at)
        read(beliefs, block, at)
        _ask_below(beliefs, block)
        ask_about(beliefs, undone)
        beliefs.note_overdue(at)
    elif beliefs.chain.names_another_below(block) and block.hash not in beliefs.orphans:
        return  # told again after it was undone; of a reorg back to it a child of it tells
    elif beliefs.chain.tip is not None and block.previous is None and block.entries is None:
        beliefs.ask(AskBlock(block.hash, block.height))  # only hash and height are known
    else:
        _place(beliefs, block, at, orphaned=False)


def _take_from_wrong_height(beliefs: Beliefs, block: Block, at: datetime) -> list[Prediction]:
    """Disconnect a block that a source named at another height than its header says; return what was undone.

    That is what was connected upon it. Its own whales stay confirmed, at the right height. A report without a
    parent is no header: the backend's tip is asked for by two questions, and may change between.
    """
    known = beliefs.chain.find(block.hash)
    if block.previous is None or known is None or known.height == block.height:
        return []
    return endings.take_back(beliefs, block.hash, at, moved=block)


def _learn_parent(beliefs: Beliefs, block: Block, at: datetime) -> list[Prediction]:
    """Take the parent of a block that was connected without one; return what was confirmed below it."""
    known = beliefs.chain.find(block.hash)
    undone = endings.undo_blocks(beliefs, beliefs.chain.learn_parent(block), at, within=True)
    learned = beliefs.chain.find(block.hash)
    if learned is not None and learned != known:
        _connect(beliefs, learned)
    return undone


def _connect(beliefs: Beliefs, block: Block) -> None:
    """Keep the header, then that of the tip, which is the last one."""
    beliefs.connect(block)
    if beliefs.chain.tip is not None and beliefs.chain.tip.hash != block.hash:
        beliefs.connect_tip()


def unread(beliefs: Beliefs, block_hash: BlockHash, height: Height | None, at: datetime) -> None:
    """No source has this block: its children are connected with a gap in the chain."""
    if height is not None:
        beliefs.unreadable.put(block_hash, height)
    if block_hash in beliefs.chain:
        _ask_about_all(beliefs, at)  # a source without block contents may still know single transactions
    for child in beliefs.orphans.pop(block_hash, {}).values():
        if child.hash not in beliefs.chain and not _is_outgrown(beliefs, child):
            _place(beliefs, child, at, orphaned=True)
    tip = beliefs.chain.tip
    is_above = height is not None and (tip is None or height > tip.height)
    if height is not None and block_hash not in beliefs.chain and is_above and beliefs.tips.reach(height):
        _place(beliefs, Block(hash=block_hash, height=height), at, orphaned=True)


def _is_outgrown(beliefs: Beliefs, block: Block) -> bool:
    """Return whether our chain is higher than all that is known upon a block that is no part of it."""
    tip, upon = beliefs.chain.tip, [block]
    for one in upon:
        upon += beliefs.orphans.get(one.hash, {}).values()
    if tip is None or max(one.height for one in upon) >= tip.height:
        return False
    for one in upon:
        beliefs.orphans.pop(one.hash, None)
    return True


def read(beliefs: Beliefs, block: Block, at: datetime) -> None:
    """Confirm the transactions in a block; find whales in it that were never in a mempool we saw."""
    known = beliefs.chain.at(block.height)
    if known is not None and known.hash != block.hash:
        return
    if known is not None:
        block = replace(known, txids=block.txids, entries=block.entries, time=known.time or block.time)
    elif block.entries is None and block.txids is not None:
        beliefs.ask(AskBlock(block.hash, block.height))  # below our chain, but reported to us
    for txid in block.txids or ():
        mined(beliefs, txid, block, at)
    for position, entry in enumerate(block.entries or ()):
        mined(beliefs, entry.txid, block, at)
        if position > 0 and entry.value > beliefs.whale_policy.threshold:  # the first one is the coinbase
            _whale_in_block(beliefs, entry, block)
    if block.entries is not None:
        beliefs.settle(block)


def mined(beliefs: Beliefs, txid: Txid, block: Block, at: datetime) -> None:
    beliefs.gone.pop(txid)
    packages.left(beliefs, txid)
    candidate = beliefs.candidates.get(txid)
    if candidate is not None and beliefs.whales.current(txid) is None:
        candidate = _replacing(beliefs, candidate, at)
    if candidate is not None:
        weighing.decide(beliefs, replace(candidate, contests=(), confirming=True), at)
    rival = beliefs.rivals.pop(txid)
    if rival is not None and beliefs.whales.current(txid) is None:
        replacing.lose_to(beliefs, beliefs.whales.spenders(rival.outpoints), rival, at, seen_before=True)
    whale = beliefs.whales.find(txid)
    if whale is None:
        return
    if whale.txid != txid:
        _older_version_mined(beliefs, whale, txid, block, at)
    elif whale.status is not Status.CONFIRMED:
        endings.confirm(beliefs, whale, block, at)
    elif whale.confirmed_hash != block.hash:
        endings.confirm(beliefs, endings.undo(beliefs, whale, at), block, at)


def _replacing(beliefs: Beliefs, candidate: Candidate, at: datetime) -> Candidate | None:
    """Continue a whale that a candidate replaced which is in a block; return it if it replaced none."""
    tx = candidate.tx
    rivals = beliefs.whales.spenders(tx.outpoints)
    others = replacing.replace_outbid(beliefs, rivals, tx, at, seen_before=True)
    left = beliefs.candidates.get(tx.txid)
    if left is None and beliefs.whales.current(tx.txid) is None:
        for other in others:  # it is no whale, whose confirmation would end them
            endings.lose_to_block(beliefs, other, tx.txid, at)
    return left


def found_in_block(beliefs: Beliefs, tx: Transaction, block: Block, at: datetime) -> None:
    """A block contains a transaction that was not tracked: settle the whales that it conflicts with."""
    tx = with_derived_scripts(tx)
    if beliefs.whales.current(tx.txid) is None:
        replacing.lose_to(beliefs, beliefs.whales.spenders(tx.outpoints), tx, at)
        inferred_replacement.adopt_mined(beliefs, tx, at)
        _explain_drops(beliefs, tx, at)
    known = beliefs.whales.current(tx.txid)
    if known is not None:
        weighing.complete(beliefs, known, tx, at)
        mined(beliefs, tx.txid, block, at)
        return
    if beliefs.is_no_whale(tx.txid) and missing_prevouts(tx) is not None:
        return  # more was known of it when that was found
    candidate = Candidate(tx=tx, source=SourceName.BLOCK, at=at, late=True, block=block)
    weighing.weigh_again(beliefs, candidate, at)


def _explain_drops(beliefs: Beliefs, winner: Transaction, at: datetime) -> None:
    """Give recently dropped whales `winner` as reason: a reorg may drop one before its block is read.

    Not those that another spend in a block is the reason of.
    """
    for whale in tuple(beliefs.whales.ended()):
        lately = whale.ended_at is not None and at - whale.ended_at < inferred_replacement.UNEXPLAINED
        already_said = winner.txid in whale.conflicts_with or endings.has_lost_to_block(beliefs, whale)
        if (
            whale.status is Status.DROPPED
            and lately
            and not already_said
            and whale.tx.outpoints & winner.outpoints
        ):
            endings.lose_to_block(beliefs, whale, winner.txid, at)


def block_of(beliefs: Beliefs, block_hash: BlockHash, height: Height) -> Block:
    """Return the block of our chain with that hash; one that is not on our chain is asked for."""
    known = beliefs.chain.find(block_hash)
    if known is not None:
        return known
    beliefs.ask(AskBlock(block_hash, height))
    return Block(hash=block_hash, height=height)


def _place(beliefs: Beliefs, block: Block, at: datetime, *, orphaned: bool) -> None:
    step = beliefs.chain.place(block, orphaned=orphaned)
    if step.parent is not None:
        beliefs.orphans.setdefault(step.parent, {})[block.hash] = block
        if not any(step.parent in waiting for waiting in beliefs.orphans.values()):
            beliefs.ask(AskBlock(step.parent, Height(block.height - 1)))
    if step.connected is None:
        return
    beliefs.tally.blocks += 1
    _connect(beliefs, block)
    beliefs.unread.put(block.hash, block.height)
    undone = endings.undo_blocks(beliefs, step.disconnected, at, within=step.within)
    read(beliefs, block, at)
    if block.entries is None:
        beliefs.ask(AskBlock(block.hash, block.height))
    if step.hole:
        _ask_about_all(beliefs, at)
    else:
        _ask_below(beliefs, block)
    for child in beliefs.orphans.pop(block.hash, {}).values():
        if child.hash not in beliefs.chain:
            _place(beliefs, child, at, orphaned=False)
    ask_about(beliefs, undone)
    beliefs.note_overdue(at)
    beliefs.reforecast(at)


def _ask_below(beliefs: Beliefs, block: Block) -> None:
    """Ask for the parent of a block that is the upper end of a hole in the chain."""
    if block.hash in beliefs.chain and block.previous is not None and beliefs.chain.lacks_below(block):
        beliefs.ask(AskBlock(block.previous, Height(block.height - 1)))


def ask_about(beliefs: Beliefs, undone: list[Prediction]) -> None:
    """Ask for the status of whales that a reorg disconnected and no new block confirmed."""
    for whale in undone:
        still = beliefs.whales.current(whale.txid)
        if still is not None and still.status is Status.PENDING:
            beliefs.ask(AskStatus(whale.txid))
            packages.begin(beliefs, still.tx)
            beliefs.ask(AskPackage(whale.txid))  # its parents may wait again, too
            if still.tx.paid is None:  # it was mined before its fee could be asked for
                beliefs.ask(AskTransaction(whale.txid))


def _ask_about_all(beliefs: Beliefs, at: datetime) -> None:
    """Ask for the status of all pending whales: unknown blocks may contain any of them."""
    for whale in beliefs.whales.pending():
        if whale.updated_at < at:
            beliefs.ask(AskStatus(whale.txid))


def _older_version_mined(beliefs: Beliefs, whale: Prediction, txid: Txid, block: Block, at: datetime) -> None:
    """A block contains a version that had been replaced here; the prediction was about its replacement.

    Of one before the last version it is not known yet whether it spends an outpoint of the current one.
    """
    if whale.status is Status.PENDING and txid == whale.replaces[-1]:
        endings.lose_to_block(beliefs, whale, txid, at)
    elif whale.status is Status.PENDING:
        beliefs.ask(AskStatus(whale.txid))
    beliefs.ask(AskTransaction(txid, block.hash, block.height))


def _whale_in_block(beliefs: Beliefs, entry: BlockEntry, block: Block) -> None:
    if beliefs.is_unloaded(entry.txid) or beliefs.whales.current(entry.txid) is not None:
        beliefs.entries.pop(entry.txid)  # asked for while it was not known yet
    elif entry.txid not in beliefs.entries:
        beliefs.entries.put(entry.txid, (block.header(), entry))
        beliefs.ask(AskTransaction(entry.txid, block.hash, block.height))

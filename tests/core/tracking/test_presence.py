"""Sources that differ: another mempool's rules, an older chain, a poll that has not spoken yet."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.classification import Flag
from app.core.models import Block, SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    ChainListed,
    MempoolListed,
    PackageReply,
    ProjectedTransaction,
    SourceConnected,
    StatusReply,
    TransactionLeft,
    TransactionSeen,
)
from app.core.prediction import Outcome, Status
from app.core.questions import AskStatus
from app.core.tips import READS_WITHIN
from app.core.tracking.presence import DISPUTES_FOLLOWED, LISTED_EVERY
from app.core.units import Outpoint, SatPerVb
from tests.builders import a_block, a_whale, numbered_txid
from tests.core.story import REST, WS, Story, forecasting

NODE = SourceName.BITCOIND
WHALE = a_whale(150)
DEARER = a_whale(150, fee=5_000)


class TwoSources(Story):
    """A backend and a node, which both saw the whale."""

    def __init__(self) -> None:
        super().__init__(forecast_source=forecasting())
        self.start()
        self.receive(BlockConnected(block=a_block(0), source=NODE))
        self.seen(WHALE)
        self.receive(TransactionSeen(tx=WHALE, source=NODE))

    def left_node(self) -> list[str]:
        return self.left(WHALE, source=NODE)

    def left_backend(self) -> list[str]:
        return self.left(WHALE)

    def status(self, source: SourceName, *, waits: bool, tx: Transaction = WHALE) -> list[str]:
        return self.waits(tx, source=source) if waits else self.lacks(source, tx)

    def lists(self, source: SourceName, *txs: Transaction) -> list[str]:
        listed = frozenset(tx.txid for tx in txs)
        return self.receive(MempoolListed(txids=listed, as_of=self.at + timedelta(seconds=1), source=source))


def test_one_mempool_that_lets_it_go_does_not_drop_it() -> None:
    story = TwoSources()
    story.left_node()
    story.status(REST, waits=True)

    assert story.status(NODE, waits=False) == ["updated"]
    assert story.only.status is Status.PENDING


def test_where_mempools_differ_it_is_said_who_sees_it() -> None:
    story = TwoSources()
    story.left_node()
    story.status(REST, waits=True)
    story.status(NODE, waits=False)

    assert story.only.reason == "not in the mempool of bitcoind; the mempool backend has it"
    assert not story.only.left_unverified


def test_that_they_differ_is_said_once() -> None:
    story = TwoSources()
    story.left_node()
    for _ in range(3):
        story.status(REST, waits=True)
        story.status(NODE, waits=False)

    assert story.types.count("updated") == 1


def test_one_that_held_it_and_cannot_be_asked_leaves_it_unverified() -> None:
    story = TwoSources()
    story.left_node()

    assert story.status(NODE, waits=False) == ["updated"]
    assert story.only.left_unverified


def test_that_the_other_one_still_has_it_verifies_it() -> None:
    story = TwoSources()
    story.left_node()
    story.status(NODE, waits=False)
    story.lists(REST, WHALE)

    assert not story.only.left_unverified
    assert story.only.reason == "not in the mempool of bitcoind; the mempool backend has it"


def test_what_all_of_them_let_go_is_dropped() -> None:
    story = TwoSources()
    story.left_node()
    story.status(REST, waits=True)
    story.status(NODE, waits=False)
    story.left_backend()

    assert story.status(NODE, waits=False) == ["dropped"]


def test_a_block_decides_whoever_still_holds_it() -> None:
    story = TwoSources()
    story.left_node()
    story.status(REST, waits=True)
    story.status(NODE, waits=False)

    assert story.connected(a_block(1, WHALE)) == ["confirmed"]


def test_what_comes_back_where_it_was_missed_is_no_longer_in_doubt() -> None:
    story = TwoSources()
    story.left_node()
    story.status(REST, waits=True)
    story.status(NODE, waits=False)

    assert story.receive(TransactionSeen(tx=WHALE, source=NODE)) == ["updated"]
    assert story.only.reason is None


def test_after_a_restart_who_saw_it_first_is_waited_for() -> None:
    before = TwoSources()
    story = Story()
    story.tracker.restore((before.only,), (a_block(0),))
    story.kept[before.only.prediction_id] = before.only
    published = StatusReply(txid=WHALE.txid, block_hash=None, height=None, in_mempool=False, source=NODE)

    assert story.receive(published) == ["updated"]
    assert "dropped" not in story.types


def test_a_source_that_is_no_longer_configured_is_not_waited_for_for_ever() -> None:
    before = TwoSources()
    story = Story()
    story.tracker.restore((before.only,), (a_block(0),))
    story.kept[before.only.prediction_id] = before.only
    published = StatusReply(txid=WHALE.txid, block_hash=None, height=None, in_mempool=False, source=NODE)
    story.receive(published)
    story.at += timedelta(hours=1)

    assert story.receive(published) == ["dropped"]


def restarted_after_both_held_it() -> Story:
    """The node saw it first, the backend too; since then nothing has been heard of the backend."""
    before = Story(forecast_source=forecasting())
    before.receive(*(TransactionSeen(tx=WHALE, source=source) for source in (NODE, WS)))
    before.receive(BlockConnected(block=a_block(0), source=NODE))
    story = Story()
    story.tracker.restore((before.only,), (a_block(0),))
    story.kept[before.only.prediction_id] = before.only
    story.receive(SourceConnected(source=NODE, again=False))
    return story


def lacks(source: SourceName) -> StatusReply:
    return StatusReply(txid=WHALE.txid, block_hash=None, height=None, in_mempool=False, source=source)


def test_a_mempool_that_held_it_before_a_restart_is_waited_for_whoever_saw_it_first() -> None:
    story = restarted_after_both_held_it()

    assert story.receive(lacks(NODE)) == ["updated"]
    assert story.only.left_unverified


def test_once_the_last_that_held_it_before_a_restart_has_spoken_it_is_dropped() -> None:
    story = restarted_after_both_held_it()
    story.receive(lacks(NODE), lacks(REST))
    story.at += timedelta(seconds=2)

    assert story.receive(lacks(REST)) == ["dropped"]


def test_one_that_held_it_before_a_restart_and_stays_away_is_not_waited_for_for_ever() -> None:
    story = restarted_after_both_held_it()
    story.receive(lacks(NODE))
    story.at += timedelta(hours=1)

    assert story.receive(lacks(NODE)) == ["dropped"]


def test_two_restarts_know_what_one_does() -> None:
    once = restarted_after_both_held_it()
    story = Story()
    story.tracker.restore((once.only,), (a_block(0),))
    story.kept[once.only.prediction_id] = once.only

    assert "dropped" not in story.receive(lacks(NODE))


def test_that_one_more_mempool_holds_it_is_stored_once_and_told_to_nobody() -> None:
    story = TwoSources()
    before = story.only.version

    assert story.receive(BlockConnected(block=a_block(1), source=NODE)) == []
    assert story.only.held_by == (NODE, WS)
    story.receive(TransactionSeen(tx=WHALE, source=NODE), BlockConnected(block=a_block(2), source=NODE))
    assert story.only.version == before + 1


def restarted(first_seen_by: SourceName) -> Story:
    """Both mempools have been heard since the restart; neither has spoken of the whale."""
    before = Story()
    before.receive(TransactionSeen(tx=WHALE, source=first_seen_by))
    story = Story()
    story.tracker.restore((before.only,), (a_block(0),))
    story.kept[before.only.prediction_id] = before.only
    for source in (NODE, WS):
        story.receive(SourceConnected(source=source, again=False))
    return story


@pytest.mark.parametrize("first_seen_by", [NODE, WS])
def test_after_a_restart_one_mempools_word_drops_nothing(first_seen_by: SourceName) -> None:
    story = restarted(first_seen_by)
    gone = StatusReply(txid=WHALE.txid, block_hash=None, height=None, in_mempool=False, source=NODE)

    assert "dropped" not in story.receive(gone)


@pytest.mark.parametrize("first_seen_by", [NODE, WS])
def test_after_a_restart_what_no_listing_holds_is_dropped(first_seen_by: SourceName) -> None:
    story = restarted(first_seen_by)
    for source in (NODE, REST):
        as_of = story.at + timedelta(seconds=1)
        story.receive(MempoolListed(txids=frozenset(), as_of=as_of, source=source))
    gone = StatusReply(txid=WHALE.txid, block_hash=None, height=None, in_mempool=False, source=NODE)

    assert story.receive(gone) == ["dropped"]


def confirmed_above_the_node() -> TwoSources:
    """The backend told of two blocks that the node has not; the whale is in the first of them."""
    story = TwoSources()
    story.connected(a_block(1, WHALE), a_block(2))
    return story


WAITS: list[Callable[[TwoSources], list[str]]] = [
    lambda story: story.status(NODE, waits=True),
    lambda story: story.lists(NODE, WHALE),
    lambda story: story.receive(TransactionSeen(tx=WHALE, source=NODE)),
]


@pytest.mark.parametrize("says_that_it_waits", WAITS)
def test_a_node_that_stands_still_undoes_no_confirmation(
    says_that_it_waits: Callable[[TwoSources], list[str]],
) -> None:
    story = confirmed_above_the_node()

    assert says_that_it_waits(story) == []
    assert (story.only.status, story.questions) == (Status.CONFIRMED, [])


def test_a_node_that_has_the_blocks_too_is_believed_about_a_reorg() -> None:
    story = confirmed_above_the_node()
    story.receive(BlockConnected(block=a_block(2), source=NODE))

    assert story.status(NODE, waits=True) == ["reorged"]


def test_a_backend_that_is_behind_the_node_undoes_nothing_either() -> None:
    story = TwoSources()
    story.receive(BlockConnected(block=a_block(1, WHALE), source=NODE))

    assert story.status(REST, waits=True) == []


def test_the_nodes_tip_as_rest_names_it_is_not_what_the_backend_has_read() -> None:
    story = TwoSources()
    story.receive(BlockConnected(block=a_block(1, WHALE), source=NODE))
    story.receive(BlockConnected(block=Block(hash=a_block(1).hash, height=a_block(1).height), source=REST))

    assert story.status(REST, waits=True) == []


def test_a_listed_chain_counts_as_a_tip() -> None:
    story = confirmed_above_the_node()
    story.receive(ChainListed(blocks=(a_block(1, WHALE), a_block(2)), source=NODE))

    assert story.status(NODE, waits=True) == ["reorged"]


def test_a_node_that_lost_blocks_in_a_crash_undoes_nothing_until_it_has_read_them_again() -> None:
    story = confirmed_above_the_node()
    story.receive(BlockConnected(block=a_block(2), source=NODE))
    story.receive(ChainListed(blocks=(a_block(0),), source=NODE), SourceConnected(source=NODE, again=True))
    story.lists(NODE, WHALE)

    assert (story.status(NODE, waits=True), story.only.status) == ([], Status.CONFIRMED)

    story.receive(BlockConnected(block=a_block(1, WHALE), source=NODE))
    story.receive(BlockConnected(block=a_block(2), source=NODE))
    assert story.status(NODE, waits=True) == ["reorged"]


@pytest.mark.parametrize("source", [NODE, REST, SourceName.ELECTRS])
def test_after_a_restart_nobody_undoes_a_block_before_it_has_named_its_tip(source: SourceName) -> None:
    story = confirmed_above_the_node()
    story.restart()
    story.lists(source, WHALE)

    assert (story.status(source, waits=True), story.only.status) == ([], Status.CONFIRMED)

    story.receive(BlockConnected(block=a_block(2), source=source))
    assert story.status(source, waits=True) == ["reorged"]


def test_a_loss_told_by_what_polls_is_believed_after_the_next_poll() -> None:
    story = Story(forecast_source=forecasting())
    story.start()
    story.seen(WHALE)
    story.left(WHALE)
    gone = StatusReply(txid=WHALE.txid, block_hash=None, height=None, in_mempool=False, source=REST)
    first, asked = story.receive(gone), list(story.questions)
    story.at += timedelta(seconds=2)

    assert (first, asked, story.receive(gone)) == ([], [AskStatus(WHALE.txid, in_seconds=2.5)], ["dropped"])


def test_a_replacement_that_is_told_one_poll_later_is_one() -> None:
    story = Story(forecast_source=forecasting())
    story.start()
    story.seen(WHALE)
    story.left(WHALE)
    story.receive(StatusReply(txid=WHALE.txid, block_hash=None, height=None, in_mempool=False, source=REST))

    assert story.replaced(WHALE, by=DEARER) == ["replaced"]
    assert story.only.replaces == (WHALE.txid,)


def test_a_replacement_that_is_told_after_the_drop_goes_on_with_the_same_id() -> None:
    story = Story(forecast_source=forecasting())
    story.start()
    story.seen(WHALE)
    story.left(WHALE)
    story.gone(WHALE)

    assert story.replaced(WHALE, by=DEARER) == ["replaced"]
    assert (story.only.txid, story.only.status) == (DEARER.txid, Status.PENDING)


def test_while_a_block_is_still_to_be_read_nothing_is_called_dropped() -> None:
    story = Story(forecast_source=forecasting())
    story.start()
    story.seen(WHALE)
    unread = a_block(1, read=False)
    story.connected(unread)
    story.gone(WHALE)
    read = a_block(1, DEARER)
    story.published(DEARER, read)
    published = story.connected(read)

    assert "dropped" not in story.types
    assert (story.only.txid, published) == (DEARER.txid, [])


def test_what_was_held_back_by_an_unread_block_is_asked_about_when_it_is_read() -> None:
    story = Story(forecast_source=forecasting())
    story.start()
    story.seen(WHALE)
    story.connected(a_block(1, read=False))
    held = story.gone(WHALE)
    story.connected(a_block(1))

    assert (held, story.questions) == ([], [AskStatus(WHALE.txid)])


def test_a_block_that_nobody_has_holds_nothing_back() -> None:
    story = Story(forecast_source=forecasting())
    story.start()
    story.seen(WHALE)
    story.connected(a_block(1, read=False))
    story.unanswered(*story.questions)

    assert story.gone(WHALE) == ["dropped"]


def test_a_replacement_that_is_first_seen_in_its_block_is_not_forecast() -> None:
    story = Story(forecast_source=forecasting())
    story.start()
    story.seen(WHALE)
    story.published(DEARER, a_block(1, DEARER))
    story.connected(a_block(1, DEARER))

    assert (story.only.status, story.only.txid) == (Status.CONFIRMED, DEARER.txid)
    assert (story.only.first_forecast, story.only.outcome, story.only.forecast) == (None, None, None)
    assert Flag.LATE_SEEN in story.only.flags
    assert Outcome.ON_TIME not in [one.prediction.outcome for one in story.events if one.prediction]


def test_what_a_backend_that_is_behind_still_holds_of_a_coin_a_block_spent_is_no_new_whale() -> None:
    story = TwoSources()
    story.receive(BlockConnected(block=a_block(1, WHALE), source=NODE))

    assert story.seen(DEARER) == []


def test_a_source_that_is_behind_may_still_announce_what_no_block_has_spent() -> None:
    story, new = TwoSources(), a_whale(160, coins=("new",))
    story.connected(a_block(1, WHALE))

    assert story.receive(TransactionSeen(tx=new, source=NODE)) == ["detected"]


def test_what_a_projected_block_shows_is_in_that_mempool() -> None:
    story = Story()
    story.receive(TransactionSeen(tx=WHALE, source=NODE))
    line = ProjectedTransaction(
        txid=WHALE.txid, value=WHALE.gross, fee=None, vsize=None, package_feerate=None, source=WS
    )
    story.receive(line)
    story.receive(TransactionLeft(txids=(WHALE.txid,), source=NODE))
    story.receive(StatusReply(txid=WHALE.txid, block_hash=None, height=None, in_mempool=False, source=NODE))

    assert (story.only.status, story.only.held_by) == (Status.PENDING, (WS,))


def test_a_whale_is_stored_with_the_mempool_that_holds_it() -> None:
    story = Story()
    story.seen(WHALE)

    assert story.only.held_by == (WS,)


def test_after_a_restart_a_new_version_names_the_mempool_that_held_it_before() -> None:
    story = Story()
    story.seen(WHALE)
    story.restart()
    story.receive(PackageReply(txid=WHALE.txid, package_feerate=SatPerVb(99.0), related=None, source=NODE))

    assert story.only.held_by == (WS,)


def test_all_that_hold_what_one_lacks_are_named() -> None:
    story = TwoSources()
    story.receive(TransactionSeen(tx=WHALE, source=SourceName.ELECTRS))
    story.left_node()
    story.status(REST, waits=True)
    story.status(NODE, waits=False)

    assert story.only.reason == (
        "not in the mempool of bitcoind; the Electrum server and the mempool backend has it"
    )


def test_a_mempool_that_has_not_spoken_since_a_restart_is_said_not_to_have_been_heard() -> None:
    story = restarted_after_both_held_it()
    story.receive(lacks(NODE))

    assert story.only.reason == (
        "not in the mempool of bitcoind; the mempool backend had it and has not been heard since"
    )


def test_a_mempool_that_holds_it_after_a_restart_is_no_longer_waited_for_once_it_lacks_it() -> None:
    story = restarted_after_both_held_it()
    story.waits(WHALE)
    story.receive(lacks(REST))
    story.at += timedelta(seconds=2)

    assert story.receive(lacks(NODE)) == ["dropped"]


def test_a_mempool_that_spoke_after_a_restart_keeps_it_however_long_the_other_stays_away() -> None:
    story = restarted_after_both_held_it()
    story.receive(TransactionSeen(tx=WHALE, source=NODE))
    story.at += timedelta(hours=2)
    story.receive(lacks(REST))

    assert story.only.status is Status.PENDING
    assert story.only.reason == "not in the mempool of the mempool backend; bitcoind has it"


def test_a_listing_makes_the_mempool_of_its_source_one_that_holds_it() -> None:
    story = Story()
    story.receive(TransactionSeen(tx=WHALE, source=NODE))
    story.listed(WHALE)
    story.receive(TransactionLeft(txids=(WHALE.txid,), source=NODE))
    story.receive(lacks(NODE))

    assert (story.only.status, story.only.held_by) == (Status.PENDING, (WS,))


def test_a_status_makes_the_mempool_of_its_source_one_that_holds_it() -> None:
    story = Story()
    story.receive(TransactionSeen(tx=WHALE, source=NODE))
    story.waits(WHALE)
    story.receive(TransactionLeft(txids=(WHALE.txid,), source=NODE))
    story.receive(lacks(NODE))

    assert (story.only.status, story.only.held_by) == (Status.PENDING, (WS,))


def test_what_was_stored_of_one_more_holder_names_both() -> None:
    story = TwoSources()
    story.connected(a_block(1))

    assert set(story.only.held_by) == {NODE, WS}


@pytest.mark.parametrize(("minutes", "published"), [(59, []), (60, ["dropped"])])
def test_a_source_that_is_gone_is_waited_for_an_hour(minutes: int, published: list[str]) -> None:
    story = restarted_after_both_held_it()
    story.receive(lacks(NODE))
    story.at += timedelta(minutes=minutes, seconds=-1)

    assert story.receive(lacks(NODE)) == published


def test_a_node_that_has_not_come_to_the_block_which_another_source_names_does_not_undo_it() -> None:
    story = TwoSources()
    block = a_block(1)
    story.receive(
        StatusReply(
            txid=WHALE.txid, block_hash=block.hash, height=block.height, in_mempool=False, source=REST
        )
    )

    assert story.status(NODE, waits=False) == []
    assert story.only.status is Status.CONFIRMED


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_a_backend_that_is_stuck_below_its_node_does_not_undo_a_block_that_others_told_of(
    blocks: int,
) -> None:
    story = TwoSources()
    story.receive(BlockConnected(block=replace(a_block(1), txids=(WHALE.txid,)), source=NODE))
    for height in range(1, blocks + 1):
        block = a_block(height)
        story.receive(BlockConnected(block=block, source=REST), BlockConnected(block=block, source=NODE))
    story.at += READS_WITHIN
    story.lists(REST, WHALE)
    story.status(REST, waits=True)

    assert story.only.status is Status.CONFIRMED


class BesideAnElectrumServer(TwoSources):
    """The backend lets a whale go that only an Electrum server still has, which tells of no departures."""

    def __init__(self) -> None:
        super().__init__()
        self.status(NODE, waits=False)
        self.left_backend()

    def asked_where(self) -> list[str]:
        """Asked where it is now, the Electrum server has it and the backend does not."""
        return [*self.status(SourceName.ELECTRS, waits=True), *self.status(REST, waits=False)]

    def asks_in(self) -> float | None:
        """Return in how many seconds the whale is to be asked about again."""
        later = [one.in_seconds for one in self.questions if isinstance(one, AskStatus) and one.in_seconds]
        self.questions.clear()
        return later[-1] if later else None


def test_what_only_an_electrum_server_has_is_asked_about_again_after_waits_that_double() -> None:
    story = BesideAnElectrumServer()
    waits = []
    for _ in range(6):
        story.asked_where()
        wait = story.asks_in()
        waits.append(wait)
        story.at += timedelta(seconds=(wait or 0.0) - 2.0)  # each of the two replies takes a second

    assert waits == [2.5, 2.5, 5.0, 10.0, 20.0, 40.0]


@pytest.mark.parametrize(("step", "wait"), [(timedelta(hours=-3), 2.5), (timedelta(days=400), None)])
def test_a_clock_that_is_set_neither_lengthens_the_waits_nor_keeps_them_short(
    step: timedelta, wait: float | None
) -> None:
    story = BesideAnElectrumServer()
    story.asked_where()
    story.asks_in()
    story.at += step
    story.asked_where()
    first = story.asks_in()
    story.at += timedelta(seconds=8)
    story.asked_where()

    assert (first, story.asks_in()) == (wait, None if wait is None else 10.0)


def test_what_has_been_with_the_electrum_server_alone_for_long_is_left_to_the_regular_listings() -> None:
    story = BesideAnElectrumServer()
    story.asked_where()
    story.at += LISTED_EVERY
    story.asks_in()
    story.asked_where()
    unasked = story.asks_in()
    story.lists(REST)

    assert (unasked, story.questions) == (None, [AskStatus(WHALE.txid)])


def test_a_version_that_was_in_doubt_is_asked_about_no_longer_once_it_is_replaced() -> None:
    story = BesideAnElectrumServer()
    story.asked_where()
    story.seen(DEARER)
    story.replaced(WHALE, by=DEARER)
    story.waits(DEARER)
    story.connected(replace(a_block(1), txids=(), entries=()))

    assert story.questions == []


def a_version(number: int, of: Transaction) -> Transaction:
    """Return one that spends the coin of this number."""
    spent = Outpoint(numbered_txid(10_000 + number), 0)
    inputs = tuple(replace(one, outpoint=spent) for one in of.inputs)
    return replace(of, txid=numbered_txid(20_000 + 2 * number + (of is DEARER)), inputs=inputs)


def asked_after_its_loss(story: Story, tx: Transaction) -> bool:
    """The backend lets it go, the Electrum server has it: return whether it is to be asked about again."""
    story.seen(tx)
    story.left(tx)
    for source, waits in ((SourceName.ELECTRS, True), (REST, False)):
        reply = StatusReply(txid=tx.txid, block_hash=None, height=None, in_mempool=waits, source=source)
        story.receive(reply)
    return AskStatus(tx.txid, in_seconds=2.5) in story.questions


def test_of_whales_that_were_in_doubt_until_they_were_replaced_any_number_does_not_end_the_asking() -> None:
    story = Story(forecast_source=forecasting())
    story.start()
    asked = []
    for number in range(DISPUTES_FOLLOWED + 1):
        older = a_version(number, WHALE)
        asked.append(asked_after_its_loss(story, older))
        story.replaced(older, by=a_version(number, DEARER))

    assert all(asked)


def test_where_more_than_a_hundred_are_in_doubt_at_once_the_listings_alone_remind() -> None:
    story = Story(forecast_source=forecasting())
    story.start()
    asked = [asked_after_its_loss(story, a_version(number, WHALE)) for number in range(DISPUTES_FOLLOWED + 1)]

    assert asked == [True] * DISPUTES_FOLLOWED + [False]


def test_after_the_clock_was_set_back_what_is_nowhere_is_dropped_all_the_same() -> None:
    story = TwoSources()
    story.left_node()
    story.left_backend()
    story.status(REST, waits=False)
    story.at -= timedelta(hours=3)
    story.status(REST, waits=False)
    story.at += timedelta(seconds=1.5)

    assert story.status(REST, waits=False) == ["dropped"]


def test_that_two_mempools_lack_it_is_said_once_though_both_reply_by_turns() -> None:
    story = BesideAnElectrumServer()
    for _ in range(3):
        story.asked_where()
        story.status(NODE, waits=False)

    assert story.types.count("updated") == 2
    assert story.only.reason == "not in the mempool of bitcoind; the Electrum server has it"


def test_the_remark_names_the_other_one_once_the_first_has_it_again() -> None:
    story = BesideAnElectrumServer()
    story.asked_where()
    story.status(NODE, waits=True)
    story.asked_where()

    words = "not in the mempool of the mempool backend; bitcoind and the Electrum server has it"
    assert story.only.reason == words


def test_once_the_electrum_server_lacks_it_too_it_is_dropped() -> None:
    story = BesideAnElectrumServer()
    story.asked_where()
    story.at += timedelta(seconds=60)
    story.status(REST, waits=False)
    story.status(SourceName.ELECTRS, waits=False)

    assert story.only.status is Status.DROPPED


def test_after_the_backend_has_it_back_the_next_doubt_begins_with_short_waits() -> None:
    story = BesideAnElectrumServer()
    story.asked_where()
    story.at += timedelta(minutes=40)
    story.status(REST, waits=True)
    story.left_backend()
    story.asks_in()
    story.asked_where()

    assert story.asks_in() == 2.5


@pytest.mark.parametrize("back", [False, True])
def test_waits_are_short_though_a_node_of_other_policies_has_lacked_it_for_hours(*, back: bool) -> None:
    story = TwoSources()
    story.left_node()
    for source in (SourceName.ELECTRS, REST):
        story.status(source, waits=True)
    if back:
        story.left_backend()
    story.status(NODE, waits=False)
    story.status(REST, waits=True)
    story.at += timedelta(hours=2)
    story.left_backend()
    story.status(REST, waits=False)

    assert AskStatus(WHALE.txid, in_seconds=2.5) in story.questions


def test_what_a_node_has_that_tells_of_departures_is_not_asked_about_again() -> None:
    story = TwoSources()
    story.left_backend()
    story.status(NODE, waits=True)
    story.questions.clear()
    story.status(REST, waits=False)

    assert story.questions == []


def contested(source: SourceName) -> Story:
    """A whale of the backend's, whose coin another spends too that `source` tells of."""
    story = Story(forecast_source=forecasting())
    story.start()
    story.receive(BlockConnected(block=a_block(0), source=NODE))
    story.seen(DEARER)
    story.receive(TransactionSeen(tx=WHALE, source=source))
    story.waits(DEARER)
    return story


def test_of_two_spends_of_one_coin_in_one_mempool_each_is_asked_about_again() -> None:
    story = contested(WS)

    assert {
        AskStatus(WHALE.txid, in_seconds=2.5),
        AskStatus(DEARER.txid, in_seconds=2.5),
    } <= set(story.questions)


def test_a_version_whose_report_came_after_its_replacement_ends_when_it_is_nowhere() -> None:
    story = contested(WS)
    story.gone(WHALE)

    ended = next(one for one in story.kept.values() if one.tx.txid == WHALE.txid)
    assert (ended.status, ended.reason) == (
        Status.REPLACED,
        f"replaced by {DEARER.txid}, together with others",
    )


def test_two_spends_of_one_coin_in_two_mempools_may_both_wait() -> None:
    assert not [one for one in contested(NODE).questions if isinstance(one, AskStatus) and one.in_seconds]

"""Many transactions of one frame, read only as far as they matter to a whale."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from app.core.classification import Flag
from app.core.models import Transaction
from app.core.observations import MemoryPressed, TransactionsSeen
from app.core.prediction import Status
from app.core.questions import AskMempool, AskPackage, AskStatus
from app.core.tracking.unloading import ALWAYS_KEPT
from app.core.units import Outpoint, Sats, Txid
from app.errors import ParseError
from tests.builders import a_block, a_coin, a_script, a_transaction, a_whale, pays, spends
from tests.core.story import THRESHOLD, WS, Story

WHALE = a_whale(150)


@dataclass(frozen=True)
class Frame:
    """A frame as a source decodes it; those of `broken` cannot be read whole."""

    txs: Sequence[Transaction]
    broken: frozenset[Txid] = frozenset()

    @property
    def txids(self) -> Sequence[Txid]:
        return [tx.txid for tx in self.txs]

    @property
    def gross(self) -> Sequence[int]:
        return [tx.gross for tx in self.txs]

    @property
    def parents(self) -> Sequence[Txid]:
        return [spent.outpoint.txid for tx in self.txs for spent in tx.inputs]

    def parents_of(self, index: int) -> Sequence[Txid]:
        return [spent.outpoint.txid for spent in self.txs[index].inputs]

    def paid(self) -> Sequence[tuple[Txid, tuple[float, float]]]:
        return [(tx.txid, (float(tx.feerate or 0), float(tx.vsize or 0))) for tx in self.txs]

    def whole(self, index: int) -> Transaction:
        if self.txids[index] in self.broken:
            raise ParseError("witness: not hexadecimal")
        return self.txs[index]


def frame(*txs: Transaction, late: bool = False, broken: Sequence[Transaction] = ()) -> TransactionsSeen:
    return TransactionsSeen(batch=Frame(txs, frozenset(tx.txid for tx in broken)), source=WS, late=late)


def small(coin: Outpoint, btc: float = 1) -> Transaction:
    """Spends that coin; no whale if it pays little."""
    return a_transaction(
        spends=[spends(a_script(coin), btc + 0.1, outpoint=coin)],
        pays=[pays(a_script("shop"), btc)],
        vsize=100,
    )


def strangers(number: int) -> list[Transaction]:
    return [small(a_coin(("stranger", one))) for one in range(number)]


def after(tx: Transaction) -> Outpoint:
    """The coin that it pays."""
    return Outpoint(tx.txid, 0)


def test_small_transactions_of_strangers_are_counted_and_make_no_event() -> None:
    story = Story()

    assert story.receive(frame(*strangers(3))) == []
    assert (story.tracker.tally.transactions, story.questions) == (3, [])


def test_a_frame_of_nothing_is_nothing() -> None:
    story = Story()

    assert (story.receive(frame()), story.tracker.tally.transactions) == ([], 0)


def test_a_whale_among_small_ones_is_announced_and_every_one_is_counted_once() -> None:
    story = Story()

    assert story.receive(frame(*strangers(2), WHALE, *strangers(1))) == ["detected"]
    assert story.tracker.tally.transactions == 4


def test_a_whale_of_a_frame_of_what_was_waiting_already_was_seen_late() -> None:
    story = Story()
    story.receive(frame(WHALE, late=True))

    assert Flag.LATE_SEEN in story.only.all_flags


def test_a_small_child_of_a_waiting_whale_has_the_whales_package_asked_for() -> None:
    story = Story()
    story.seen(WHALE)
    story.receive(frame(*strangers(1), small(after(WHALE))))

    assert story.questions == [AskPackage(WHALE.txid)]


def test_a_child_of_a_child_in_one_frame_belongs_to_the_package_too() -> None:
    """When the grandchild leaves, the package is asked for anew."""
    story, child = Story(), small(after(WHALE), 2)
    grandchild = small(after(child))
    story.seen(WHALE)
    story.receive(frame(child, grandchild))
    story.left(grandchild)

    assert story.questions == [AskPackage(WHALE.txid)]


def test_a_small_rival_for_a_whales_coin_has_the_whale_asked_about() -> None:
    story = Story()
    story.seen(WHALE)
    story.receive(frame(small(a_coin("one"))))

    assert story.questions == [AskStatus(WHALE.txid)]


def test_a_rival_is_noticed_while_any_whale_spends_a_coin_of_the_same_transaction() -> None:
    """Two whales spend two coins of one transaction; one of them is in a block by now."""
    story, parent = Story(), small(a_coin("parent"))
    coins = [Outpoint(parent.txid, place) for place in range(3)]
    first, second = (
        a_transaction(
            spends=[spends(a_script(c), 200, outpoint=c)], pays=[pays(a_script("x"), 150)], vsize=100
        )
        for c in coins[:2]
    )
    story.start()
    story.seen(first, second)
    story.connected(a_block(1, first))

    story.receive(frame(small(coins[1])))
    assert story.questions == [AskStatus(second.txid)]

    story.connected(a_block(2, second))
    story.receive(frame(small(coins[2])))
    assert story.questions == []


def test_a_whale_that_is_followed_is_found_again_though_the_threshold_has_risen_above_it() -> None:
    story = Story()
    story.seen(WHALE)
    story.left(WHALE)
    story.unanswered(AskStatus(WHALE.txid))
    assert story.only.left_unverified
    story.tracker.set_threshold(Sats(10 * THRESHOLD))

    assert story.receive(frame(WHALE)) == ["updated"]
    assert not story.only.left_unverified


def test_a_small_spend_of_a_dropped_whales_coin_does_not_take_its_place() -> None:
    story = Story()
    story.seen(WHALE)
    story.gone(WHALE)

    assert story.receive(frame(*strangers(1), small(a_coin("one")))) == []
    assert (story.only.status, story.tracker.tally.transactions) == (Status.DROPPED, 3)


def test_a_large_spend_of_a_dropped_whales_coin_goes_on_with_its_id() -> None:
    story, again = Story(), a_whale(140, fee=9_000)
    story.seen(WHALE)
    story.gone(WHALE)
    story.receive(frame(again))

    assert (story.only.txid, story.only.status) == (again.txid, Status.PENDING)


def test_one_that_cannot_be_read_is_counted_as_skipped_and_the_mempool_is_asked_for() -> None:
    story, other = Story(), a_whale(150, coins=("two",))

    assert story.receive(frame(WHALE, other, broken=[WHALE])) == ["detected"]
    assert (story.only.txid, story.tracker.tally.skipped) == (other.txid, 1)
    assert story.questions == [AskMempool("a transaction could not be read: witness: not hexadecimal")]


def test_a_whale_set_aside_that_is_seen_again_is_no_news() -> None:
    story = Story()
    whales = [a_whale(150, coins=(number,), fee=(number + 1) * 100) for number in range(ALWAYS_KEPT + 1)]
    story.seen(*whales)
    story.tracker.handle(MemoryPressed(rss_mb=410.0, limit_mb=500, first=False), story.at)
    assert story.tracker.unloaded == 1
    before = story.tracker.tally.transactions

    assert story.receive(frame(*whales[:2])) == []
    assert (story.questions, story.tracker.tally.transactions) == ([], before + 2)


def test_in_a_frame_or_one_by_one_the_same_is_concluded() -> None:
    child = small(after(WHALE), 2)
    txs = [
        *strangers(2),
        WHALE,
        child,
        small(a_coin("one")),
        a_whale(300, coins=("two",)),
        small(after(child)),
    ]
    together, alone = Story(), Story()
    together.receive(frame(*txs))
    alone.seen(*txs)

    assert together.types == alone.types
    assert together.questions == alone.questions
    moment = {"detected_at": together.at, "updated_at": together.at}
    assert [replace(one, **moment) for one in together.kept.values()] == [
        replace(one, **moment) for one in alone.kept.values()
    ]
    assert alone.at - together.at == timedelta(seconds=len(txs) - 1)


def test_a_whale_behind_one_that_was_set_aside_is_announced() -> None:
    story, new = Story(), a_whale(150, coins=("new",))
    whales = [a_whale(150, coins=(number,), fee=(number + 1) * 100) for number in range(ALWAYS_KEPT + 1)]
    story.seen(*whales)
    story.tracker.handle(MemoryPressed(rss_mb=410.0, limit_mb=500, first=False), story.at)

    assert story.receive(frame(whales[0], new)) == ["detected"]


def test_several_whales_of_one_frame_are_counted_once_each() -> None:
    story = Story()
    story.receive(frame(WHALE, a_whale(150, coins=("two",)), *strangers(2)))

    assert story.tracker.tally.transactions == 4


def test_each_one_that_cannot_be_read_is_counted() -> None:
    story, other = Story(), a_whale(150, coins=("two",))
    story.receive(frame(WHALE, other, broken=[WHALE, other]))

    assert story.tracker.tally.skipped == 2


def test_a_confirmed_whale_is_found_again_though_the_threshold_has_risen_above_it() -> None:
    story = Story()
    story.start()
    story.seen(WHALE)
    story.connected(a_block(1, WHALE))
    story.tracker.set_threshold(Sats(10 * THRESHOLD))
    story.receive(frame(WHALE))

    assert story.questions == [AskStatus(WHALE.txid)]

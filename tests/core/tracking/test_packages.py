"""Who belongs to a whale's package, and when what it pays is asked anew."""

from dataclasses import replace

import pytest

from app.core.models import SourceName, Transaction
from app.core.observations import PackageReply, TransactionLeft, TransactionReply, TransactionSeen
from app.core.prediction import Prediction
from app.core.questions import AskPackage, AskTransaction, Question
from app.core.tracking import lifecycle, packages
from app.core.tracking.beliefs import Beliefs
from app.core.tracking.whales import Bounds
from app.core.units import Outpoint, SatPerVb, Txid
from tests.builders import a_block, a_coin, a_script, a_transaction, a_txid, a_whale, pays, spends
from tests.core.story import WS, Story, a_whale_policy
from tests.fakes import NOON

WHALE = a_whale(150)
ANOTHER = a_whale(150, coins=("two",))
ASKED: list[Question] = [AskPackage(WHALE.txid)]


def a_small_spend(of: Txid, name: str, vout: int = 0) -> Transaction:
    spent = spends(a_script("somebody"), 1, outpoint=Outpoint(of, vout))
    tx = a_transaction(spends=[spent], pays=[pays(a_script("change"), 0.5)], fee=9_000, vsize=100)
    return replace(tx, txid=a_txid(name))


CHILD = a_small_spend(WHALE.txid, "child", vout=1)
GRANDCHILD = a_small_spend(CHILD.txid, "grandchild")
SIBLING = a_small_spend(a_coin("one").txid, "sibling", vout=1)
STRANGER = a_small_spend(a_txid("elsewhere"), "stranger")


def begun() -> Story:
    story = Story()
    story.start()
    story.seen(WHALE)
    return story


def asked_after(story: Story, tx: Transaction) -> list[Question]:
    story.seen(tx)
    return [one for one in story.questions if isinstance(one, AskPackage)]


def test_a_child_of_a_whale_belongs_to_its_package() -> None:
    assert asked_after(begun(), CHILD) == ASKED


def test_a_child_of_its_child_belongs_to_it() -> None:
    story = begun()
    story.seen(CHILD)

    assert asked_after(story, GRANDCHILD) == ASKED


def test_another_child_of_its_parent_belongs_to_it() -> None:
    assert asked_after(begun(), SIBLING) == ASKED


def test_a_stranger_does_not() -> None:
    assert asked_after(begun(), STRANGER) == []


def test_a_rival_for_its_coin_is_no_relative() -> None:
    assert asked_after(begun(), a_whale(150, fee=5_000)) == []


def test_relatives_that_a_source_names_are_followed() -> None:
    story = begun()
    members = frozenset({CHILD.txid})
    story.receive(
        PackageReply(txid=WHALE.txid, package_feerate=SatPerVb(5.0), related=1, source=WS, members=members)
    )

    assert asked_after(story, GRANDCHILD) == ASKED


def test_when_a_relative_leaves_the_package_is_asked_for_anew() -> None:
    story = begun()
    story.seen(CHILD)
    story.receive(TransactionLeft(txids=(CHILD.txid,), source=WS))

    assert ASKED[0] in story.questions


def test_a_mined_whale_has_no_package_any_more() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))

    assert asked_after(story, CHILD) == []


def test_a_whale_that_the_node_tells_is_asked_for_its_package_at_once() -> None:
    story = Story()
    story.start()
    story.receive(TransactionSeen(tx=WHALE, source=SourceName.BITCOIND))

    assert story.questions == ASKED


NODE = SourceName.BITCOIND
BY_ENTRY = replace(WHALE, package_feerate=WHALE.feerate)
"""As a node before Core 31 tells it: without what its children pay."""
PAID_FOR = SatPerVb(50.0)


def paid_for() -> Story:
    """The node tells a whale, and then what its child pays for it."""
    story = Story()
    story.start()
    story.receive(TransactionSeen(tx=BY_ENTRY, source=NODE))
    story.receive(PackageReply(txid=WHALE.txid, package_feerate=PAID_FOR, related=1, source=NODE))
    return story


def packages_asked(story: Story) -> list[Question]:
    return [one for one in story.questions if isinstance(one, AskPackage)]


def test_what_a_nodes_entry_tells_does_not_undo_what_is_known_of_the_package_but_has_it_asked_for() -> None:
    story = paid_for()

    assert story.receive(TransactionSeen(tx=BY_ENTRY, source=NODE)) == []
    assert (story.only.package_feerate, packages_asked(story)) == (PAID_FOR, ASKED)


def test_nor_does_it_after_a_restart() -> None:
    story = paid_for()
    story.restart()
    story.receive(TransactionSeen(tx=BY_ENTRY, source=NODE, late=True))

    assert (story.only.package_feerate, packages_asked(story)) == (PAID_FOR, ASKED)


def test_nor_does_the_whole_transaction_from_a_node() -> None:
    story = paid_for()
    story.receive(TransactionReply(tx=BY_ENTRY, block_hash=None, height=None, source=NODE))

    assert (story.only.package_feerate, packages_asked(story)) == (PAID_FOR, ASKED)


def test_nor_does_an_entry_that_brings_the_fee_late() -> None:
    story = Story()
    story.start()
    story.receive(TransactionSeen(tx=replace(WHALE, fee=None), source=NODE))
    story.receive(PackageReply(txid=WHALE.txid, package_feerate=PAID_FOR, related=1, source=NODE))
    story.receive(TransactionSeen(tx=BY_ENTRY, source=NODE))

    assert (story.only.tx.fee, story.only.package_feerate) == (WHALE.fee, PAID_FOR)
    assert packages_asked(story) == ASKED


def test_an_entry_that_tells_what_is_known_has_nothing_asked_for() -> None:
    story = begun()
    story.receive(TransactionSeen(tx=BY_ENTRY, source=NODE))

    assert packages_asked(story) == []


@pytest.mark.parametrize("known", [WHALE, replace(WHALE, fee=None)], ids=["its own fee", "nothing"])
def test_where_nothing_is_known_of_the_package_the_entry_tells_and_the_package_is_asked_for(
    known: Transaction,
) -> None:
    story = Story()
    story.start()
    story.seen(known)
    poor = replace(WHALE, package_feerate=SatPerVb(2.0))
    story.receive(TransactionSeen(tx=poor, source=NODE))

    assert (story.only.package_feerate, packages_asked(story)) == (2.0, ASKED)


def test_a_backend_that_tells_another_package_feerate_is_believed() -> None:
    story = paid_for()
    story.seen(replace(WHALE, package_feerate=SatPerVb(70.0)))

    assert story.only.package_feerate == 70.0


def test_a_replacement_has_its_own_package_asked_for() -> None:
    story, by = paid_for(), a_whale(150, fee=3_000)
    story.replaced(WHALE, by=by)

    assert AskPackage(by.txid) in story.questions


def test_a_whale_that_waits_again_after_a_reorg_has_its_package_asked_for_and_its_parents_watched() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))
    story.left(a_transaction_of(a_coin("one").txid))
    story.connected(a_block(1, branch="b", on=""), a_block(2, branch="b"))
    asked = packages_asked(story)

    assert (asked, asked_after(story, SIBLING)) == (ASKED, ASKED)


def a_transaction_of(txid: Txid) -> Transaction:
    return replace(STRANGER, txid=txid)


def test_a_whale_known_by_its_line_has_its_parents_watched_once_it_is_whole() -> None:
    story = Story()
    story.start()
    story.projected(WHALE)
    story.unanswered(AskTransaction(WHALE.txid))
    story.published(WHALE)

    assert asked_after(story, SIBLING) == ASKED


def remembers_one() -> Beliefs:
    return Beliefs(a_whale_policy(), Bounds(ended=1), demo=False)


def waiting(beliefs: Beliefs, tx: Transaction) -> Prediction:
    classification = beliefs.whale_policy.classify(tx, beliefs.peels)
    return lifecycle.begin(tx, classification, source=WS, at=NOON, tip=None)


def end(beliefs: Beliefs, *txs: Transaction) -> None:
    for tx in txs:
        beliefs.keep(lifecycle.drop(waiting(beliefs, tx), NOON, "gone"))


def forgotten(*, others: tuple[Transaction, ...] = ()) -> Beliefs:
    """A whale that has ended, and another for which it was forgotten; `others` were pending beside it."""
    beliefs = remembers_one()
    for tx in (WHALE, *others):
        packages.begin(beliefs, tx)
    end(beliefs, WHALE, ANOTHER)
    return beliefs


def test_the_parents_of_a_whale_that_is_forgotten_are_watched_no_longer() -> None:
    assert not forgotten().watches_any([a_coin("one").txid])


def test_a_parent_of_another_whale_too_is_watched_on() -> None:
    assert forgotten(others=(a_whale(150, fee=5_000),)).watches_any([a_coin("one").txid])


def test_the_parents_of_one_that_is_another_prediction_by_now_are_watched_on() -> None:
    beliefs = remembers_one()
    packages.begin(beliefs, WHALE)
    end(beliefs, WHALE)
    beliefs.keep(replace(waiting(beliefs, WHALE), prediction_id="another"))
    end(beliefs, ANOTHER)

    assert beliefs.watches_any([a_coin("one").txid])


def test_a_whale_that_comes_back_after_its_end_has_its_relatives_still() -> None:
    story = begun()
    story.gone(WHALE)

    assert asked_after(story, WHALE) == ASKED
    assert asked_after(story, SIBLING) == ASKED

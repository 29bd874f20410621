"""Who belongs to a whale's package, and when what it pays is asked anew."""

from dataclasses import replace

from app.core.models import SourceName, Transaction
from app.core.observations import PackageReply, TransactionLeft, TransactionSeen
from app.core.prediction import Prediction
from app.core.questions import AskPackage, Question
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

    assert asked_after(story, WHALE) == []
    assert asked_after(story, SIBLING) == ASKED

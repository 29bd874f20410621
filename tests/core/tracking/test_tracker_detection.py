"""From first sight to the announcement."""

from dataclasses import replace

import pytest

from app.core.classification import Classification, Flag, Flow, MovedIs
from app.core.models import SourceName, Transaction
from app.core.observations import PackageReply, PrevoutsReply, ProjectedTransaction, TransactionSeen
from app.core.prediction import Prediction, Status
from app.core.questions import AskPackage, AskPrevouts, AskTransaction
from app.core.tracking.tracker import Tracker
from app.core.tracking.whales import Bounds
from app.core.units import SatPerVb, Sats, VBytes
from tests.builders import (
    a_block,
    a_coin,
    a_script,
    a_transaction,
    a_txid,
    a_whale,
    pays,
    prevouts_of,
    spends,
    without_prevouts,
)
from tests.core.story import REST, WS, Story, a_whale_policy
from tests.fakes import NOON, NoForecasts


def pays_sats(amount: int, *, change: int = 0) -> Transaction:
    """To a stranger; the change goes back to the script that is spent."""
    owner = a_script("owner")
    outputs = [replace(pays(a_script("stranger"), 1), value=Sats(amount))]
    if change:
        outputs.append(replace(pays(owner, 1), value=Sats(change)))
    return a_transaction(
        spends=[spends(owner, 5_000, outpoint=a_coin("boundary"))], pays=outputs, fee=500, vsize=100
    )


@pytest.mark.parametrize("change", [0, 1, 200 * 100_000_000])
@pytest.mark.parametrize(
    ("amount", "published"), [(9_999_999_999, []), (10_000_000_000, []), (10_000_000_001, ["detected"])]
)
def test_a_whale_moves_more_than_the_threshold_by_a_satoshi_at_least(
    amount: int, change: int, published: list[str]
) -> None:
    assert Story().seen(pays_sats(amount, change=change)) == published


def test_certain_change_does_not_count_once_the_prevouts_are_known() -> None:
    story, tx = Story(), pays_sats(10_000_000_000, change=1_000_000)
    story.seen(without_prevouts(tx))

    assert story.receive(prevouts_of(tx)) == []


def test_one_satoshi_more_beside_certain_change_is_announced_as_certain() -> None:
    story, tx = Story(), pays_sats(10_000_000_001, change=200 * 100_000_000)
    story.seen(without_prevouts(tx))
    story.receive(prevouts_of(tx))

    assert (story.only.classification.moved, story.only.classification.moved_is) == (
        10_000_000_001,
        MovedIs.CERTAIN,
    )


def test_prevouts_are_asked_for_before_a_candidate_is_announced() -> None:
    story, tx = Story(), a_whale(prevouts=False)

    assert story.seen(tx) == []
    assert story.questions == [AskPrevouts(tx.txid, (a_coin("one"),))]


def test_a_candidate_is_announced_with_the_time_of_first_sight() -> None:
    story, tx = Story(), a_whale()
    story.seen(without_prevouts(tx))
    first_sight = story.at
    story.receive(prevouts_of(tx))

    assert story.only.detected_at == first_sight


def test_a_candidate_whose_prevouts_nobody_knows_is_announced_as_far_as_known() -> None:
    story = Story()
    story.seen(a_whale(prevouts=False))

    assert story.unanswered(*story.questions) == ["detected"]


def test_a_candidate_whose_prevouts_come_without_one_is_announced() -> None:
    story, tx = Story(), a_whale(prevouts=False)
    story.seen(tx)
    nothing = PrevoutsReply(txid=tx.txid, prevouts={a_coin("one"): None}, source=WS)

    assert story.receive(nothing) == ["detected"]


def test_a_candidate_seen_again_while_its_prevouts_are_asked_is_asked_about_once() -> None:
    story, tx = Story(), a_whale(prevouts=False)
    story.seen(tx)
    story.seen(tx)

    assert story.questions == []


def test_a_whale_seen_again_is_not_announced_again() -> None:
    story, tx = Story(), a_whale()
    story.seen(tx)

    assert story.seen(tx, tx) == []


def test_prevouts_told_late_correct_what_was_said_of_a_waiting_whale() -> None:
    story, tx = Story(), a_whale()
    story.seen(without_prevouts(tx))
    story.unanswered(*story.questions)

    assert story.receive(prevouts_of(tx)) == ["updated"]


def test_prevouts_told_after_the_block_still_correct_what_was_said() -> None:
    story, tx = Story(), pays_sats(15_000_000_000, change=200 * 100_000_000)
    story.start()
    story.seen(without_prevouts(tx))
    story.connected(a_block(1, tx))
    story.receive(prevouts_of(tx))

    assert story.only.classification.moved == 15_000_000_000


def test_prevouts_told_twice_are_told_once() -> None:
    story, tx = Story(), a_whale()
    story.seen(without_prevouts(tx))
    story.receive(prevouts_of(tx))

    assert story.receive(prevouts_of(tx)) == []


def test_the_candidate_that_waited_longest_is_decided_when_there_are_too_many() -> None:
    story = Story(bounds=Bounds(candidates=2))
    first, *rest = [a_whale(coins=(name,), prevouts=False) for name in "abc"]
    story.seen(first, *rest)

    assert [one.txid for one in story.kept.values()] == [first.txid]


def test_what_waited_before_the_source_could_tell_is_marked() -> None:
    story = Story()
    story.seen(a_whale(), late=True)

    assert Flag.LATE_SEEN in story.only.flags


def test_what_is_seen_as_it_enters_is_not_marked() -> None:
    story = Story()
    story.seen(a_whale())

    assert story.only.flags == frozenset()


def glimpse_of(tx: Transaction, rate: float | None = None) -> ProjectedTransaction:
    return ProjectedTransaction(
        txid=tx.txid,
        value=tx.gross,
        fee=Sats(1_000),
        vsize=VBytes(100),
        package_feerate=None if rate is None else SatPerVb(rate),
        source=WS,
    )


def test_a_big_line_of_a_projected_block_is_asked_for_whole() -> None:
    story, tx = Story(), a_whale()
    story.receive(glimpse_of(tx))

    assert story.questions == [AskTransaction(tx.txid)]


def test_a_line_of_the_threshold_is_no_whale() -> None:
    story = Story()
    story.receive(glimpse_of(a_whale(100)))

    assert story.questions == []


def test_a_glimpsed_whale_is_announced_once_it_is_told_whole() -> None:
    story, tx = Story(), a_whale()
    story.receive(glimpse_of(tx))

    assert story.published(tx) == ["detected"]


def test_a_glimpsed_whale_that_cannot_be_read_is_announced_by_its_line() -> None:
    story, tx = Story(), a_whale()
    story.receive(glimpse_of(tx))
    story.unanswered(*story.questions)

    assert (story.only.classification.gross, story.only.classification.moved_is) == (
        tx.gross,
        MovedIs.UP_TO,
    )


def test_a_whale_announced_by_its_line_takes_up_the_whole_when_it_comes() -> None:
    story, tx = Story(), a_whale()
    story.receive(glimpse_of(tx))
    story.unanswered(*story.questions)
    story.published(tx)

    assert story.only.tx.outputs == tx.outputs


def test_a_whale_known_by_its_line_is_asked_for_again_at_each_reconciliation() -> None:
    story, tx = Story(), a_whale()
    story.receive(glimpse_of(tx))
    story.unanswered(*story.questions)
    story.listed(tx)

    assert AskTransaction(tx.txid) in story.questions


def test_a_glimpsed_transaction_that_has_gone_is_forgotten() -> None:
    story, tx = Story(), a_whale()
    story.receive(glimpse_of(tx))
    story.gone(tx)

    assert story.unanswered(AskTransaction(tx.txid)) == []


def test_a_child_of_a_waiting_whale_has_its_package_asked_for() -> None:
    story, whale = Story(), a_whale()
    story.seen(whale)
    child = a_transaction(
        spends=[spends(a_script("x"), 1, outpoint=a_coin("y")._replace(txid=whale.txid))],
        pays=[pays(a_script("z"), 0.5)],
    )
    story.seen(child)

    assert story.questions == [AskPackage(whale.txid)]


def test_a_package_that_pays_more_than_its_whale_is_marked_and_told() -> None:
    story, whale = Story(), replace(a_whale(), package_feerate=SatPerVb(10.0))
    story.seen(whale)
    lifted = PackageReply(txid=whale.txid, package_feerate=SatPerVb(80.0), related=1, source=WS)

    assert story.receive(lifted) == ["updated"]
    assert Flag.CPFP in story.only.all_flags


def test_a_package_that_is_one_no_more_is_marked_no_more() -> None:
    story, whale = Story(), replace(a_whale(), package_feerate=SatPerVb(80.0))
    story.seen(whale)
    assert Flag.CPFP in story.only.all_flags

    story.receive(PackageReply(txid=whale.txid, package_feerate=SatPerVb(10.0), related=0, source=WS))
    assert Flag.CPFP not in story.only.all_flags


def test_a_whale_that_lifts_its_parent_is_marked_when_that_is_learnt() -> None:
    story, whale = Story(), replace(a_whale(), package_feerate=SatPerVb(10.0))
    story.seen(whale)

    story.receive(PackageReply(txid=whale.txid, package_feerate=SatPerVb(4.0), related=1, source=WS))
    assert Flag.CPFP in story.only.all_flags


def test_a_package_that_pays_what_it_paid_is_not_told() -> None:
    story, whale = Story(), replace(a_whale(), package_feerate=SatPerVb(10.0))
    story.seen(whale)

    assert (
        story.receive(PackageReply(txid=whale.txid, package_feerate=SatPerVb(10.05), related=0, source=WS))
        == []
    )


def test_the_first_to_see_a_whale_stays_its_first_witness() -> None:
    story, tx = Story(), a_whale()
    story.seen(tx)
    story.published(tx)

    assert story.only.first_seen_by is SourceName.MEMPOOL_WS


def test_an_id_is_made_of_the_first_txid() -> None:
    story, tx = Story(), replace(a_whale(), txid=a_txid("the first"))
    story.seen(tx)

    assert story.only.prediction_id == f"whl_{tx.txid[:32]}"


def test_inputs_that_nobody_knew_are_asked_for_with_each_listing_while_it_waits() -> None:
    story, tx = Story(), a_whale(prevouts=False)
    story.seen(tx)
    asked = [one for one in story.questions if isinstance(one, AskPrevouts)]
    story.unanswered(*asked)
    story.listed(tx)
    again = list(story.questions)
    story.receive(prevouts_of(a_whale()))
    story.listed(tx)

    assert (again, story.questions) == (asked, [])


def test_from_a_lower_threshold_on_a_smaller_transaction_is_a_whale() -> None:
    story = Story()
    story.start()
    before = story.seen(a_whale(60, coins=("small",)))

    story.tracker.set_threshold(Sats(50 * 100_000_000))

    assert (before, story.seen(a_whale(60, coins=("other",)))) == ([], ["detected"])


def test_a_whale_that_is_followed_stays_one_when_the_threshold_rises() -> None:
    story = Story()
    story.start()
    whale = a_whale(150)
    story.seen(whale)

    story.tracker.set_threshold(Sats(200 * 100_000_000))

    assert story.connected(a_block(1, whale)) == ["confirmed"]


def test_a_line_that_cannot_be_read_takes_nothing_from_what_is_known_whole_meanwhile() -> None:
    """It came by the stream, and only its coins are still asked about."""
    story, tx = Story(), a_whale()
    story.receive(glimpse_of(tx))
    asked = story.questions
    story.seen(without_prevouts(tx))
    assert story.unanswered(*asked) == []

    assert story.receive(prevouts_of(tx)) == ["detected"]
    assert story.only.tx.outputs == tx.outputs


def test_a_whale_that_is_announced_by_its_line_in_a_block_is_not_announced_by_its_coins_too() -> None:
    story, tx = Story(), a_whale()
    story.start()
    story.connected(a_block(1, tx))
    asked = story.questions
    story.seen(without_prevouts(tx))

    assert story.unanswered(*asked) == ["detected", "confirmed"]
    assert story.receive(prevouts_of(tx)) == []


def test_the_coins_of_a_whale_known_by_its_line_are_asked_for_when_the_whole_comes_without_them() -> None:
    story, tx = Story(), a_whale()
    story.receive(glimpse_of(tx))
    story.unanswered(*story.questions)
    story.seen(without_prevouts(tx))

    assert story.questions == [AskPrevouts(tx.txid, (a_coin("one"),))]


def test_a_whale_asked_for_whole_was_seen_late_by_whoever_answered() -> None:
    story = Story()
    story.published(a_whale(150))

    assert story.only.first_seen_by is REST
    assert Flag.LATE_SEEN in story.only.all_flags


def test_a_whale_that_replaces_what_was_not_known_is_first_seen_by_who_said_so() -> None:
    story = Story()
    story.replaced(a_whale(90, fee=100), by=a_whale(150))

    assert story.only.first_seen_by is WS


def test_the_coins_of_what_pays_just_the_threshold_are_not_asked_for() -> None:
    story = Story()
    story.seen(a_whale(100, prevouts=False))

    assert story.questions == []


def test_a_whale_of_the_demo_is_marked_as_one() -> None:
    tracker = Tracker(a_whale_policy(), demo=True)
    drawn = tracker.handle(TransactionSeen(tx=a_whale(150), source=WS), NOON)

    assert [one.demo for one in drawn.predictions.values()] == [True]


def test_a_package_that_pays_one_percent_more_is_not_told() -> None:
    story = Story()
    story.seen(a_whale(150))
    story.receive(package_of(100.0))

    assert story.receive(package_of(101.0)) == []


def package_of(feerate: float) -> PackageReply:
    txid = a_whale(150).txid
    return PackageReply(txid=txid, package_feerate=SatPerVb(feerate), related=None, source=WS)


def known_by_total(value: int) -> Classification:
    return Classification(
        flow=Flow.UNKNOWN,
        gross=Sats(value),
        moved=Sats(value),
        moved_low=Sats(0),
        moved_high=Sats(value),
        moved_is=MovedIs.UP_TO,
        internal=Sats(0),
        evidence=("only the sum of its outputs could be learnt, so all of it may be change",),
    )


def test_a_whale_announced_by_its_line_is_all_that_the_line_says() -> None:
    story, tx = Story(), a_whale()
    story.receive(glimpse_of(tx, rate=12.5))
    story.unanswered(*story.questions)

    assert story.only == Prediction(
        prediction_id=f"whl_{tx.txid[:32]}",
        version=1,
        tx=Transaction(
            txid=tx.txid,
            inputs=(),
            outputs=(),
            fee=Sats(1_000),
            vsize=VBytes(100),
            package_feerate=SatPerVb(12.5),
        ),
        classification=known_by_total(tx.gross),
        status=Status.PENDING,
        detected_at=story.at,
        detected_height=None,
        first_seen_by=WS,
        updated_at=story.at,
        flags=frozenset({Flag.LATE_SEEN}),
        package_feerate=SatPerVb(12.5),
        held_by=story.only.held_by,
        announced_flow=Flow.UNKNOWN,
    )


def test_a_whale_of_a_block_announced_by_its_line_is_all_that_the_line_says() -> None:
    story, tx = Story(), a_whale()
    story.start()
    block = a_block(1, tx)
    story.connected(block)
    story.unanswered(*story.questions)
    whale = story.only

    assert whale.tx == Transaction(txid=tx.txid, inputs=(), outputs=(), fee=tx.fee, vsize=tx.vsize)
    assert whale.classification == known_by_total(tx.gross)
    assert (whale.first_seen_by, whale.first_seen_in_block, whale.flags) == (
        SourceName.BLOCK,
        True,
        frozenset({Flag.LATE_SEEN}),
    )
    assert (whale.status, whale.confirmed_hash) == (Status.CONFIRMED, block.hash)


@pytest.mark.parametrize("spiking", [False, True])
def test_a_whale_that_comes_while_fees_spike_is_marked_and_one_of_a_block_is_not(*, spiking: bool) -> None:
    source = NoForecasts()
    source.spiking = spiking
    story, waits, mined = Story(forecast_source=source), a_whale(), a_whale(150, coins=("two",))
    story.start()
    story.seen(waits)
    block = a_block(1, mined)
    story.connected(block)
    story.published(mined, block)

    assert (Flag.FEE_SPIKE in story.of(waits).flags) is spiking
    assert Flag.FEE_SPIKE not in story.of(mined).flags

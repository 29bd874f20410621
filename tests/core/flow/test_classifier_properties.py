"""What holds for every transaction and whatever is labelled."""

from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core.classification import Classification, MovedIs
from app.core.flow.classifier import classify, is_whale
from app.core.flow.entities import Entities
from app.core.flow.labels import Label, a_label
from app.core.models import Input, Output, Transaction
from app.core.units import MAX_MONEY, Outpoint, Sats, Script
from tests.builders import DAY, a_script, a_transaction, a_txid, pays, spends

OWNERS = [a_script(number, kind) for number in range(6) for kind in ("p2wpkh", "p2tr")]
BURNT = a_script("memo", "op_return")
GROUPS = ("Kraken", "Bitstamp", "Foundry")
AMOUNTS = st.one_of(
    st.integers(0, 2_000),
    st.integers(1, 60).map(lambda coins: coins * 10**9),
    st.integers(0, MAX_MONEY // 100),
)
scripts = st.sampled_from(OWNERS)
few = st.sampled_from([*OWNERS[:5], BURNT])
outputs = st.builds(Output, value=AMOUNTS.map(Sats), script=st.one_of(scripts, st.just(BURNT)))


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    owners = draw(
        st.lists(st.one_of(scripts, st.none()) if draw(st.booleans()) else scripts, min_size=1, max_size=7)
    )
    paid = draw(st.lists(outputs, min_size=1, max_size=8))
    values_known = draw(st.booleans())
    left = sum(output.value for output in paid) + draw(st.integers(0, 100_000))
    inputs = []
    for index, owner in enumerate(owners):
        value = left if index == len(owners) - 1 else draw(st.integers(0, left))
        left -= value
        inputs.append(
            Input(
                outpoint=Outpoint(a_txid("coin"), index),
                script=owner,
                value=Sats(value) if values_known else None,
            )
        )
    return a_transaction(spends=inputs, pays=paid)


@st.composite
def label_lists(draw: st.DrawFn) -> list[Label]:
    owned = draw(
        st.lists(st.tuples(scripts, st.sampled_from(GROUPS)), max_size=8, unique_by=lambda pair: pair[0])
    )
    return [_label(script, entity) for script, entity in owned]


def _label(script: Script, entity: str) -> Label:
    return a_label(script, entity, kind="pool" if entity == "Foundry" else "exchange", created_at=DAY)


def _statement(seen: Classification) -> Classification:
    """All but the evidence, which numbers the outputs."""
    return replace(seen, evidence=())


@given(transactions(), label_lists())
def test_moved_is_never_negative_and_never_over_gross(tx: Transaction, labels: list[Label]) -> None:
    seen = classify(tx, Entities((), labels))

    assert 0 <= seen.moved_low <= seen.moved <= seen.moved_high <= seen.gross
    assert seen.internal >= 0
    assert seen.moved + seen.internal <= seen.gross


@given(transactions(), label_lists())
def test_what_is_certain_has_no_interval(tx: Transaction, labels: list[Label]) -> None:
    seen = classify(tx, Entities((), labels))

    assert (seen.moved_is is MovedIs.CERTAIN) <= (seen.moved_low == seen.moved_high)


@given(transactions(), label_lists())
def test_the_split_sums_to_what_moved(tx: Transaction, labels: list[Label]) -> None:
    seen = classify(tx, Entities((), labels))

    assert sum(seen.split.values()) == seen.moved
    assert all(sats > 0 for sats in seen.split.values())


@given(transactions(), label_lists(), st.randoms(use_true_random=False))
def test_order_of_inputs_and_outputs_changes_nothing(
    tx: Transaction, labels: list[Label], random: object
) -> None:
    inputs, outputs = list(tx.inputs), list(tx.outputs)
    random.shuffle(inputs)  # type: ignore[attr-defined]
    random.shuffle(outputs)  # type: ignore[attr-defined]
    shuffled = replace(tx, inputs=tuple(inputs), outputs=tuple(outputs))
    known = Entities((), labels)

    assert _statement(classify(shuffled, known)) == _statement(classify(tx, known))


@settings(max_examples=500)
@given(
    inputs=st.lists(few, min_size=1, max_size=3),
    paid=st.lists(few, min_size=1, max_size=4),
    labelled=st.dictionaries(few, st.sampled_from(GROUPS), max_size=4),
    script=few,
    entity=st.sampled_from(GROUPS),
)
def test_adding_a_label_never_makes_a_certain_statement_false(
    inputs: list[Script], paid: list[Script], labelled: dict[Script, str], script: Script, entity: str
) -> None:
    tx = a_transaction(
        spends=[spends(owner, 200 + index) for index, owner in enumerate(inputs)],
        pays=[pays(owner, 20 + 7 * index) for index, owner in enumerate(paid)],
    )
    labels = [_label(owner, name) for owner, name in labelled.items() if owner != script]

    before = classify(tx, Entities((), labels))
    after = classify(tx, Entities((), [*labels, _label(script, entity)]))

    assert before.moved_is is not MovedIs.CERTAIN or after.moved == before.moved


@settings(max_examples=500)
@given(
    known=st.lists(few, min_size=1, max_size=2),
    missing=st.lists(few, min_size=1, max_size=2),
    paid=st.lists(few, min_size=1, max_size=3),
    labelled=st.dictionaries(few, st.sampled_from(GROUPS), max_size=4),
)
def test_learning_a_missing_script_never_makes_a_certain_statement_false(
    known: list[Script], missing: list[Script], paid: list[Script], labelled: dict[Script, str]
) -> None:
    received = a_transaction(
        spends=[spends(script, 100) for script in known] + [spends(None) for _ in missing],
        pays=[pays(script, 20 + index) for index, script in enumerate(paid)],
    )
    reported = [*received.inputs[: len(known)]] + [
        replace(spent, script=script)
        for spent, script in zip(received.inputs[len(known) :], missing, strict=True)
    ]
    entities = Entities((), [_label(owner, name) for owner, name in labelled.items()])
    before, after = (classify(tx, entities) for tx in (received, replace(received, inputs=tuple(reported))))

    assert before.moved_is is not MovedIs.CERTAIN or after.moved == before.moved


@given(transactions(), label_lists(), st.integers(0, MAX_MONEY))
def test_a_whale_has_gross_and_possible_movement_over_the_threshold(
    tx: Transaction, labels: list[Label], threshold: int
) -> None:
    seen = classify(tx, Entities((), labels))

    assert is_whale(seen, Sats(threshold)) == (seen.moved_high > threshold)


@given(transactions(), label_lists())
def test_every_missing_script_is_counted_and_told(tx: Transaction, labels: list[Label]) -> None:
    seen = classify(tx, Entities((), labels))
    missing = sum(spent.script is None for spent in tx.inputs)

    assert seen.missing_inputs == missing
    assert any("not known yet" in step for step in seen.evidence) == (missing > 0)


@given(transactions(), label_lists())
@example(a_transaction(spends=[], pays=[]), [])
def test_nothing_breaks_it(tx: Transaction, labels: list[Label]) -> None:
    classify(tx, Entities((), labels))

"""The sentences that say why a transaction was classified so: whole, and in their order."""

import pytest

from app.core.flow.classifier import classify
from app.core.flow.entities import Entities
from app.core.flow.peel import PeelMemory
from app.core.models import Input, Output
from app.core.units import Outpoint, Txid
from tests.builders import a_script, a_transaction, entities, pays, spends

ANN, BOB, CAROL, DAN, EVE = (a_script(name) for name in ("ann", "bob", "carol", "dan", "eve"))
NOBODY = Entities()
STRANGER = "no input carries a label: the sender is unknown"
BOURSE = "Bourse (exchange; own label)"


def evidence(ins: list[Input], outs: list[Output], known: Entities = NOBODY) -> tuple[str, ...]:
    return classify(a_transaction(spends=ins, pays=outs, vsize=100), known).evidence


def pays_from(labels: Entities, *ins: Input) -> str:
    """What is said of the sender of these inputs."""
    return evidence(list(ins), [pays(CAROL, 19)], labels)[0]


@pytest.mark.parametrize(
    ("labels", "ins", "said"),
    [
        (NOBODY, (spends(ANN, 20),), STRANGER),
        (entities((ANN, "Bourse")), (spends(ANN, 20),), f"the input is labelled {BOURSE}: the sender"),
        (
            entities((ANN, "Bourse"), (BOB, "Bourse")),
            (spends(ANN, 10), spends(BOB, 10)),
            f"all 2 inputs are labelled {BOURSE}: the sender",
        ),
        (
            entities((ANN, "Bourse")),
            (spends(ANN, 10), spends(BOB, 10)),
            f"1 of 2 inputs is labelled {BOURSE}: the sender",
        ),
        (
            entities((ANN, "Bourse"), (BOB, "Bourse")),
            (spends(ANN, 10), spends(BOB, 5), spends(DAN, 5)),
            f"2 of 3 inputs are labelled {BOURSE}: the sender",
        ),
        (
            entities((ANN, "Change"), (BOB, "Bourse")),
            (spends(ANN, 10), spends(BOB, 10)),
            "inputs carry labels of (own label) Bourse and Change: mixed, no single sender",
        ),
        (
            NOBODY,
            (spends(None),),
            "the input: the script it spends is not known yet, so neither are its owner and its change",
        ),
        (
            NOBODY,
            (spends(None), spends(ANN, 20)),
            "1 of 2 inputs: the script it spends is not known yet, so neither are its owner and its change",
        ),
        (
            NOBODY,
            (spends(None), spends(None, 3)),
            "all 2 inputs: the script it spends is not known yet, so neither are its owner and its change",
        ),
    ],
)
def test_the_sender_is_named_by_its_labels(labels: Entities, ins: tuple[Input, ...], said: str) -> None:
    assert pays_from(labels, *ins) == said


@pytest.mark.parametrize(
    ("outs", "said"),
    [
        ([pays(BOB, 9)], ["output 0 carries no label and may be the sender's own: up to 9.00 BTC"]),
        (
            [pays(BOB, 2), pays(CAROL, 3), pays(DAN, 4)],
            ["outputs 0, 1 and 2 carry no label and may be the sender's own: up to 9.00 BTC"],
        ),
        (
            [pays(a_script(number), 1) for number in range(12)],
            ["12 outputs carry no label and may be the sender's own: up to 12.00 BTC"],
        ),
        (
            [pays(ANN, 2), pays(CAROL, 7)],
            [
                "output 0 pays an address that also signs an input: change, 2.00 BTC",
                "output 1 carries no label; the change is most likely elsewhere, so a payment: 7.00 BTC",
            ],
        ),
        (
            [pays(ANN, 2), pays(CAROL, 3), pays(DAN, 4)],
            [
                "output 0 pays an address that also signs an input: change, 2.00 BTC",
                "outputs 1 and 2 carry no label; the change is most likely elsewhere, so a payment: 7.00 BTC",
            ],
        ),
        (
            [pays(ANN, 13)],
            [
                "output 0 pays an address that also signs an input: change, 13.00 BTC",
                "nothing else is paid: nothing leaves",
            ],
        ),
        (
            [pays(a_script("ann", "p2pkh"), 5), pays(CAROL, 8)],
            [
                "output 0 pays a key that also signs an input, in another type of address: change, 5.00 BTC",
                "output 1 carries no label; the change is most likely elsewhere, so a payment: 8.00 BTC",
            ],
        ),
        (
            [pays(a_script("x", "op_return"), 4), pays(BOB, 5)],
            [
                "output 0 can never be spent again: burnt, 4.00 BTC",
                "output 1 is likely change (the other outputs are attributed; confidence medium), 5.00 BTC",
            ],
        ),
        (
            [pays(BOB, 10), pays(CAROL, 2.87654321)],
            ["output 1 is likely change (round amount; confidence high), 2.87654321 BTC"],
        ),
        (
            [pays(BOB, 10), pays(a_script("carol", "p2tr"), 2.87654321)],
            [
                "which output is change is open, rules disagree (output 0 by script type; output 1 by round"
                " amount): up to 12.87654321 BTC"
            ],
        ),
    ],
)
def test_each_output_is_said_to_be_what_it_was_taken_for(outs: list[Output], said: list[str]) -> None:
    assert evidence([spends(ANN, 13)], outs) == (STRANGER, *said)


def test_several_outputs_that_go_back_are_named_together() -> None:
    ins = [spends(ANN, 10), spends(BOB, 10)]
    same = evidence(ins, [pays(ANN, 5), pays(BOB, 6), pays(CAROL, 8)])
    keys = [pays(a_script("ann", "p2pkh"), 5), pays(a_script("bob", "p2pkh"), 6), pays(CAROL, 8)]

    assert same[1] == "outputs 0 and 1 pay addresses that also sign an input: change, 11.00 BTC"
    assert evidence(ins, keys)[1] == (
        "outputs 0 and 1 pay keys that also sign an input, in another type of address: change, 11.00 BTC"
    )


def test_what_stays_with_the_sender_and_what_reaches_a_named_one_is_said() -> None:
    outs = [pays(BOB, 4), pays(CAROL, 5)]

    assert evidence([spends(ANN, 10)], outs, entities((ANN, "Bourse"), (BOB, "Bourse")))[1:] == (
        f"output 0 pays {BOURSE}: the sender's own group, 4.00 BTC",
        "output 1 carries no label; the change is most likely elsewhere, so a payment: 5.00 BTC",
    )
    assert evidence([spends(ANN, 10)], outs, entities((BOB, "Bourse"), (CAROL, "Bourse"))) == (
        STRANGER,
        f"outputs 0 and 1 pay {BOURSE}: a receiver, 9.00 BTC",
    )


def test_a_coinjoin_is_said_to_be_one_and_its_sender_is_not_sought() -> None:
    ins = [spends(a_script(("in", number)), 40) for number in range(6)]
    outs = [pays(a_script(("mixed", number)), 30) for number in range(6)]
    change = [pays(a_script(("change", number)), 9 + number / 100) for number in range(6)]

    assert evidence(ins, [*outs, *change]) == (
        "equal outputs of many owners: a coinjoin, so no amount is counted; up to 234.15 BTC",
    )


def test_a_later_hop_of_a_chain_says_whose_it_carries_on() -> None:
    first = a_transaction(spends=[spends(ANN, 1_000)], pays=[pays(BOB, 1), pays(CAROL, 998)], vsize=100)
    peels = PeelMemory()
    peels.remember(first, "whl_1", 1)
    second = a_transaction(
        spends=[spends(CAROL, 998, outpoint=left_over(first.txid))],
        pays=[pays(DAN, 1), pays(EVE, 996)],
        vsize=100,
    )

    assert (
        "spends what an earlier payment left over: goes on with the chain of whl_1"
        in classify(second, NOBODY, peels).evidence
    )


def left_over(txid: Txid) -> Outpoint:
    """Its second output."""
    return Outpoint(txid, 1)

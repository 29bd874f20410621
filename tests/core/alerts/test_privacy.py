"""A private label's name does not leave Spout."""

from typing import Any

import pytest

from app.core.alerts import masked, masked_words, without_own_labels

OWN = {"name": "Grandma", "kind": "other", "basis": "own label", "group": "family"}
KRAKEN = {"name": "Kraken", "kind": "exchange", "basis": "published", "group": "Kraken"}
BODY: dict[str, Any] = {
    "from_entities": [OWN],
    "to_entities": [KRAKEN],
    "evidence": [
        "1 input is labelled Grandma (other; own label): the sender",
        "output 0 pays Kraken (exchange; published): a receiver",
    ],
}


def test_a_private_name_is_own_label_in_parties_and_evidence() -> None:
    found = masked(BODY, public=frozenset(), own=frozenset(["Grandma", "family"]))

    assert "Grandma" not in str(found)
    assert "family" not in str(found)
    assert found["from_entities"][0]["name"] == "own label"
    assert found["to_entities"] == [KRAKEN]


def test_a_public_own_name_stays() -> None:
    assert masked(BODY, public={"Grandma", "family"}, own={"Grandma", "family"}) == BODY


def test_a_name_whose_label_is_gone_stays_hidden() -> None:
    assert "Grandma" not in str(masked(BODY, public=frozenset(), own=frozenset()))


def test_a_name_is_hidden_where_it_is_a_word() -> None:
    party = OWN | {"name": "a"}
    found = masked(BODY | {"from_entities": [party]}, public=frozenset(), own=frozenset(["a"]))

    assert found["evidence"][1] == "output 0 pays Kraken (exchange; published): own label receiver"


def test_the_whale_itself_is_not_changed() -> None:
    masked(BODY, public=frozenset(), own=frozenset(["Grandma"]))

    assert BODY["from_entities"] == [OWN]


def test_a_label_of_the_same_key_is_hidden_too() -> None:
    party = OWN | {"basis": "own label, same key"}

    assert "Grandma" not in str(masked(BODY | {"from_entities": [party]}, public=(), own=()))


def test_a_story_keeps_the_names_that_everybody_has_and_no_other() -> None:
    gone = KRAKEN | {"name": "Uncle", "group": "Uncle", "basis": "told me"}
    story = BODY | {"events": [{"type": "whale.detected", "data": BODY | {"to_entities": [gone]}}]}

    found = str(without_own_labels(story, shipped={"Kraken"}, own={"Aunt"}))

    assert "Kraken" in found
    assert [name for name in ("Grandma", "family", "Uncle") if name in found] == []


def test_a_private_name_that_is_watched_stays_within() -> None:
    facts = {"entity": "grandma", "words": "400 BTC net from grandma within 24 h, over 100", "hours": 24}

    assert masked_words(facts, {"grandma"}) == {
        "entity": "own label",
        "words": "400 BTC net from own label within 24 h, over 100",
        "hours": 24,
    }


def test_a_watched_name_that_everybody_has_is_said() -> None:
    facts = {"entity": "Binance", "words": "400 BTC net to Binance within 24 h, over 100"}

    assert masked_words(facts, {"grandma"}) == facts


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("likely 200 BTC to Grandma Zorg", "likely 200 BTC to own label"),
        ("200 BTC Kraken to grandma  zorg, Binance", "200 BTC Kraken to own label, Binance"),
        ("200 BTC Grandma Zorg to Zorg, Grandma and 2 more", "200 BTC own label to own label and 2 more"),
        ("largest: 9 BTC within Grandma Zorg's", "largest: 9 BTC within Grandma Zorg's"),
        ("2 whales, 400 BTC together", "2 whales, 400 BTC together"),
    ],
)
def test_a_sum_up_says_own_label_for_a_private_name(line: str, said: str) -> None:
    facts = {"count": 2, "words": f"2 alerts held back\n{line}"}

    hidden = {"grandma zorg", "zorg, grandma", "whales,"}
    assert masked_words(facts, hidden) == {"count": 2, "words": f"2 alerts held back\n{said}"}


def test_the_note_of_an_own_label_that_an_older_spout_wrote_without_a_mark_stays_within() -> None:
    party = OWN | {"basis": "my ledger"}
    evidence = ["1 input is labelled Grandma (other; my ledger): the sender"]
    found = masked({"from_entities": [party], "evidence": evidence}, {"Grandma"}, {"Grandma"})

    assert "my ledger" not in str(found)
    assert found["evidence"] == ["1 input is labelled Grandma (other; own label): the sender"]


def test_what_was_masked_stays_masked_when_its_label_is_public_or_gone() -> None:
    once = masked(BODY, (), {"Grandma", "family"})

    assert masked(once, {"Grandma", "family"}, {"Grandma", "family"}) == once
    assert masked(once, (), ()) == once


@pytest.mark.parametrize(
    ("public", "groups"),
    [
        (("Grandma", "Kraken"), "(own label) Grandma and Kraken"),
        (("Grandma",), "own label"),
        ((), "own label"),
    ],
)
def test_groups_of_mixed_inputs_are_named_only_where_each_may_be(
    public: tuple[str, ...], groups: str
) -> None:
    step = "inputs carry labels of (own label) Grandma and Kraken: mixed, no single sender"

    (said,) = masked({"evidence": [step]}, public, ())["evidence"]

    assert said == f"inputs carry labels of {groups}: mixed, no single sender"


def test_a_sentence_of_another_form_about_an_own_label_is_kept_with_the_names_hidden() -> None:
    found = masked(BODY | {"evidence": ["Grandma moved again (own label)"]}, (), ("Grandma",))

    assert found["evidence"] == ["own label moved again (own label)"]


def test_a_whale_of_which_only_the_shipped_table_speaks_leaves_as_it_is() -> None:
    body = {"from_entities": None, "to_entities": [KRAKEN], "evidence": BODY["evidence"][1:]}

    assert masked(body, (), ()) == body
    assert without_own_labels({**body, "events": []}, shipped={"Kraken"}, own=()) == {**body, "events": []}


def test_a_story_without_evidence_is_told_without_it() -> None:
    story = {"from_entities": [OWN], "events": [{"type": "whale.detected", "data": {"txid": "ab"}}]}

    found = without_own_labels(story, shipped=(), own=("Grandma",))

    assert found["events"] == [{"type": "whale.detected", "data": {"txid": "ab"}}]
    assert "Grandma" not in str(found)


def test_where_no_name_is_private_a_sum_up_leaves_as_it_is() -> None:
    facts = {"entity": "Kraken", "words": "400 BTC net to Kraken within 24 h, over 100"}

    assert masked_words(facts, frozenset()) == facts


def test_facts_without_words_lose_the_private_name_that_they_are_of() -> None:
    assert masked_words({"entity": "Grandma", "hours": 6}, {"grandma"}) == {"entity": "own label", "hours": 6}


@pytest.mark.parametrize(
    ("party", "public", "own", "shown"),
    [
        (OWN, (), ("Grandma",), {"name": "own label", "group": "own label", "basis": "own label"}),
        (OWN, ("Grandma",), (), {"name": "Grandma", "group": "Grandma", "basis": "own label"}),
        (OWN, ("Grandma", "family"), (), {"name": "Grandma", "group": "family", "basis": "own label"}),
        (
            OWN | {"basis": "own label, a note"},
            ("Grandma", "family"),
            (),
            {"name": "Grandma", "group": "family", "basis": "own label"},
        ),
        (
            OWN | {"basis": "my ledger"},
            ("Grandma",),
            ("Grandma",),
            {"name": "Grandma", "group": "Grandma", "basis": "own label"},
        ),
        (KRAKEN, (), (), {"name": "Kraken", "group": "Kraken", "basis": "published"}),
        (KRAKEN, (), ("Kraken",), {"name": "own label", "group": "own label", "basis": "own label"}),
    ],
)
def test_a_party_is_shown_as_far_as_it_may_be(
    party: dict[str, Any], public: tuple[str, ...], own: tuple[str, ...], shown: dict[str, str]
) -> None:
    found = masked({"from_entities": [party], "to_entities": [party], "txid": "ab"}, public, own)
    expected = [{"kind": party["kind"], **shown}]

    assert (found["from_entities"], found["to_entities"], found["txid"]) == (expected, expected, "ab")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("paid by Grandma", "paid by own label"),
        ("of family", "of own label"),
        ("by my ledger", "by own label"),
        ("Grandma's and Grandmas", "own label's and Grandmas"),
        ("nothing of them", "nothing of them"),
    ],
)
def test_name_group_and_note_of_a_hidden_party_are_hidden_in_what_is_said(step: str, said: str) -> None:
    party = OWN | {"basis": "my ledger"}

    (found,) = masked({"to_entities": [party], "evidence": [step]}, (), ("Grandma",))["evidence"]

    assert found == said


def test_a_name_within_another_is_hidden_as_part_of_the_longer_one() -> None:
    parties = [OWN | {"name": name, "group": None} for name in ("Ann", "Ann Smith", "Ann Smith Junior")]
    body = {"from_entities": parties, "evidence": ["Ann Smith Junior, Ann Smith and Ann"]}

    assert masked(body, (), ())["evidence"] == ["own label, own label and own label"]
    surname = {**body, "from_entities": [OWN | {"name": name} for name in ("Smith", "Ann Smith")]}
    assert masked({**surname, "evidence": ["by Ann Smith"]}, (), ())["evidence"] == ["by own label"]


def test_a_party_without_name_or_group_hides_nothing_else() -> None:
    nameless = {"name": None, "group": "", "kind": "other", "basis": "own label"}
    body = {"from_entities": [nameless], "evidence": ["None of it is known (own label)"]}

    assert masked(body, (), ())["evidence"] == ["None of it is known (own label)"]
    found = without_own_labels({**body, "events": []}, shipped=(), own=())
    assert found["evidence"] == ["None of it is known (own label)"]


@pytest.mark.parametrize(
    ("public", "said"),
    [
        ((), "2 inputs pay own label (other; own label): the sender, 5 BTC"),
        (("Grandma",), "2 inputs pay Grandma (other; own label): the sender, 5 BTC"),
    ],
)
def test_a_sentence_keeps_what_stands_around_a_name_and_loses_its_note(
    public: tuple[str, ...], said: str
) -> None:
    step = "2 inputs pay Grandma (other; own label, from my ledger): the sender, 5 BTC"

    assert masked({"evidence": [step]}, public, ())["evidence"] == [said]


def test_a_story_loses_names_groups_and_what_is_said_by_labels_that_are_gone() -> None:
    gone = {"name": "Uncle", "group": "uncles", "kind": "other", "basis": "told me"}
    data = {"from_entities": [gone], "evidence": ["Uncle of uncles paid Kraken"]}
    story = {"evidence": ["uncles"], "events": [{"type": "whale.detected", "data": data}]}

    assert without_own_labels(story, shipped={"Kraken"}, own=()) == {
        "evidence": ["own label"],
        "events": [
            {
                "type": "whale.detected",
                "data": {
                    "from_entities": [
                        {"name": "own label", "group": "own label", "kind": "other", "basis": "own label"}
                    ],
                    "evidence": ["own label of own label paid Kraken"],
                },
            }
        ],
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("5 BTC Ann BTC to Bob", "5 BTC own label BTC to Bob"),
        ("5 BTC x Ann", "5 BTC x own label"),
        ("Ann without an amount", "Ann without an amount"),
        ("Ann: 5 BTC x", "Ann: 5 BTC x"),
        ("Ann 5 BTC x", "Ann 5 BTC x"),
        ("5 BTC " + "word " * 39 + "last", "5 BTC own label"),
        ("5 BTC " + "word " * 40 + "last", "5 BTC word own label"),  # of forty words at most
    ],
)
def test_every_run_of_words_after_the_first_amount_is_looked_up(line: str, said: str) -> None:
    hidden = {"ann", "word " * 39 + "last", "word " * 40 + "last"}

    assert masked_words({"words": f"{line}\n{line}"}, hidden) == {"words": f"{said}\n{said}"}

"""No text of a private label leaves Spout, whatever it says: by webhook, message, MQTT or widget."""

import json
from collections.abc import Iterable
from dataclasses import replace
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.api.models import signal_of
from app.api.widgets import latest_whales
from app.core.alerts import TEMPLATE_FIELDS, Style, words_of
from app.core.encoding import address_of
from app.core.events import Event, EventType
from app.core.flow import KINDS, OWN_BASIS, Label, a_label
from app.core.flow.classifier import classify
from app.core.flow.entities import Entities
from app.views import Snapshot
from notifiers.mqtt_entities import state_of, whale_message
from notifiers.policies import routes_of
from tests.builders import a_script, a_transaction, pays, spends
from tests.store.builders import NOON, a_prediction

SCRIPTS = tuple(a_script(name) for name in ("ann", "bob", "carol", "dan"))
NAMES = st.sampled_from(["Grandma", "grandma", "Binance", "binance", "Binance Cold", "Zed (x; own label)"])
NOTES = st.sampled_from(["", OWN_BASIS, "own publication", "told by Uncle", "Own Label", "x): a receiver"])
ZONE = ZoneInfo("UTC")
EVERY_NAME = " | ".join(f"${name}" for name in TEMPLATE_FIELDS)


@st.composite
def labels(draw: st.DrawFn) -> tuple[Label, ...]:
    """At most one label of each script: shipped, one's own and public, or one's own and private."""
    found = []
    for script in draw(st.sets(st.sampled_from(SCRIPTS), min_size=1)):
        private = draw(st.sampled_from([None, False, True]))
        label = a_label(
            address_of(script) or script,
            draw(NAMES),
            created_at="2026-03-01",
            group=draw(NAMES),
            kind=draw(st.sampled_from(KINDS)),
            basis=draw(NOTES),
            private=private is True,
        )
        found.append(replace(label, own=private is not None))
    return tuple(found)


def texts_of(labels: Iterable[Label]) -> set[str]:
    return {text for label in labels for text in (label.entity, label.group, label.basis)}


def what_leaves(labels: Iterable[Label], forgotten: frozenset[str]) -> str:
    """A whale between the labelled scripts in every medium; of `forgotten` the labels were removed since."""
    labels = tuple(labels)
    entities = Entities([one for one in labels if not one.own], [one for one in labels if one.own])
    tx = a_transaction(
        spends=[spends(SCRIPTS[0], 300), spends(SCRIPTS[1], 200)],
        pays=[pays(SCRIPTS[2], 250), pays(SCRIPTS[3], 249)],
    )
    whale = replace(a_prediction(1), classification=classify(tx, entities), tx=tx)
    kept = [(one.entity, one.group, one.private) for one in labels if one.own and one.script not in forgotten]
    body = signal_of(whale).body()
    event = Event(
        type=EventType.DETECTED,
        id="1",
        sequence=1,
        timestamp=NOON,
        body=body,
        prediction_id=whale.prediction_id,
    )
    leaving = routes_of((), ZONE, kept).leaving(event)
    plain = words_of(leaving.type, leaving.body, NOON, Style(zone=ZONE))
    own_text = words_of(leaving.type, leaving.body, NOON, Style(zone=ZONE, template=EVERY_NAME))
    snapshot = Snapshot(version=1, made_at=NOON, started_at=NOON, pending=(whale,))
    widget = latest_whales(snapshot, NOON).body()
    said = [json.dumps(leaving.body), plain.title, plain.text, plain.html, own_text.text, own_text.html]
    return "\n".join([*said, whale_message(event) or "", state_of(snapshot, NOON), json.dumps(widget)])


def a_label_of(script: str, name: str, *, note: str = "", own: bool = True, private: bool = True) -> Label:
    made = a_label(
        address_of(script) or script,
        name,
        created_at="2026-03-01",
        group="Grandma",
        kind="exchange",
        basis=note,
        private=private and own,
    )
    return replace(made, own=own)


@given(labels=labels(), gone=st.frozensets(st.sampled_from(SCRIPTS)))
@settings(max_examples=60, deadline=None)
@example(labels=(a_label_of(SCRIPTS[0], "Binance", note="my ledger"),), gone=frozenset())
@example(labels=(a_label_of(SCRIPTS[2], "binance", note="own publication"),), gone=frozenset([SCRIPTS[2]]))
@example(
    labels=(
        a_label_of(SCRIPTS[0], "Binance", note="my ledger"),
        a_label_of(SCRIPTS[1], "Kraken", note="published", own=False),
    ),
    gone=frozenset(),
)
def test_no_text_of_a_private_label_leaves_unless_it_is_known_of_these_coins(
    labels: tuple[Label, ...], gone: frozenset[str]
) -> None:
    left = what_leaves(labels, gone)

    known = " ".join(texts_of(one for one in labels if not one.private)) + f" {OWN_BASIS} {' '.join(KINDS)}"
    private = {text for text in texts_of(one for one in labels if one.private) if text not in known}
    assert [text for text in private if text in left] == []


def test_the_note_of_a_public_own_label_stays_within_too() -> None:
    """Of one that is gone nobody knows whether it was private."""
    mine = a_label_of(SCRIPTS[0], "Savings", note="my ledger", private=False)

    assert "my ledger" not in what_leaves([mine], frozenset())


def test_a_public_own_label_and_a_shipped_one_are_still_said() -> None:
    said = what_leaves(
        [
            a_label_of(SCRIPTS[0], "Savings", note="my ledger", private=False),
            a_label_of(SCRIPTS[2], "Binance", note="published", own=False),
        ],
        frozenset(),
    )

    assert [text in said for text in ("Savings", "Binance", "published")] == [True] * 3

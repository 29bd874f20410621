"""Every recording of the real backend, with the REST answers a live one would have given, against the truth.

The answers are derived from the truth (tests/backend/derive.py) beside the recorded ones. Three ways:
all of them; only those that the recordings' README names as exact; and the counts are printed (`-s`).
"""

import asyncio
import gzip
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.core.classification import MovedIs
from app.core.flow.classifier import classify, is_whale
from app.core.flow.entities import Entities
from app.core.prediction import Prediction
from app.core.tracking.beliefs import WhalePolicy
from app.core.tracking.tracker import Tracker
from app.core.units import Sats
from app.engine.replay import Replay, Summary
from app.store.opening import open_database
from app.store.predictions import PredictionStore
from tests.backend.truth import RECORDINGS, Sent, Truth
from tests.fakes import NoForecasts

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.timeout(600),  # whoever asks first waits until all answers are derived
    pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings do not lie beside the repository"),
]

THRESHOLD = Sats(100 * 100_000_000)
STATUS = {
    "confirmed": "confirmed",
    "replaced": "replaced",
    "dropped_expired": "dropped",
    "dropped_restart": "dropped",
    "dropped_with_parent": "dropped",
    "conflicted_by_block": "dropped",
    "never": "pending",
    "in_mempool": "pending",
    "stale": "dropped",  # reorged away, and its coins are spent otherwise on the new branch
}
EXACT = re.compile(r"/block/[0-9a-f]+/summary$|/tx/[0-9a-f]+/status$|/mempool/txids$|/prevouts$")
NEVER_SHOWN = {
    "g05_rbf": {"rbf_fast_chain": 2, "rbf_victim_unseen": 1},
    "mixed": {"rbf_victim": 2},
    "mixed.v331": {"rbf_victim": 3},  # one of them was replaced before this client connected
}
"""Replaced within one poll of the backend: no frame, no REST answer ever held them."""
CERTAIN_CHANGE = 1
"""Of those between, so many are no whales because their change goes to a script they spend from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One recording after its replay: what came out, and what the driver sent in its group."""

    name: str
    predictions: tuple[Prediction, ...]
    events: Counter[str]
    summary: Summary
    sent: dict[str, Sent]
    group: tuple[Sent, ...]

    @property
    def found(self) -> Counter[str]:
        """How many predictions have, or had, each txid."""
        return Counter(txid for one in self.predictions for txid in (one.txid, *one.replaces))

    @property
    def whales(self) -> list[Sent]:
        return [one for one in self.group if one.nonchange_sat > THRESHOLD]

    @property
    def between(self) -> list[Sent]:
        """Over the threshold by their total, not by what the driver knows to be no change."""
        return [one for one in self.group if one.total_out_sat > THRESHOLD >= one.nonchange_sat]


def _recordings() -> list[Path]:
    folders = (RECORDINGS, RECORDINGS / "extra")
    return [
        path
        for folder in folders
        for path in sorted(folder.glob("*.ws.jsonl.gz"))
        if "tracktxs" not in path.name
    ]


def _name(path: Path) -> str:
    return path.name.removesuffix(".ws.jsonl.gz")


@pytest.fixture(scope="module")
def exact_answers(derived_answers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Only those derived answers that the recordings' README names as exact."""
    out = tmp_path_factory.mktemp("exact")
    (out / "extra").mkdir()
    for path in derived_answers.rglob("*.rest.jsonl.gz"):
        _only_exact(path, out / path.relative_to(derived_answers))
    return out


def _only_exact(path: Path, out: Path) -> None:
    with gzip.open(path, "rb") as lines, gzip.open(out, "wb", compresslevel=1) as kept:
        kept.writelines(line for line in lines if EXACT.search(json.loads(line)["path"]))


@pytest.fixture(scope="module")
def truths() -> dict[Path, Truth]:
    return {folder: Truth.load(folder) for folder in (RECORDINGS, RECORDINGS / "extra")}


@pytest.fixture(scope="module", params=["all answers", "exact answers only"])
def rest_of(
    request: pytest.FixtureRequest, derived_answers: Path, exact_answers: Path
) -> Callable[[Path], list[Path]]:
    only_exact = request.param == "exact answers only"

    def files(recording: Path) -> list[Path]:
        room = exact_answers if only_exact else derived_answers
        room = room / "extra" if recording.parent.name == "extra" else room
        derived = room / f"{_name(recording)}.rest.jsonl.gz"
        if only_exact or "v331" in recording.name:  # its recorded answers have another zero
            return [derived]
        return [derived, recording.parent / "rest.jsonl.gz"]

    return files


@pytest.fixture(
    scope="module", params=_recordings(), ids=lambda path: f"{path.parent.name[:5]}-{_name(path)}"
)
def played(
    request: pytest.FixtureRequest,
    rest_of: Callable[[Path], list[Path]],
    truths: dict[Path, Truth],
    tmp_path_factory: pytest.TempPathFactory,
) -> Played:
    """Each recording is played once for all that is asked of it."""
    recording: Path = request.param
    room = tmp_path_factory.mktemp("played")
    return asyncio.run(_play(recording, rest_of(recording), truths[recording.parent], room))


async def _play(recording: Path, rest: list[Path], truth: Truth, room: Path) -> Played:
    opened = await open_database(room, at=datetime.now(UTC))
    entities = Entities()
    whale_policy = WhalePolicy(
        threshold=THRESHOLD,
        classify=lambda tx, peels: classify(tx, entities, peels),
        is_whale=is_whale,
        forecast_source=NoForecasts(),
    )
    replay = Replay(
        tracker=Tracker(whale_policy),
        event_store=PredictionStore(opened),
        recordings=[recording],
        rest=rest,
    )
    summary = await replay.run(_at_once, lambda _bytes: None)
    await opened.database.close()
    result = Played(
        name=_name(recording),
        predictions=tuple(replay.kept.predictions.values()),
        events=Counter(event.type.value for event in replay.kept.events),
        summary=summary,
        sent=truth.sent,
        group=tuple(truth.group(_name(recording).removesuffix(".v331"))),
    )
    _print(result)
    return result


async def _at_once(_second: float) -> None:
    """As fast as it goes."""


def _print(played: Played) -> None:
    found = played.found
    whales, between = played.whales, played.between
    print(
        f"\n{played.name}: {len(played.predictions)} predictions {played.summary.by_status}, "
        f"whales found {sum(found[one.txid] > 0 for one in whales)}/{len(whales)}, "
        f"between {sum(found[one.txid] > 0 for one in between)}/{len(between)}, "
        f"reorgs {played.summary.reorgs}, replacements {played.summary.replacements}, "
        f"conflicts {played.summary.conflicts}, events {dict(played.events)}"
    )
    for one in whales:
        if not found[one.txid]:
            print(f"  no wire showed {one.txid} ({one.kind}, {one.fate})")


def test_every_recording_is_told_as_the_node_lived_it(played: Played) -> None:
    found = played.found
    missing = Counter(one.kind for one in played.whales if not found[one.txid])
    assert missing == NEVER_SHOWN.get(played.name, {}), "whales that were shown and not found"
    assert [one.txid for one in played.whales if found[one.txid] > 1] == [], "found twice"
    assert [one.txid for one in played.predictions if _is_small(one, played.sent)] == [], "no whales"
    undecided = [one for one in played.between if not found[one.txid]]
    assert len(undecided) <= CERTAIN_CHANGE, "kept back although nothing certain decides"
    assert [one for one in played.predictions if _ends_otherwise(one, played)] == [], "another end"
    assert [one for one in played.predictions if _is_wrong_about_amount(one, played.sent)] == []
    assert played.summary.skipped_messages == 0


def _is_small(prediction: Prediction, sent: dict[str, Sent]) -> bool:
    one = sent.get(prediction.txid)
    return one is not None and one.total_out_sat <= THRESHOLD


def _ends_otherwise(prediction: Prediction, played: Played) -> bool:
    """Compared for the file's own group: others may go on after its end."""
    one = played.sent.get(prediction.txid)
    own = {sent.txid for sent in played.group}
    return one is not None and one.txid in own and STATUS[one.fate] != prediction.status.value


def _is_wrong_about_amount(prediction: Prediction, sent: dict[str, Sent]) -> bool:
    one = sent.get(prediction.txid)
    if one is None or one.group == "setup":
        return False
    seen = prediction.classification
    if seen.moved_is is MovedIs.CERTAIN and seen.moved != one.nonchange_sat:
        return True
    return not seen.moved_low <= one.nonchange_sat <= seen.moved_high


REORGS = {"g09_reorg": 3, "mixed": 2, "mixed.v331": 2}


def test_reorgs_conflicts_and_replacements_come_out_as_events(played: Played) -> None:
    assert played.summary.reorgs == REORGS.get(played.name, 0)
    lost = [one for one in played.predictions if _lost_to_a_block(one, played)]
    assert played.events["whale.conflicted"] == len(lost)
    assert played.events["whale.replaced"] == played.summary.replacements
    assert (played.events["whale.reorged"] > 0) == (played.name in REORGS)


def _lost_to_a_block(prediction: Prediction, played: Played) -> bool:
    """Also one reorged away and spent otherwise on the new branch, if that spend was told whole."""
    one = played.sent.get(prediction.txid)
    if one is None or one.fate != "stale":
        return one is not None and one.fate == "conflicted_by_block"
    return any(other.txid == one.replaced_by and other.tx.inputs for other in played.predictions)

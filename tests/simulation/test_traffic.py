"""The wire rendering: it must be what the backend would have said, and the truth must fit it."""

import gzip
import itertools
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.bench.recorded import FOLDER, BenchListener
from tests.core.fee_markets import a_table
from tests.simulation.scripts import output_of, witness_output
from tests.simulation.traffic import Scenario, Traffic, write_recording

KNOWN = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"  # BIP 173's own example
Entries = list[dict[str, Any]]


@cache
def recorded() -> tuple[Entries, dict[str, dict[str, Any]]]:
    """Twelve minutes with two blocks in them, in a mempool too small for its backlog."""
    scenario = Scenario(
        regime="quiet", seed=6, seconds=700.0, limit_vbytes=500_000.0, known_addresses=(KNOWN,)
    )
    traffic = Traffic(scenario)
    entries = list(traffic.entries())
    return entries, traffic.truth


def inward() -> Iterator[dict[str, Any]]:
    return (entry["frame"] for entry in recorded()[0] if entry["dir"] == "in")


def deltas() -> list[dict[str, Any]]:
    return [frame["mempool-transactions"] for frame in inward() if "mempool-transactions" in frame]


def test_times_never_run_backward() -> None:
    times = [entry["t"] for entry in recorded()[0]]

    assert times == sorted(times)


def test_sequences_count_every_delta() -> None:
    sequences = [delta["sequence"] for delta in deltas()]

    assert sequences == list(range(1, len(sequences) + 1))


def test_nothing_leaves_that_did_not_enter_and_nothing_enters_twice() -> None:
    waiting: set[str] = set()
    for delta in deltas():
        entering = {tx["txid"] for tx in delta["added"]}
        assert not entering & waiting
        waiting |= entering
        assert set(delta["removed"]) <= waiting
        waiting -= set(delta["removed"])
        waiting -= set(delta["mined"])
    assert waiting == {txid for txid, one in recorded()[1].items() if one["fate"] == "in_mempool"}


def test_the_truth_says_which_block_took_whom() -> None:
    truth = recorded()[1]
    frames = [frame for frame in inward() if "block" in frame]

    assert frames
    for frame in frames:
        mined = set(frame["mempool-transactions"]["mined"])
        height = frame["block"]["height"]
        assert {txid for txid, one in truth.items() if one.get("height") == height} == mined & truth.keys()


def test_blocks_follow_one_another() -> None:
    frames = list(inward())
    chain = [block for frame in frames for block in frame.get("blocks", [])]
    chain += [frame["block"] for frame in frames if "block" in frame]

    for before, after in itertools.pairwise(chain):
        assert after["previousblockhash"] == before["id"]
        assert after["height"] == before["height"] + 1


def test_inputs_are_worth_outputs_and_fee() -> None:
    for delta in deltas():
        for tx in delta["added"]:
            spent = sum(one["sat"] for one in recorded()[1][tx["txid"]]["inputs"])
            assert spent == tx["fee"] + sum(output["value"] for output in tx["vout"])


def test_a_replacement_spends_what_it_replaces_and_pays_more() -> None:
    truth = recorded()[1]
    pairs = [(one["replaced"], one["by"]) for delta in deltas() for one in delta["replaced"]]

    assert pairs
    for old, new in pairs:
        assert truth[old]["fate"] == "replaced"
        assert truth[old]["replaced_by"] == new["txid"]
        assert truth[old]["inputs"] == truth[new["txid"]]["inputs"]
        assert new["fee"] > truth[old]["fee_sat"]
        assert new["replacement"]


def test_a_child_names_its_parent_and_both_pay_alike() -> None:
    children = [tx for delta in deltas() for tx in delta["added"] if tx["ancestors"]]

    assert children
    for child in children:
        assert child["vin"][0]["txid"] == child["ancestors"][0]["txid"]
        assert child["effectiveFeePerVsize"] < child["feePerVsize"]


def test_a_full_mempool_evicts_and_raises_its_floor() -> None:
    fates = {one["fate"] for one in recorded()[1].values()}
    floors = [frame["mempoolInfo"]["mempoolminfee"] for frame in inward() if "mempoolInfo" in frame]

    assert "dropped_evicted" in fates
    assert max(floors) > floors[0]


def test_whales_pay_over_100_btc_to_one_output() -> None:
    truth = recorded()[1]
    whales = [tx for delta in deltas() for tx in delta["added"] if truth[tx["txid"]]["whale"]]

    assert whales
    assert all(max(output["value"] for output in tx["vout"]) > 10_000_000_000 for tx in whales)


def test_projected_blocks_hold_what_waits() -> None:
    for frame in inward():
        if "mempool-blocks" in frame:
            reported = sum(block["blockVSize"] for block in frame["mempool-blocks"])
            assert reported == pytest.approx(frame["mempoolInfo"]["bytes"], abs=1.0)


def test_its_forecasts_can_be_made_from_the_frames_alone() -> None:
    listener = BenchListener(a_table(), 600.0)
    for entry in recorded()[0]:
        if entry["dir"] == "in":
            listener.receive(entry["t"], entry["frame"])

    assert len(listener.said) > 1_000


def test_the_same_seed_tells_the_same_story() -> None:
    one, two = (list(Traffic(Scenario(regime="quiet", seed=9, seconds=20.0)).entries()) for _ in range(2))

    assert one == two


def test_a_recording_is_gzipped_lines_with_its_truth_beside_it(tmp_path: Path) -> None:
    truth = write_recording(Scenario(regime="quiet", seed=9, seconds=10.0), tmp_path / "demo.ws.jsonl.gz")

    with gzip.open(tmp_path / "demo.ws.jsonl.gz", "rt", encoding="utf-8") as lines:
        first = json.loads(next(lines))
    assert first["dir"] == "meta"
    assert json.loads(gzip.decompress((tmp_path / "demo.truth.json.gz").read_bytes())) == truth


@pytest.mark.shared
@pytest.mark.skipif(not FOLDER.exists(), reason="the reference recordings are not beside the repository")
def test_it_has_the_fields_of_real_frames() -> None:
    """Every field of ours is one the real backend sends, and none it always sends is missing."""
    real: dict[str, set[str]] = {}
    with gzip.open(FOLDER / "g12_fee_market.ws.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["dir"] == "in":
                gather(entry["frame"], real)
    made: dict[str, set[str]] = {}
    for frame in inward():
        gather(frame, made)

    assert made["tx"] - real["tx"] <= {"replacement", "cpfpChecked"}
    assert real["tx"] - made["tx"] <= {"cpfpUpdated", "lastBoosted"}
    for kind in ("vin", "vout", "mempool-block", "mempoolInfo", "fees", "delta", "projected"):
        assert made[kind] == real[kind], kind
    assert made["block"] == real["block"]
    assert made["extras"] - real["extras"] == set()
    assert real["extras"] - made["extras"] <= {"similarity"}


def gather(frame: dict[str, Any], kinds: dict[str, set[str]]) -> None:
    def note(kind: str, one: dict[str, Any]) -> None:
        kinds.setdefault(kind, set()).update(one)

    for tx in frame.get("mempool-transactions", {}).get("added", []):
        note("tx", tx)
        note("vin", tx["vin"][0])
        note("vout", tx["vout"][0])
    for block in frame.get("mempool-blocks", []):
        note("mempool-block", block)
    for kind in ("mempoolInfo", "fees"):
        if kind in frame:
            note(kind, frame[kind])
    if "mempool-transactions" in frame:
        note("delta", frame["mempool-transactions"])
    if "projected-block-transactions" in frame:
        note("projected", frame["projected-block-transactions"])
    if "block" in frame:
        note("block", frame["block"])
        note("extras", frame["block"]["extras"])


@pytest.mark.parametrize(
    ("version", "program", "address"),
    [
        (0, "751e76e8199196d454941c45d1b3a323f1433bd6", KNOWN),
        (
            1,
            "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        ),
    ],
)
def test_addresses_are_those_of_the_standards_examples(version: int, program: str, address: str) -> None:
    assert witness_output(version, bytes.fromhex(program)).address == address
    assert output_of(address).script.endswith(program)


def test_old_addresses_give_their_scripts() -> None:
    output = output_of("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")

    assert output.script == "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac"
    assert output.kind == "p2pkh"


def test_a_mistyped_address_is_refused() -> None:
    with pytest.raises(ValueError, match="checksum"):
        output_of("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb")

"""The derived REST answers agree with every answer the recordings hold."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backend.derive import DerivedRest, Truth, derived_lines
from tests.backend.encoding import address_to_script, ripemd160
from tests.backend.truth import RECORDINGS, lines

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not RECORDINGS.is_dir(), reason="the reference recordings do not lie beside the repository"
    ),
]
TWO_BLOCKS_BACK = ["367075ed04c9e6fa", "4c5cd5b36dafd1e3"]
REORGED = "7503842765b6858657d7ba5518e1a0a0f8d344427193051207e7d94eeaccc27e"


@pytest.fixture(scope="module", params=["mixed", "extra/g09_reorg"])
def rest(request: pytest.FixtureRequest) -> DerivedRest:
    recording = RECORDINGS / f"{request.param}.ws.jsonl.gz"
    return DerivedRest(Truth.load(recording.parent), recording)


@pytest.fixture(scope="module")
def reorg() -> DerivedRest:
    return DerivedRest(Truth.load(RECORDINGS / "extra"), RECORDINGS / "extra" / "g09_reorg.ws.jsonl.gz")


def test_the_derived_mempool_is_the_recorded_one(rest: DerivedRest) -> None:
    recorded = list(_recorded(rest, "/api/v1/mempool/txids"))

    assert recorded
    for line in recorded:
        assert _sorted_body(rest.answer("GET", line["path"], None, line["t"])) == _sorted_body(_answer(line))


@pytest.mark.parametrize("path", ["/api/v1/blocks/tip/hash", "/api/v1/blocks/tip/height"])
def test_the_derived_tip_is_the_recorded_one(rest: DerivedRest, path: str) -> None:
    for line in _recorded(rest, path):
        assert rest.answer("GET", path, None, line["t"]) == _answer(line)


def test_recorded_transactions_are_derived_with_the_same_inputs_outputs_and_fee(rest: DerivedRest) -> None:
    compared = 0
    for line in _recorded_transactions(rest):
        if line["status"] != 200:
            continue
        found = rest.answer("GET", line["path"], None, line["t"])
        assert found is not None
        for key in ("txid", "version", "locktime", "size", "weight", "fee", "vin", "vout", "order", "vsize"):
            assert found[2][key] == line["body"][key], (line["path"], key)
        compared += 1
    print(f"compared {compared}")
    assert compared >= 6


def test_a_transaction_the_backend_did_not_know_is_derived_as_unknown(rest: DerivedRest) -> None:
    for line in _recorded_transactions(rest):
        if line["status"] == 404:
            assert rest.answer("GET", line["path"], None, line["t"]) == _answer(line)


def test_recorded_prevouts_are_derived_from_other_sources_alike() -> None:
    rest = DerivedRest(Truth.load(RECORDINGS))
    rest.truth.outputs.clear()  # they hold the very answers compared with
    compared = unknown = 0
    for line in lines(RECORDINGS / "mixed.prevouts.jsonl.gz"):
        t = line["wall"] - 1795339533.4
        for found, recorded in zip(rest.prevouts(line["request"], t), line["body"], strict=True):
            if found is None:
                unknown += 1
            elif recorded is not None:
                assert found["prevout"] == recorded["prevout"]
                compared += 1
    print(f"compared {compared}, unknown {unknown}")
    assert compared > 300
    assert unknown < compared / 20


def test_inputs_minus_outputs_are_the_fee_where_every_script_is_known(rest: DerivedRest) -> None:
    for sent in rest.truth.sent.values():
        answer = rest.answer("GET", f"/api/v1/tx/{sent.txid}", None, sent.t + 0.01)
        if answer is None or answer[0] != 200 or any(e["prevout"] is None for e in answer[2]["vin"]):
            continue
        paid = sum(e["prevout"]["value"] for e in answer[2]["vin"]) - sum(
            o["value"] for o in answer[2]["vout"]
        )
        assert paid == sent.fee_sat


def test_every_transaction_ends_where_its_fate_says(rest: DerivedRest) -> None:
    for sent in rest.truth.sent.values():
        if sent.fate == "never":  # bitcoind was restarted and forgot it; the driver did not look again
            continue
        answer = rest.answer("GET", f"/api/v1/tx/{sent.txid}/status", None, 1e9)
        assert answer is not None
        waits = sent.fate == "in_mempool"
        expected = {"confirmed": True} if sent.fate == "confirmed" else {"confirmed": False} if waits else {}
        assert {k: v for k, v in answer[2].items() if k == "confirmed"} == expected, sent


def test_every_whale_of_a_group_has_all_its_prevouts(rest: DerivedRest) -> None:
    for sent in rest.truth.sent.values():
        if sent.total_out_sat > 100_0000_0000 and sent.group != "setup":
            body = rest.bodies.transaction(sent.txid, "mempool")
            assert body is not None
            assert all(entry["prevout"] for entry in body["vin"]), sent.txid


def test_after_invalidateblock_its_transaction_is_unconfirmed_again(reorg: DerivedRest) -> None:
    path = f"/api/v1/tx/{REORGED}/status"
    confirmed = [reorg.answer("GET", path, None, t)[2]["confirmed"] for t in (13.0, 20.0, 26.0)]  # type: ignore[index]

    assert confirmed == [True, False, True]


def test_a_disconnected_block_is_still_told_and_is_stale(reorg: DerivedRest) -> None:
    for start in TWO_BLOCKS_BACK:
        hash_ = next(h for h in reorg.node.blocks if h.startswith(start))
        before, after = (reorg.answer("GET", f"/api/v1/block/{hash_}", None, t) for t in (72.0, 80.0))
        assert before is not None
        assert after is not None
        assert (before[2]["stale"], after[2]["stale"]) == (False, True)


def test_a_whale_double_spent_on_the_new_branch_is_unknown_afterwards(reorg: DerivedRest) -> None:
    loser = next(sent for sent in reorg.truth.sent.values() if sent.kind == "reorged_out")
    answer = reorg.answer("GET", f"/api/v1/tx/{loser.txid}/status", None, 120.0)

    assert answer is not None
    assert answer[0] == 404


def test_a_transaction_the_restarted_node_forgot_is_unknown_when_the_wire_says_removed() -> None:
    recording = RECORDINGS / "g14_bitcoind_down.ws.jsonl.gz"
    forgetful = DerivedRest(Truth.load(RECORDINGS), recording)
    forgotten = [sent.txid for sent in forgetful.truth.sent.values() if sent.fate == "dropped_restart"]
    removed = {txid: t for t, txid in forgetful.truth.removed if txid in forgotten}

    assert len(removed) == 6
    for txid, t in removed.items():
        answers = [forgetful.answer("GET", f"/api/v1/tx/{txid}/status", None, at) for at in (t - 1.0, t)]
        assert [answer[0] for answer in answers if answer] == [200, 404]


def test_a_summary_names_every_transaction_of_its_block_with_what_it_moves(rest: DerivedRest) -> None:
    for block in rest.node.blocks.values():
        answer = rest.answer("GET", f"/api/v1/block/{block.hash}/summary", None, block.t)
        assert answer is not None
        assert [entry["txid"] for entry in answer[2]] == list(block.txids)
        for entry in answer[2][1:]:
            sent = rest.truth.sent.get(entry["txid"])
            assert sent is None or entry["value"] == sent.total_out_sat


def test_a_line_says_what_holds_until_the_next_of_its_path(reorg: DerivedRest) -> None:
    recording = RECORDINGS / "extra" / "g09_reorg.ws.jsonl.gz"
    found = [
        line for line in derived_lines(reorg, recording) if line["path"] == f"/api/v1/tx/{REORGED}/status"
    ]

    assert [line["body"]["confirmed"] for line in found if line["status"] == 200] == [
        False,
        True,
        False,
        True,
    ]


def test_ripemd160_is_the_published_one() -> None:
    assert ripemd160(b"abc").hex() == "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"


def test_every_address_of_the_truth_decodes_with_its_checksum() -> None:
    with gzip.open(RECORDINGS / "truth.jsonl.gz", "rb") as stream:
        events = [json.loads(line) for line in stream]
    addresses = {out["addr"] for e in events if e["event"] == "tx" for out in e["outputs"] if "addr" in out}

    assert all(address_to_script(address) for address in addresses)


def _recorded(rest: DerivedRest, path: str) -> Iterator[dict[str, Any]]:
    return (line for line in lines(rest.truth.folder / "rest.jsonl.gz") if line["path"] == path)


def _recorded_transactions(rest: DerivedRest) -> Iterator[dict[str, Any]]:
    for line in lines(rest.truth.folder / "rest.jsonl.gz"):
        if line["path"].startswith("/api/v1/tx/") and Path(line["path"]).name != "rbf":
            yield line


def _answer(line: dict[str, Any]) -> tuple[int, str, Any]:
    return line["status"], line["content_type"], line["body"]


def _sorted_body(answer: tuple[int, str, Any] | None) -> Any:
    assert answer is not None
    return sorted(answer[2]) if isinstance(answer[2], list) else answer

"""What the backend answers by REST, and what an answer decides. The border is the Transport."""

import json
from typing import Any

import pytest

from app.core.models import Block
from app.core.observations import (
    BlockConnected,
    MempoolListed,
    PackageTold,
    PrevoutsTold,
    StatusTold,
    TransactionTold,
)
from app.core.questions import AskBlock, AskMempool, AskPackage, AskPrevouts, AskStatus, AskTransaction
from app.core.units import BlockHash, Height, Outpoint, Txid
from app.errors import ParseError, SourceError, UnreachableError
from app.source.breaker import Guard, Patience
from app.source.examined import Examined
from app.source.mempool_rest import MempoolRest
from app.source.transport import RestAnswer
from tests.backend import wrong_types
from tests.source.clocks import FakeClock
from tests.source.recorded_frames import an_added_transaction, frames_by_kind

A, B, C = (Txid(digits * 32) for digits in ("aa", "bb", "cc"))
HASH = BlockHash("dd" * 32)


class FakeTransport:
    """Answers by path; what was not set is unreachable. `asked` holds every request."""

    def __init__(self, clock: FakeClock, answers: dict[str, Any]) -> None:
        self._clock = clock
        self.answers = answers
        self.asked: list[tuple[str, bytes | None]] = []

    async def request(self, method: str, path: str, payload: bytes | None = None) -> RestAnswer:
        assert method == ("GET" if payload is None else "POST")
        self.asked.append((path, payload))
        found = self.answers.get(path.removeprefix("/api/v1/"))
        if found is None:
            raise UnreachableError(f"{path}: nobody there")
        status, body = found if isinstance(found, tuple) else (200, found)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return RestAnswer(status=status, body=raw, as_of=self._clock.now())


class Desk:
    """A MempoolRest over a FakeTransport."""

    def __init__(self, **answers: Any) -> None:
        self.clock = FakeClock()
        named = {path.replace("__", "/"): answer for path, answer in answers.items()}
        self.transport = FakeTransport(self.clock, named)
        guard = Guard("backend", self.clock, lambda: 0.0, Patience(attempts=1))
        self.rest = MempoolRest(self.transport, guard, self.clock, Examined())

    def says(self, path: str, answer: Any) -> "Desk":
        self.transport.answers[path] = answer
        return self


def in_block(tx: dict[str, Any] | None = None) -> dict[str, Any]:
    status = {"confirmed": True, "block_height": 7, "block_hash": HASH}
    return status if tx is None else tx | {"status": status}


async def test_a_confirmed_status_names_its_block() -> None:
    desk = Desk().says(f"tx/{A}/status", in_block())
    (told,) = await desk.rest.answer(AskStatus(A))

    assert isinstance(told, StatusTold)
    assert (told.block_hash, told.height, told.in_mempool) == (HASH, 7, False)


async def test_an_unconfirmed_status_is_in_the_mempool() -> None:
    desk = Desk().says(f"tx/{A}/status", {"confirmed": False})
    (told,) = await desk.rest.answer(AskStatus(A))

    assert isinstance(told, StatusTold)
    assert told.in_mempool


@pytest.mark.parametrize("block_hash", [None, ""])
async def test_a_confirmed_status_without_a_block_decides_nothing(block_hash: str | None) -> None:
    status = {"confirmed": True, "block_height": 7, "block_hash": block_hash}

    with pytest.raises(SourceError):
        await Desk().says(f"tx/{A}/status", status).rest.answer(AskStatus(A))


async def test_a_404_is_nowhere() -> None:
    desk = Desk().says(f"tx/{A}/status", (404, b"")).says(f"tx/{A}/rbf", (404, b""))
    (told,) = await desk.rest.answer(AskStatus(A))

    assert isinstance(told, StatusTold)
    assert (told.block_hash, told.in_mempool, told.replaced_by) == (None, False, None)


@pytest.mark.parametrize("path", ["tx/{}/status", "tx/{}"])
async def test_a_404_with_a_page_decides_nothing(path: str) -> None:
    desk = Desk().says(path.format(A), (404, b"\r\n<!DOCTYPE html>\n<title>404 Not Found</title>"))

    with pytest.raises(SourceError):
        await desk.rest.answer(AskTransaction(A) if path == "tx/{}" else AskStatus(A))


async def test_a_404_with_a_replacement_names_it() -> None:
    desk = Desk().says(f"tx/{A}/status", (404, b""))
    desk.says(f"tx/{A}/rbf", {"replacements": {"tx": {"txid": B}}, "replaces": None})
    (told,) = await desk.rest.answer(AskStatus(A))

    assert isinstance(told, StatusTold)
    assert told.replaced_by == B


@pytest.mark.parametrize("named", ["nonsense", "", "zz" * 32])
async def test_a_replacement_that_is_no_txid_is_not_believed(named: str) -> None:
    desk = Desk().says(f"tx/{A}/status", (404, b""))
    desk.says(f"tx/{A}/rbf", {"replacements": {"tx": {"txid": named}}})
    (told,) = await desk.rest.answer(AskStatus(A))

    assert isinstance(told, StatusTold)
    assert told.replaced_by is None


async def test_a_404_of_a_backend_that_is_not_in_sync_decides_nothing() -> None:
    desk = Desk().says(f"tx/{A}/status", (404, b""))
    desk.rest.in_sync = False

    with pytest.raises(SourceError):
        await desk.rest.answer(AskStatus(A))


async def test_an_error_of_the_backend_is_no_answer() -> None:
    desk = Desk().says(f"tx/{A}/status", (503, b"Service Unavailable")).says(f"tx/{A}", (500, b"{}"))

    with pytest.raises(UnreachableError):
        await desk.rest.answer(AskStatus(A))


async def test_where_the_status_fails_the_whole_transaction_says_it() -> None:
    tx = an_added_transaction()
    desk = Desk().says(f"tx/{tx['txid']}", in_block(tx))
    (told,) = await desk.rest.answer(AskStatus(Txid(tx["txid"])))

    assert isinstance(told, StatusTold)
    assert told.block_hash == HASH


async def test_the_whole_transaction_says_where_it_is_as_of_the_moment_it_was_asked_for() -> None:
    desk = Desk().says(f"tx/{A}", an_added_transaction() | {"txid": A})
    (told,) = await desk.rest.answer(AskStatus(A))

    assert isinstance(told, StatusTold)
    assert told.as_of == desk.clock.now()


async def test_a_whole_transaction_is_told_with_its_block() -> None:
    tx = an_added_transaction()
    (told,) = await Desk().says(f"tx/{A}", in_block(tx)).rest.answer(AskTransaction(A))

    assert isinstance(told, TransactionTold)
    assert (told.tx.txid, told.block_hash, told.height) == (tx["txid"], HASH, 7)


async def test_prevouts_are_asked_for_in_hundreds() -> None:
    outpoints = tuple(Outpoint(B, number) for number in range(250))
    desk = Desk(prevouts=[None] * 100)

    with pytest.raises(ParseError):  # the last call asks for 50 and is told 100
        await desk.rest.answer(AskPrevouts(A, outpoints))
    sizes = [len(json.loads(payload or b"")) for _, payload in desk.transport.asked]
    assert sizes == [100, 100, 50]


async def test_prevouts_come_back_with_what_was_asked() -> None:
    asked = (Outpoint(B, 0), Outpoint(C, 1))
    desk = Desk(prevouts=[{"prevout": {"value": 5, "scriptpubkey": "0014AB"}}, None])
    (told,) = await desk.rest.answer(AskPrevouts(A, asked))

    assert isinstance(told, PrevoutsTold)
    assert [one and (one.value, one.script) for one in told.prevouts.values()] == [(5, "0014ab"), None]


async def test_a_package_is_told_with_its_relatives() -> None:
    body = {"effectiveFeePerVsize": 7.5, "ancestors": [{}], "descendants": [{}, {}]}
    (told,) = await Desk().says(f"cpfp/{A}", body).rest.answer(AskPackage(A))

    assert isinstance(told, PackageTold)
    assert (told.package_feerate, told.related) == (7.5, 3)


@pytest.mark.parametrize("rate", [None, -3])
async def test_a_package_without_a_feerate_decides_nothing(rate: float | None) -> None:
    with pytest.raises(SourceError):
        await Desk().says(f"cpfp/{A}", {"effectiveFeePerVsize": rate}).rest.answer(AskPackage(A))


def block_header(**changes: Any) -> dict[str, Any]:
    return frames_by_kind()["block"]["block"] | {"id": HASH, "height": 7} | changes


SUMMARY = [{"txid": A, "value": 5_000_000_000, "fee": 0, "vsize": 100}]


async def block_of(desk: Desk) -> Block:
    (told,) = await desk.rest.answer(AskBlock(HASH, Height(7)))
    assert isinstance(told, BlockConnected)
    return told.block


async def test_a_block_is_told_with_header_and_entries() -> None:
    block = await block_of(
        Desk().says(f"block/{HASH}", block_header()).says(f"block/{HASH}/summary", SUMMARY)
    )

    assert (block.previous is not None, block.txids) == (True, (A,))


async def test_a_block_without_its_summary_is_told_by_its_header() -> None:
    block = await block_of(Desk().says(f"block/{HASH}", block_header()))

    assert (block.height, block.entries) == (7, None)


async def test_a_block_without_its_header_is_told_by_its_summary() -> None:
    block = await block_of(Desk().says(f"block/{HASH}/summary", SUMMARY))

    assert (block.height, block.previous) == (7, None)


async def test_a_block_nobody_has_decides_nothing() -> None:
    with pytest.raises(SourceError):
        await Desk().rest.answer(AskBlock(HASH, Height(7)))


@pytest.mark.parametrize("changes", [{"stale": True}, {"id": "ee" * 32}])
async def test_a_block_that_is_stale_or_another_is_not_told(changes: dict[str, Any]) -> None:
    desk = Desk().says(f"block/{HASH}", block_header(**changes)).says(f"block/{HASH}/summary", SUMMARY)

    with pytest.raises(SourceError):
        await desk.rest.answer(AskBlock(HASH, Height(7)))


def listing(*txids: str) -> Desk:
    return Desk(mempool__txids=list(txids), blocks__tip__hash=HASH.encode(), blocks__tip__height=b"7")


async def test_the_mempool_comes_with_the_tip() -> None:
    tip, listed = await listing(A, B).rest.answer(AskMempool(""))

    assert isinstance(tip, BlockConnected)
    assert isinstance(listed, MempoolListed)
    assert (tip.block.hash, tip.block.height, listed.txids) == (HASH, 7, {A, B})


async def test_a_listing_holds_as_of_the_moment_it_was_asked_for() -> None:
    desk = listing(A)
    _, listed = await desk.rest.answer(AskMempool(""))

    assert isinstance(listed, MempoolListed)
    assert listed.as_of == desk.clock.now()


async def test_the_listing_of_a_backend_that_is_not_in_sync_is_not_told() -> None:
    desk = listing(A)
    desk.rest.in_sync = False

    assert [type(one) for one in await desk.rest.answer(AskMempool(""))] == [BlockConnected]


@pytest.mark.parametrize("entry", ["zz" * 32, "ab", "\u0663" * 64, "0x" + "ab" * 31])
async def test_a_listing_with_what_is_no_txid_is_refused(entry: str) -> None:
    with pytest.raises(ParseError):
        await listing(A, entry).rest.answer(AskMempool(""))


async def test_what_was_listed_and_never_told_is_read_one_by_one() -> None:
    tx = an_added_transaction()
    desk = listing(tx["txid"]).says(f"tx/{tx['txid']}", tx)
    await desk.rest.answer(AskMempool(""))

    assert [type(one) async for one in desk.rest.leftovers()] == [TransactionTold]


async def test_a_leftover_that_cannot_be_read_does_not_stop_the_next() -> None:
    tx = an_added_transaction()
    desk = listing(A, B, tx["txid"]).says(f"tx/{tx['txid']}", tx).says(f"tx/{B}", {"txid": 5})
    await desk.rest.answer(AskMempool(""))

    assert [type(one) async for one in desk.rest.leftovers()] == [TransactionTold]


QUESTIONS = {
    f"tx/{A}/status": (AskStatus(A), in_block()),
    f"tx/{A}": (AskTransaction(A), in_block(an_added_transaction())),
    "prevouts": (AskPrevouts(A, (Outpoint(B, 0),)), [{"prevout": {"value": 5, "scriptpubkey": "00"}}]),
    f"cpfp/{A}": (AskPackage(A), {"effectiveFeePerVsize": 7.5, "ancestors": [], "descendants": []}),
    f"block/{HASH}": (AskBlock(HASH, Height(7)), block_header()),
    f"block/{HASH}/summary": (AskBlock(HASH, Height(7)), SUMMARY),
    "mempool/txids": (AskMempool(""), [A]),
    "blocks/tip/hash": (AskMempool(""), HASH),
    "blocks/tip/height": (AskMempool(""), 7),
}


@pytest.mark.parametrize("path", QUESTIONS)
async def test_an_answer_wrong_in_any_field_is_read_or_refused(path: str) -> None:
    question, right = QUESTIONS[path]
    for wrong in wrong_types.variants(right):
        desk = listing(A).says(path, wrong.value)
        try:
            await desk.rest.answer(question)
        except (SourceError, ParseError):
            continue

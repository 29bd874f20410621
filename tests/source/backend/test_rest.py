"""What the backend answers by REST, and what an answer decides. The border is the Transport."""

import contextlib
import json
from typing import Any

import pytest

from app.core.models import Block
from app.core.observations import (
    BlockConnected,
    MempoolListed,
    PackageReply,
    PrevoutsReply,
    StatusReply,
    TransactionReply,
    Unanswered,
)
from app.core.questions import AskBlock, AskMempool, AskPackage, AskPrevouts, AskStatus, AskTransaction
from app.core.units import BlockHash, Height, Outpoint, Txid
from app.errors import ParseError, SourceError, UnreachableError
from app.source.backend.rest import READ_AGAIN_SECONDS, MempoolRest
from app.source.backend.transport import RestAnswer
from app.source.resilience.health import ConnectionState, SourceHealth
from app.source.resilience.retry import Guard, Patience
from app.source.resilience.seen_txids import SeenTxids
from tests.backend import wrong_types
from tests.builders import a_txid
from tests.fakes import LeapingClock
from tests.source.backend.recorded_frames import an_added_transaction, frames_by_kind

A, B, C = (Txid(digits * 32) for digits in ("aa", "bb", "cc"))
HASH = BlockHash("dd" * 32)


class FakeTransport:
    """Answers by path; what was not set is unreachable. `asked` holds every request."""

    def __init__(self, clock: LeapingClock, answers: dict[str, Any]) -> None:
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

    def __init__(self, *, streaming: bool = True, **answers: Any) -> None:
        self.clock = LeapingClock()
        named = {path.replace("__", "/"): answer for path, answer in answers.items()}
        self.transport = FakeTransport(self.clock, named)
        guard = Guard("backend", self.clock, lambda: 0.0, Patience(attempts=1))
        self.seen_txids = SeenTxids()
        self.health = SourceHealth("mempool_rest", self.clock)
        self.rest = MempoolRest(
            self.transport, guard, self.clock, self.seen_txids, self.health, is_streaming=lambda: streaming
        )

    def says(self, path: str, answer: Any) -> "Desk":
        self.transport.answers[path] = answer
        return self


def in_block(tx: dict[str, Any] | None = None) -> dict[str, Any]:
    status = {"confirmed": True, "block_height": 7, "block_hash": HASH}
    return status if tx is None else tx | {"status": status}


async def test_a_confirmed_status_names_its_block() -> None:
    desk = Desk().says(f"tx/{A}/status", in_block())
    (reported,) = await desk.rest.answer(AskStatus(A))

    assert isinstance(reported, StatusReply)
    assert (reported.block_hash, reported.height, reported.in_mempool) == (HASH, 7, False)


async def test_an_unconfirmed_status_is_in_the_mempool() -> None:
    desk = Desk().says(f"tx/{A}/status", {"confirmed": False})
    (reported,) = await desk.rest.answer(AskStatus(A))

    assert isinstance(reported, StatusReply)
    assert reported.in_mempool


@pytest.mark.parametrize("block_hash", [None, ""])
async def test_a_confirmed_status_without_a_block_decides_nothing(block_hash: str | None) -> None:
    status = {"confirmed": True, "block_height": 7, "block_hash": block_hash}

    with pytest.raises(SourceError):
        await Desk().says(f"tx/{A}/status", status).rest.answer(AskStatus(A))


async def test_a_404_is_nowhere() -> None:
    desk = Desk().says(f"tx/{A}/status", (404, b"")).says(f"tx/{A}/rbf", (404, b""))
    (reported,) = await desk.rest.answer(AskStatus(A))

    assert isinstance(reported, StatusReply)
    assert (reported.block_hash, reported.in_mempool, reported.replaced_by) == (None, False, None)


@pytest.mark.parametrize("path", ["tx/{}/status", "tx/{}"])
async def test_a_404_with_a_page_decides_nothing(path: str) -> None:
    desk = Desk().says(path.format(A), (404, b"\r\n<!DOCTYPE html>\n<title>404 Not Found</title>"))

    with pytest.raises(SourceError):
        await desk.rest.answer(AskTransaction(A) if path == "tx/{}" else AskStatus(A))


async def test_a_404_with_a_replacement_names_it() -> None:
    desk = Desk().says(f"tx/{A}/status", (404, b""))
    desk.says(f"tx/{A}/rbf", {"replacements": {"tx": {"txid": B}}, "replaces": None})
    (reported,) = await desk.rest.answer(AskStatus(A))

    assert isinstance(reported, StatusReply)
    assert reported.replaced_by == B


@pytest.mark.parametrize("named", ["nonsense", "", "zz" * 32])
async def test_a_replacement_that_is_no_txid_is_not_believed(named: str) -> None:
    desk = Desk().says(f"tx/{A}/status", (404, b""))
    desk.says(f"tx/{A}/rbf", {"replacements": {"tx": {"txid": named}}})
    (reported,) = await desk.rest.answer(AskStatus(A))

    assert isinstance(reported, StatusReply)
    assert reported.replaced_by is None


async def test_a_404_of_a_backend_that_is_not_in_sync_decides_nothing() -> None:
    desk = Desk().says(f"tx/{A}/status", (404, b""))
    desk.rest.in_sync = False

    with pytest.raises(SourceError):
        await desk.rest.answer(AskStatus(A))


LOADING = (503, b"Service Unavailable")
FEES = {"fastestFee": 5, "halfHourFee": 4, "hourFee": 3, "economyFee": 2, "minimumFee": 1}


@pytest.mark.parametrize("fees", [LOADING, (502, b"<html>Bad Gateway</html>"), None])
async def test_a_404_by_rest_alone_decides_nothing_while_the_backend_does_not_say_that_it_has_all(
    fees: Any,
) -> None:
    desk = Desk(streaming=False).says(f"tx/{A}/status", (404, b"")).says("fees/recommended", fees)

    with pytest.raises(SourceError, match="still reading"):
        await desk.rest.answer(AskStatus(A))


async def test_a_404_by_rest_alone_is_nowhere_once_the_backend_has_all() -> None:
    desk = Desk(streaming=False).says(f"tx/{A}/status", (404, b"")).says("fees/recommended", FEES)
    (reported,) = await desk.rest.answer(AskStatus(A))

    assert isinstance(reported, StatusReply)
    assert not reported.in_mempool


async def test_a_backend_that_says_by_rest_that_it_loads_is_connected() -> None:
    desk = Desk(streaming=False).says("fees/recommended", LOADING)

    with pytest.raises(SourceError):
        await desk.rest.market()
    assert desk.health.condition.state is ConnectionState.CONNECTED


async def test_an_error_of_the_backend_is_no_answer() -> None:
    desk = Desk().says(f"tx/{A}/status", (503, b"Service Unavailable")).says(f"tx/{A}", (502, b"{}"))

    with pytest.raises(UnreachableError):
        await desk.rest.answer(AskStatus(A))


NOT_HERE = b"No such mempool transaction. Use -txindex or provide a block hash"
INDEXING = b"No such mempool transaction. Blockchain transactions are still in the process of being indexed."


async def test_a_node_without_txindex_that_does_not_hold_it_says_so() -> None:
    desk = Desk().says(f"tx/{A}/status", (500, NOT_HERE)).says(f"tx/{A}/rbf", (404, b""))
    (reported,) = await desk.rest.answer(AskStatus(A))

    assert isinstance(reported, StatusReply)
    assert (reported.block_hash, reported.in_mempool) == (None, False)


async def test_a_node_that_still_indexes_decides_nothing() -> None:
    desk = Desk().says(f"tx/{A}/status", (500, INDEXING)).says(f"tx/{A}", (500, INDEXING))

    with pytest.raises(SourceError):
        await desk.rest.answer(AskStatus(A))


@pytest.mark.parametrize("body", [NOT_HERE, INDEXING, b"Failed to get transaction"])
async def test_an_error_about_one_transaction_is_no_dead_backend(body: bytes) -> None:
    desk = Desk()
    health = SourceHealth("mempool_rest", desk.clock)
    guard = Guard("backend", desk.clock, lambda: 0.0)
    rest = MempoolRest(desk.transport, guard, desk.clock, SeenTxids(), health)
    desk.says(f"tx/{A}/status", (500, body)).says(f"tx/{A}", (500, body)).says(f"tx/{A}/rbf", (404, b""))
    for _ in range(2 * Patience().trips_after):
        with contextlib.suppress(SourceError):
            await rest.answer(AskStatus(A))

    assert health.condition.state is ConnectionState.CONNECTED
    assert not guard.is_open


async def test_what_a_missing_index_costs_is_said_to_the_operator() -> None:
    desk = Desk().says(f"tx/{A}/status", (500, NOT_HERE)).says(f"tx/{A}/rbf", (404, b""))
    health = SourceHealth("mempool_rest", desk.clock)
    rest = MempoolRest(desk.transport, Guard("b", desk.clock, lambda: 0.0), desk.clock, SeenTxids(), health)
    await rest.answer(AskStatus(A))

    assert "txindex=1" in " ".join(health.condition.notes)


async def test_a_backend_whose_node_is_gone_is_no_answer_about_a_transaction() -> None:
    desk = Desk().says(f"tx/{A}/status", (500, b"connect ECONNREFUSED 127.0.0.1:8332"))

    with pytest.raises(UnreachableError):
        await desk.rest.answer(AskStatus(A))


async def test_where_the_status_fails_the_whole_transaction_says_it() -> None:
    tx = an_added_transaction()
    desk = Desk().says(f"tx/{tx['txid']}", in_block(tx))
    (reported,) = await desk.rest.answer(AskStatus(Txid(tx["txid"])))

    assert isinstance(reported, StatusReply)
    assert reported.block_hash == HASH


async def test_the_whole_transaction_says_where_it_is_as_of_the_moment_it_was_asked_for() -> None:
    desk = Desk().says(f"tx/{A}", an_added_transaction() | {"txid": A})
    (reported,) = await desk.rest.answer(AskStatus(A))

    assert isinstance(reported, StatusReply)
    assert reported.as_of == desk.clock.now()


async def test_a_whole_transaction_is_told_with_its_block() -> None:
    tx = an_added_transaction()
    (reported,) = await Desk().says(f"tx/{A}", in_block(tx)).rest.answer(AskTransaction(A))

    assert isinstance(reported, TransactionReply)
    assert (reported.tx.txid, reported.block_hash, reported.height) == (tx["txid"], HASH, 7)


def many_coins(count: int) -> tuple[Outpoint, ...]:
    return tuple(Outpoint(B, number) for number in range(count))


async def test_prevouts_are_asked_for_in_hundreds() -> None:
    desk = Desk(prevouts=[None] * 100)
    await desk.rest.answer(AskPrevouts(A, many_coins(200)))

    assert [len(json.loads(payload or b"")) for _, payload in desk.transport.asked] == [100, 100]


async def test_where_one_of_many_requests_fails_the_others_count_and_the_rest_stays_open() -> None:
    desk, coins = Desk(prevouts=[None] * 100), many_coins(250)
    reported, unanswered = await desk.rest.answer(
        AskPrevouts(A, coins)
    )  # the last call asks for 50, is told 100

    assert isinstance(reported, PrevoutsReply)
    assert isinstance(unanswered, Unanswered)
    assert (tuple(reported.prevouts), unanswered.question) == (coins[:200], AskPrevouts(A, coins[200:]))


async def test_where_the_first_request_fails_nothing_is_answered() -> None:
    with pytest.raises(ParseError):
        await Desk(prevouts=[None]).rest.answer(AskPrevouts(A, many_coins(2)))


async def test_prevouts_come_back_with_what_was_asked() -> None:
    asked = (Outpoint(B, 0), Outpoint(C, 1))
    desk = Desk(prevouts=[{"prevout": {"value": 5, "scriptpubkey": "0014AB"}}, None])
    (reported,) = await desk.rest.answer(AskPrevouts(A, asked))

    assert isinstance(reported, PrevoutsReply)
    assert [one and (one.value, one.script) for one in reported.prevouts.values()] == [(5, "0014ab"), None]


async def test_a_package_is_told_with_its_relatives() -> None:
    body = {"effectiveFeePerVsize": 7.5, "ancestors": [{}], "descendants": [{}, {}]}
    (reported,) = await Desk().says(f"cpfp/{A}", body).rest.answer(AskPackage(A))

    assert isinstance(reported, PackageReply)
    assert (reported.package_feerate, reported.related) == (7.5, 3)


@pytest.mark.parametrize("rate", [None, -3])
async def test_a_package_without_a_feerate_decides_nothing(rate: float | None) -> None:
    with pytest.raises(SourceError):
        await Desk().says(f"cpfp/{A}", {"effectiveFeePerVsize": rate}).rest.answer(AskPackage(A))


def block_header(**changes: Any) -> dict[str, Any]:
    return frames_by_kind()["block"]["block"] | {"id": HASH, "height": 7} | changes


SUMMARY = [{"txid": A, "value": 5_000_000_000, "fee": 0, "vsize": 100}]


async def block_of(desk: Desk) -> Block:
    (reported,) = await desk.rest.answer(AskBlock(HASH, Height(7)))
    assert isinstance(reported, BlockConnected)
    return reported.block


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


def listing(*txids: str, streaming: bool = True) -> Desk:
    return Desk(
        streaming=streaming,
        mempool__txids=list(txids),
        blocks__tip__hash=HASH.encode(),
        blocks__tip__height=b"7",
    )


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


async def test_the_listing_of_a_backend_that_loads_is_not_told_where_rest_alone_can_say_so() -> None:
    desk = listing(A, streaming=False).says("fees/recommended", LOADING)

    assert [type(one) for one in await desk.rest.answer(AskMempool(""))] == [BlockConnected]


@pytest.mark.parametrize("entry", ["zz" * 32, "ab", "\u0663" * 64, "0x" + "ab" * 31])
async def test_a_listing_with_what_is_no_txid_is_refused(entry: str) -> None:
    with pytest.raises(ParseError):
        await listing(A, entry).rest.answer(AskMempool(""))


async def test_what_was_listed_and_never_told_is_read_one_by_one() -> None:
    tx = an_added_transaction()
    desk = listing(tx["txid"]).says(f"tx/{tx['txid']}", tx)
    await desk.rest.answer(AskMempool(""))

    assert [type(one) async for one in desk.rest.backlog()] == [TransactionReply]


async def test_a_leftover_that_cannot_be_read_does_not_stop_the_next() -> None:
    tx = an_added_transaction()
    desk = listing(A, B, tx["txid"]).says(f"tx/{tx['txid']}", tx).says(f"tx/{B}", {"txid": 5})
    await desk.rest.answer(AskMempool(""))

    assert [type(one) async for one in desk.rest.backlog()] == [TransactionReply]


async def read_backlog(desk: Desk) -> list[str]:
    """The txids that one pass over what waits to be read tells."""
    return [one.tx.txid async for one in desk.rest.backlog() if isinstance(one, TransactionReply)]


def a_backlog(count: int) -> tuple[Desk, list[str]]:
    """`count` transactions are listed, and all of them can be read."""
    txids = [a_txid(("waiting", number)) for number in range(count)]
    desk = listing(*txids)
    for txid in txids:
        desk.says(f"tx/{txid}", an_added_transaction() | {"txid": txid})
    return desk, list(txids)


async def test_what_could_not_be_read_once_is_read_later() -> None:
    desk, txids = a_backlog(3)
    answer = desk.transport.answers.pop(f"tx/{txids[1]}")
    await desk.rest.answer(AskMempool(""))
    first = await read_backlog(desk)
    desk.says(f"tx/{txids[1]}", answer)
    desk.clock.advance(READ_AGAIN_SECONDS)

    assert (first, await read_backlog(desk)) == ([txids[0], txids[2]], [txids[1]])


async def test_while_the_backend_is_down_nothing_is_read_and_nothing_given_up() -> None:
    desk, txids = a_backlog(200)
    await desk.rest.answer(AskMempool(""))
    answers, desk.transport.answers = desk.transport.answers, {}
    asked_before = len(desk.transport.asked)
    down = await read_backlog(desk)
    asked = len(desk.transport.asked) - asked_before
    desk.transport.answers = answers
    desk.clock.advance(READ_AGAIN_SECONDS)

    assert (down, asked, sorted(await read_backlog(desk))) == ([], Patience().trips_after, sorted(txids))


async def test_what_was_listed_and_never_read_is_listed_again() -> None:
    desk, txids = a_backlog(3)
    await desk.rest.answer(AskMempool(""))
    await desk.rest.answer(AskMempool(""))

    assert await read_backlog(desk) == txids


async def test_what_the_stream_told_meanwhile_is_not_read() -> None:
    desk, txids = a_backlog(2)
    await desk.rest.answer(AskMempool(""))
    desk.seen_txids.add(Txid(txids[0]))

    assert await read_backlog(desk) == [txids[1]]


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

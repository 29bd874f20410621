"""The relatives of a waiting transaction, asked of a node in few requests; fees in satoshi for 100 vbytes."""

import json
import random
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import httpx
import msgspec
import pytest

from app.core.observations import PackageReply, StatusReply
from app.core.questions import AskPackage
from app.core.recent import Recent
from app.core.units import Txid
from app.source.bitcoind.answers import BitcoindAnswers
from app.source.bitcoind.chain import ChainFollower
from app.source.bitcoind.cluster import (
    ANSWERED_AT_MOST,
    LISTED_AT_MOST,
    MEMBERS_AT_MOST,
    STEPS_AT_MOST,
    read_cluster,
)
from app.source.bitcoind.selection import selected_feerate
from app.source.bitcoind.shapes import MempoolEntry
from tests.fakes import LeapingClock
from tests.source.bitcoind.test_rpc import an_rpc
from tests.source.bitcoind.test_selection import Family, Tx, a_family, above, entry_of

NUMBERS = msgspec.json.Encoder(decimal_format="number")
LISTS = {"getmempoolancestors", "getmempooldescendants"}
WHALE = Txid("whale")


def below(name: str, family: Family) -> set[str]:
    return {one for one in family if name in above(one, family)}


def entries_of(family: Family) -> dict[str, MempoolEntry]:
    entries = {name: entry_of(name, family) for name in family}
    for name, entry in entries.items():
        entry.spentby = tuple(one for one, tx in family.items() if name in tx.parents)
        entry.descendantcount = 0
    for name in family:
        for one in above(name, family):
            entries[one].descendantcount += 1
    return entries


class Mempool:
    """A node at the wire that has these waiting; `lists`: whether it lets itself be asked for lists."""

    def __init__(self, family: Family, lists: str = "answered") -> None:
        self.change(family)
        self.lists = lists
        self.requests = 0
        self.methods: list[str] = []
        self.before: Callable[[int], None] = lambda _: None
        """Called with the number of each request before it is answered."""
        self.strangers: dict[str, MempoolEntry] = {}
        """What its lists hold besides."""

    def change(self, family: Family) -> None:
        self.family = family
        self.entries = entries_of(family)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        self.before(self.requests)
        asked = json.loads(request.content)
        calls = asked if isinstance(asked, list) else [asked]
        self.methods += [call["method"] for call in calls]
        if self.lists == "forbidden" and any(call["method"] in LISTS for call in calls):
            return httpx.Response(403)
        replies = [self._reply(call) for call in calls]
        return httpx.Response(200, content=NUMBERS.encode(replies if asked is calls else replies[0]))

    def _reply(self, call: dict[str, Any]) -> dict[str, Any]:
        result, error = None, None
        method, txid = call["method"], call["params"][0]
        if method in LISTS and self.lists == "unknown":
            error = {"code": -32601, "message": "Method not found"}
        elif method in {"getmempoolentry", *LISTS} and txid in self.family:
            result = self._result(method, txid)
        elif method != "gettxout":
            error = {"code": -5, "message": "Transaction not in mempool"}
        return {"id": call["id"], "result": result, "error": error}

    def _result(self, method: str, txid: str) -> Any:
        if method == "getmempoolentry":
            return self.entries[txid]
        relatives = (above if method == "getmempoolancestors" else below)(txid, self.family) - {txid}
        return {one: self.entries[one] for one in sorted(relatives)} | self.strangers


async def entries_read(node: Mempool, of: str = WHALE) -> dict[str, MempoolEntry]:
    cluster = await read_cluster(an_rpc(node.answer), Txid(of), node.entries[of])
    return cluster.entries


async def package(node: Mempool) -> PackageReply | StatusReply:
    rpc = an_rpc(node.answer)
    answers = BitcoindAnswers(rpc, ChainFollower(rpc), LeapingClock(), Recent(10))
    (reply,) = await answers.answer(AskPackage(WHALE))
    assert isinstance(reply, PackageReply | StatusReply)
    return reply


async def feerate(node: Mempool) -> float | None:
    reply = await package(node)
    assert isinstance(reply, PackageReply)
    return reply.package_feerate


def a_chain(names: Iterable[str]) -> Family:
    return {two: Tx(200, (one,) if one else ()) for one, two in pairwise(["", *names])}


def a_consolidation() -> Family:
    """The whale merges what six payouts paid it beside 23 others each; its grandchild pays for it."""
    family: dict[str, Tx] = {}
    for payout in range(6):
        family[f"payout {payout}"] = Tx(200)
        family |= {f"another {payout}.{number}": Tx(200, (f"payout {payout}",)) for number in range(23)}
    family["whale"] = Tx(200, tuple(f"payout {payout}" for payout in range(6)))
    return family | {"child": Tx(200, ("whale",)), "pays": Tx(100_000, ("child",))}


def a_zigzag(steps: int) -> Family:
    """The whale's child has another parent, that has another child, and so on."""
    family, last = {"whale": Tx(200)}, "whale"
    for step in range(steps):
        family |= {f"parent {step}": Tx(200), f"child {step}": Tx(200, (last, f"parent {step}"))}
        last = f"parent {step}"
    return family


every_node = pytest.mark.parametrize("lists", ["answered", "forbidden", "unknown"])


async def test_one_that_is_alone_needs_no_request() -> None:
    node = Mempool({"whale": Tx(200), "stranger": Tx(200)})

    assert list(await entries_read(node)) == ["whale"]
    assert node.requests == 0


@pytest.mark.parametrize("place", [0, 12, 24])
async def test_a_chain_is_read_in_one_request(place: int) -> None:
    names = [f"{number:02}" for number in range(25)]
    names[place] = "whale"
    node = Mempool(a_chain(names))

    assert (await entries_read(node)).keys() == set(names)
    assert node.requests == 1


@every_node
async def test_all_that_is_related_is_read_whichever_calls_a_node_answers(lists: str) -> None:
    chance = random.Random(7)
    for _ in range(60):
        family = a_family(chance)
        node = Mempool(family, lists)
        of = chance.choice(sorted(family))
        related, new = {of}, {of}
        while new:
            new = {relative for one in new for relative in above(one, family) | below(one, family)} - related
            related |= new

        assert await entries_read(node, of) == {one: node.entries[one] for one in related}, family


async def test_a_list_that_another_list_brings_as_well_is_not_asked_for() -> None:
    family = {**a_chain(["first", "second", "whale"]), "other": Tx(200, ("second",))}
    node = Mempool({**family, "another": Tx(200, ("first",))})

    assert len(await entries_read(node)) == 5
    assert node.methods == ["getmempoolancestors", "getmempooldescendants"]


@every_node
async def test_a_grandchild_that_pays_is_read_before_a_crowd_of_siblings(lists: str) -> None:
    family = a_consolidation()
    node = Mempool(family, lists)

    entries = await entries_read(node)

    assert len(entries) == MEMBERS_AT_MOST < len(family)
    assert entries.keys() > above("pays", family)
    assert selected_feerate("whale", entries) == pytest.approx(101_600 / 900)


@every_node
async def test_what_a_descendant_spends_besides_is_read_before_a_crowd_of_siblings(lists: str) -> None:
    family = {**a_consolidation(), "poor": Tx(0, vsize=100_000)}
    family["pays"] = Tx(100_000, ("child", "poor"))

    entries = await entries_read(Mempool(family, lists))

    assert entries.keys() > above("pays", family)


@every_node
async def test_the_same_is_left_out_each_time(lists: str) -> None:
    family = a_consolidation()
    turned = dict(reversed(family.items()))

    assert list(await entries_read(Mempool(family, lists))) == list(
        await entries_read(Mempool(turned, lists))
    )


@every_node
async def test_a_zigzag_is_followed_a_few_steps_far(lists: str) -> None:
    node = Mempool(a_zigzag(60), lists)

    entries = await entries_read(node)

    assert STEPS_AT_MOST <= node.requests <= STEPS_AT_MOST + 1
    assert entries.keys() >= a_zigzag(STEPS_AT_MOST // 2).keys()


async def test_a_node_that_forbids_lists_is_followed_to_the_end_of_its_own_relatives() -> None:
    entries = await entries_read(Mempool(a_chain(["whale", *map(str, range(120))]), "forbidden"))

    assert len(entries) == MEMBERS_AT_MOST


async def test_a_list_longer_than_anything_usual_is_not_asked_for() -> None:
    """The operator has raised the limits."""
    children = {f"child {number:03}": Tx(200, ("whale",)) for number in range(LISTED_AT_MOST)}
    node = Mempool({"whale": Tx(200), **children})

    entries = await entries_read(node)

    assert list(entries) == ["whale", *sorted(children)[: MEMBERS_AT_MOST - 1]]
    assert set(node.methods) == {"getmempoolentry"}


async def test_one_request_asks_for_no_more_than_a_node_can_well_answer() -> None:
    """The operator has raised the limits: each of many parents has many other children."""
    family = {f"parent {number:02}": Tx(200) for number in range(9)}
    family["whale"] = Tx(200, tuple(family))
    for parent in family["whale"].parents:
        family |= {f"{parent}, {number}": Tx(200, (parent,)) for number in range(LISTED_AT_MOST - 2)}
    node = Mempool(family)

    assert len(await entries_read(node)) == MEMBERS_AT_MOST
    assert node.methods.count("getmempooldescendants") == ANSWERED_AT_MOST // LISTED_AT_MOST


async def test_of_what_is_named_and_never_there_no_more_is_asked_for_than_there_is_room() -> None:
    node = Mempool({"whale": Tx(200)}, "forbidden")
    node.entries["whale"].spentby = tuple(f"gone {number}" for number in range(1_000))

    assert list(await entries_read(node)) == ["whale"]
    assert node.methods.count("getmempoolentry") < MEMBERS_AT_MOST


async def test_of_a_list_only_what_is_related_is_kept() -> None:
    node = Mempool(a_chain(["parent", "whale"]))
    node.strangers = entries_of(a_chain(["stranger", "its child"]))

    assert (await entries_read(node)).keys() == {"parent", "whale"}


@every_node
@pytest.mark.parametrize("mined", [{"grandparent"}, {"grandparent", "parent"}])
async def test_what_is_mined_while_its_relatives_are_read_weighs_it_down_no_more(
    lists: str, mined: set[str]
) -> None:
    node = Mempool(
        {
            "grandparent": Tx(100, vsize=10_000),
            "parent": Tx(1_000, ("grandparent",)),
            "whale": Tx(1_000, ("parent",)),
        }
    )

    def a_block(request: int) -> None:
        if request == 2:
            node.change(
                {
                    name: Tx(tx.fee, tuple(one for one in tx.parents if one not in mined))
                    for name, tx in node.family.items()
                    if name not in mined
                }
            )

    node.lists, node.before = lists, a_block

    assert await feerate(node) == 10.0


@every_node
async def test_a_child_that_takes_anothers_place_while_relatives_are_read_counts(lists: str) -> None:
    node = Mempool({"whale": Tx(200), "replaced": Tx(400, ("whale",))}, lists)

    def a_replacement(request: int) -> None:
        if request == 2:
            node.change({"whale": Tx(200), "replacement": Tx(1_800, ("whale",))})

    node.before = a_replacement

    assert await feerate(node) == 10.0


async def test_a_whale_that_is_mined_while_its_relatives_are_read_is_no_member_of_a_package() -> None:
    node = Mempool(a_chain(["parent", "whale"]))

    def a_block(request: int) -> None:
        if request == 2:
            node.change({})

    node.before = a_block
    reply = await package(node)

    assert isinstance(reply, StatusReply)
    assert not reply.in_mempool


async def test_a_mempool_that_never_agrees_with_itself_is_read_twice() -> None:
    family = {"whale": Tx(500, ("parent",)), "parent": Tx(100)}
    node = Mempool(family)
    node.before = lambda request: node.change(family if request % 2 else {"whale": Tx(500)})

    assert await feerate(node) == 3.0
    assert node.methods == ["getmempoolentry", "getmempoolancestors"] * 2


async def test_a_mempool_that_agrees_with_itself_is_read_once() -> None:
    node = Mempool(a_chain(["parent", "whale", "child"]))

    assert await feerate(node) == 2.0
    assert node.methods == ["getmempoolentry", "getmempoolancestors", "getmempooldescendants"]

"""What a miner takes a transaction for, in its cluster. Each is named, and pays in satoshi for 100 vbytes."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import pytest

from app.source.bitcoind.selection import selected_feerate
from app.source.bitcoind.shapes import EntryFees, MempoolEntry


@dataclass(frozen=True)
class Tx:
    fee: int
    parents: tuple[str, ...] = ()
    vsize: int = 100
    delta: int = 0


Family = Mapping[str, Tx]


def above(name: str, family: Family) -> set[str]:
    return {name}.union(*(above(one, family) for one in family[name].parents))


def btc(sats: int) -> Decimal:
    return Decimal(sats) / 100_000_000


def entry_of(name: str, family: Family) -> MempoolEntry:
    tx, ancestors = family[name], [family[one] for one in above(name, family)]
    return MempoolEntry(
        vsize=tx.vsize,
        weight=tx.vsize * 4,
        ancestorcount=len(ancestors),
        ancestorsize=sum(one.vsize for one in ancestors),
        descendantcount=1,
        fees=EntryFees(
            base=btc(tx.fee),
            modified=btc(tx.fee + tx.delta),
            ancestor=btc(sum(one.fee + one.delta for one in ancestors)),
            descendant=btc(tx.fee + tx.delta),
        ),
        depends=tx.parents,
    )


def feerate(family: Family, *, of: str = "whale", known: Iterable[str] | None = None) -> float:
    """`known`: those of the cluster that the node was asked for; None: all."""
    return selected_feerate(of, {name: entry_of(name, family) for name in known or family})


def test_alone_it_pays_its_own_feerate() -> None:
    assert feerate({"whale": Tx(500)}) == 5.0


def test_a_child_lifts_it() -> None:
    assert feerate({"whale": Tx(100), "child": Tx(9_900, ("whale",))}) == 50.0


def test_the_chunk_that_the_node_names_is_believed() -> None:
    entry = entry_of("whale", {"whale": Tx(500)})
    entry.fees.chunk, entry.chunkweight = btc(3_000), 800

    assert selected_feerate("whale", {"whale": entry}) == 15.0


def test_a_poor_child_does_not_weigh_it_down() -> None:
    assert feerate({"whale": Tx(1_000), "child": Tx(10, ("whale",))}) == 10.0


def test_a_poor_parent_weighs_it_down() -> None:
    assert feerate({"parent": Tx(100), "whale": Tx(900, ("parent",))}) == 5.0


def test_a_rich_parent_does_not_lift_it() -> None:
    assert feerate({"parent": Tx(9_900), "whale": Tx(100, ("parent",))}) == 1.0


def test_a_rich_parent_does_not_lift_it_by_its_child() -> None:
    family = {"parent": Tx(10_000), "whale": Tx(200, ("parent",)), "child": Tx(200, ("whale",))}

    assert feerate(family) == 2.0


def test_a_child_that_spends_something_rich_as_well_does_not_lift_it() -> None:
    family = {"whale": Tx(200), "rich": Tx(10_000), "child": Tx(200, ("whale", "rich"))}

    assert feerate(family) == 2.0


def test_a_child_that_spends_something_poor_as_well_lifts_it_less() -> None:
    family = {"whale": Tx(200), "poor": Tx(100), "child": Tx(2_700, ("whale", "poor"))}

    assert feerate(family) == 10.0


def test_a_grandchild_lifts_it_with_the_child_between() -> None:
    family = {"whale": Tx(200), "child": Tx(200, ("whale",)), "grandchild": Tx(5_600, ("child",))}

    assert feerate(family) == 20.0


def test_a_parent_that_another_child_pays_for_weighs_it_down_no_more() -> None:
    family = {"parent": Tx(100), "sibling": Tx(9_900, ("parent",)), "whale": Tx(900, ("parent",))}

    assert feerate(family) == 9.0


@pytest.mark.parametrize("delta", [-10_000_000, 10_000_000])
def test_the_operators_own_delta_is_left_out(delta: int) -> None:
    family = {"parent": Tx(100, delta=delta), "whale": Tx(300, ("parent",)), "child": Tx(800, ("whale",))}

    assert feerate(family) == 4.0


def test_a_poor_parent_that_is_not_known_weighs_it_down_all_the_same() -> None:
    assert feerate({"parent": Tx(100), "whale": Tx(900, ("parent",))}, known=["whale"]) == 5.0


def test_a_rich_parent_that_is_not_known_lifts_nothing() -> None:
    family = {"whale": Tx(200), "rich": Tx(10_000), "child": Tx(200, ("whale", "rich"))}

    assert feerate(family, known=["whale", "child"]) == 2.0


def test_what_names_itself_as_its_parent_is_no_riddle() -> None:
    cluster = {one: entry_of(one, {one: Tx(500)}) for one in ("whale", "other")}
    for one, parent in (("whale", "other"), ("other", "whale")):
        cluster[one].depends = (parent, one)

    assert selected_feerate("whale", cluster) == 5.0


def a_family(chance: random.Random) -> Family:
    family: dict[str, Tx] = {}
    for number in range(chance.randint(2, 9)):
        vsize = chance.choice((110, 140, 220, 400))
        parents = chance.sample(sorted(family), min(len(family), chance.choice((0, 1, 1, 2))))
        rate = chance.choice((1, 2, 3, 10, 30, 100)) * chance.uniform(0.9, 1.1)
        family[str(number)] = Tx(int(rate * vsize), tuple(parents), vsize)
    return family


def as_mined(family: Family) -> dict[str, float]:
    """At what feerate each is taken where a block is filled package by package, the dearest first."""
    left, taken = set(family), dict[str, float]()
    while left:
        rates = {
            one: sum(family[each].fee for each in above(one, family) & left)
            / sum(family[each].vsize for each in above(one, family) & left)
            for one in left
        }
        best = max(rates, key=lambda one: rates[one])
        package = above(best, family) & left
        taken |= dict.fromkeys(package, rates[best])
        left -= package
    return taken


def test_of_random_families_each_is_taken_as_a_miner_takes_it() -> None:
    chance = random.Random(5)
    for _ in range(300):
        family = a_family(chance)
        found = {one: feerate(family, of=one) for one in family}

        assert found == pytest.approx(as_mined(family)), family

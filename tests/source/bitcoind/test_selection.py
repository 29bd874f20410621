"""What a miner takes a transaction for, in its cluster. Each is named, and pays in satoshi for 100 vbytes."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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


@pytest.mark.parametrize("prioritised", ["whale", "child"])
def test_a_chunk_that_the_operators_delta_is_part_of_is_not_believed(prioritised: str) -> None:
    family = {"whale": Tx(200), "child": Tx(600, ("whale",))}
    family[prioritised] = replace(family[prioritised], delta=100_000)
    cluster = {one: entry_of(one, family) for one in family}
    for entry in cluster.values():
        entry.fees.chunk, entry.chunkweight = btc(100_800), 800

    assert selected_feerate("whale", cluster) == 4.0


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


DIAMOND = {
    "poor": Tx(100, vsize=1_000),
    "left": Tx(2_000, ("poor",)),
    "right": Tx(2_000, ("poor",)),
    "whale": Tx(10, ("left", "right")),
}


def test_a_poor_child_is_not_lifted_by_two_rich_ones_that_share_a_poor_parent() -> None:
    assert feerate(DIAMOND) == 0.1


@pytest.mark.parametrize("rich", ["left", "right"])
def test_rich_ones_that_share_a_poor_parent_wait_for_it_and_not_for_a_poor_child_of_both(rich: str) -> None:
    assert feerate(DIAMOND, of=rich) == pytest.approx(2_100 / 1_100)


def test_all_of_a_package_pay_what_it_pays() -> None:
    family = {"rich": Tx(5_000, vsize=100), "poor": Tx(0, vsize=900), "whale": Tx(400, ("rich", "poor"))}

    assert feerate(family) == pytest.approx(0.4)
    assert feerate(family, of="poor") == pytest.approx(0.4)


def test_what_names_itself_as_its_parent_is_no_riddle() -> None:
    cluster = {one: entry_of(one, {one: Tx(500)}) for one in ("whale", "other")}
    for one, parent in (("whale", "other"), ("other", "whale")):
        cluster[one].depends = (parent, one)

    assert selected_feerate("whale", cluster) == 5.0


def a_family(chance: random.Random) -> Family:
    """Of many shapes; every other one is woven of a few: diamonds, and children of two that are related."""
    family: dict[str, Tx] = {}
    woven = chance.random() < 0.5
    for number in range(chance.randint(2, 9)):
        vsize = chance.choice((110, 140, 220, 400, 1_000))
        near = list(family)[-3:] if woven else list(family)
        parents = chance.sample(near, min(len(near), chance.choice((1, 2, 2) if woven else (0, 1, 1, 2))))
        rate = chance.choice((1, 2, 3, 10, 30, 100)) * chance.uniform(0.9, 1.1)
        family[str(number)] = Tx(int(rate * vsize), tuple(parents), vsize)
    return family


def pays_together(names: set[str], family: Family) -> float:
    return sum(family[one].fee for one in names) / sum(family[one].vsize for one in names)


def as_mined(family: Family) -> dict[str, float]:
    """To what feerate the market must fall for each, where a block is filled package by package.

    Next is always the package whose last member pays most, alone or with all it brings: the lower counts. It
    cannot be there before those that it spends.
    """
    block, at = list[str](), dict[str, float]()
    while len(block) < len(family):
        packages = {one: above(one, family).difference(block) for one in family if one not in block}
        score, last = max(
            (min(pays_together({one}, family), pays_together(package, family)), one)
            for one, package in packages.items()
        )
        before = [at[one] for one in above(last, family) if one in at]
        at |= dict.fromkeys(packages[last], min([score, *before]))
        block += packages[last]
    return at


def test_of_random_families_each_is_taken_as_a_miner_takes_it() -> None:
    chance = random.Random(5)
    for _ in range(600):
        family = a_family(chance)
        found = {one: feerate(family, of=one) for one in family}

        assert found == pytest.approx(as_mined(family)), family

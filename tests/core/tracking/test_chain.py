"""The end of the best chain, and what a block does to it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.core.models import Block
from app.core.tracking.chain import Chain, down_from_the_tip
from app.core.units import Height
from tests.builders import START_HEIGHT, a_block, a_hash


def a_chain(length: int, depth: int = 150) -> Chain:
    chain = Chain(depth)
    for height in range(length):
        chain.place(a_block(height))
    return chain


def kept(*blocks: Block) -> list[int]:
    """The heights of the chain that these make, told in this order."""
    return heights(down_from_the_tip(blocks, len(blocks)))


def heights(blocks: tuple[Block, ...]) -> list[int]:
    return [block.height - START_HEIGHT for block in blocks]


def test_the_first_block_is_taken_as_it_is() -> None:
    assert Chain().place(a_block(7)).connected == a_block(7)


def test_a_child_of_the_tip_is_the_tip() -> None:
    assert a_chain(3).tip == a_block(2).header()


def test_what_is_in_the_blocks_is_not_kept() -> None:
    """The txids of 150 full blocks take 76 MB."""
    chain = a_chain(5)
    chain.place(a_block(3, branch="b", on=""))

    kept = (*chain.blocks(), chain.tip, chain.at(Height(START_HEIGHT + 3)), chain.find(a_block(1).hash))
    assert all(one is not None and one.txids is None and one.entries is None for one in kept)


def test_another_block_of_the_tips_height_undoes_the_tip() -> None:
    step = a_chain(3).place(a_block(2, branch="b", on=""))

    assert heights(step.disconnected) == [2]


def test_a_lower_fork_undoes_all_above_from_the_tip_down() -> None:
    step = a_chain(5).place(a_block(2, branch="b", on=""))

    assert heights(step.disconnected) == [4, 3, 2]


def test_a_block_on_an_unknown_parent_names_that_parent() -> None:
    step = a_chain(3).place(a_block(3, branch="b"))

    assert (step.connected, step.parent) == (None, a_hash((2, "b")))


def test_an_orphan_that_contradicts_the_tip_undoes_it() -> None:
    step = a_chain(3).place(a_block(3, branch="b"), orphaned=True)

    assert (heights(step.disconnected), step.hole) == ([2], True)


def test_a_block_far_above_is_taken_with_a_hole() -> None:
    step = a_chain(3, depth=10).place(a_block(50))

    assert (step.connected, step.hole) == (a_block(50), True)


def test_what_comes_below_a_block_whose_parent_nobody_knows_undoes_nothing() -> None:
    chain = a_chain(2)
    chain.place(Block(hash=a_hash((3, "")), height=Height(START_HEIGHT + 3)), orphaned=True)

    assert chain.place(a_block(2)).disconnected == ()
    assert chain.tip is not None
    assert chain.tip.hash == a_hash((3, ""))


def test_a_block_below_all_that_is_kept_does_nothing() -> None:
    step = a_chain(30, depth=10).place(a_block(3))

    assert (step.connected, step.parent) == (None, None)


def test_no_more_than_the_depth_is_kept() -> None:
    assert heights(a_chain(30, depth=10).blocks()) == list(range(20, 30))


def test_to_disconnect_undoes_a_block_and_all_above() -> None:
    chain = a_chain(4)

    assert heights(chain.disconnect(a_hash((2, "")))) == [3, 2]
    assert chain.tip == a_block(1).header()


def test_to_disconnect_an_unknown_block_undoes_nothing() -> None:
    assert a_chain(4).disconnect(a_hash("never")) == ()


def test_parents_that_are_not_ours_are_missing() -> None:
    chain = a_chain(2)
    chain.place(a_block(4), orphaned=True)

    assert chain.missing() == ((a_hash((3, "")), START_HEIGHT + 3),)


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abc"), st.booleans()), max_size=40))
def test_whatever_is_placed_heights_and_hashes_agree(published: list[tuple[int, str, bool]]) -> None:
    chain = Chain(4)
    for height, branch, orphaned in published:
        chain.place(a_block(height, branch=branch), orphaned=orphaned)
        blocks = chain.blocks()
        assert chain.tip == blocks[-1]
        assert len(blocks) <= 4
        assert all(block.hash in chain and chain.at(block.height) == block for block in blocks)
        for below, above in pairwise(blocks):
            assert above.height > below.height + 1 or above.previous == below.hash


def a_hollow_chain() -> Chain:
    """Two blocks, then one that nobody could read two above: what is below it is not known."""
    chain = a_chain(2)
    chain.place(Block(hash=a_hash((3, "b")), height=Height(START_HEIGHT + 3)), orphaned=True)
    return chain


def test_the_parent_of_a_block_that_nobody_could_read_is_missing_once_it_is_known() -> None:
    chain = a_hollow_chain()
    undone = chain.learn_parent(a_block(3, branch="b"))

    assert (undone, chain.missing()) == ((), ((a_hash((2, "b")), START_HEIGHT + 2),))


def test_a_parent_that_is_known_is_learned_no_second_time() -> None:
    chain = a_chain(3)

    assert chain.learn_parent(a_block(2, on="b")) == ()
    assert chain.missing() == ()


def test_a_block_that_is_read_at_last_undoes_the_one_below_that_is_not_its_parent() -> None:
    chain = a_hollow_chain()
    chain.place(a_block(2))

    assert heights(chain.learn_parent(a_block(3, branch="b"))) == [2]
    assert chain.tip == a_block(3, branch="b").header()


def test_an_ancestor_of_the_tip_undoes_the_block_below_that_is_not_its_parent_and_none_above() -> None:
    chain = a_hollow_chain()
    chain.learn_parent(a_block(3, branch="b"))
    step = chain.place(a_block(2, branch="b"))

    assert (heights(step.disconnected), step.within) == ([1], True)
    assert heights(chain.blocks()) == [0, 2, 3]


def test_of_no_headers_there_is_no_chain() -> None:
    assert down_from_the_tip((), 9) == ()


def test_the_chain_goes_down_by_parents_from_the_header_that_came_last() -> None:
    tip = a_block(2, branch="b", on="")

    assert down_from_the_tip((a_block(1), a_block(2), tip), 9) == (a_block(1), tip)


def test_it_ends_once_it_is_as_long_as_is_asked_for() -> None:
    assert heights(down_from_the_tip([a_block(height) for height in range(9)], 3)) == [6, 7, 8]


def test_below_a_hole_it_goes_on_with_the_next_height_that_is_known() -> None:
    assert kept(a_block(1), a_block(2), a_block(5)) == [1, 2, 5]


def test_it_passes_over_a_block_in_whose_place_another_is_named() -> None:
    assert kept(a_block(1), a_block(2), a_block(3, branch="b")) == [1, 3]


def test_below_a_block_without_a_parent_it_goes_on_one_lower() -> None:
    named = Block(hash=a_block(3).hash, height=a_block(3).height)

    assert kept(a_block(1), a_block(2), named) == [1, 2, 3]


def test_a_block_that_was_kept_at_two_heights_is_where_it_was_kept_last() -> None:
    named = Block(hash=a_block(1).hash, height=a_block(2).height)

    assert kept(a_block(0), named, a_block(1), a_block(3)) == [0, 1, 3]


def test_a_parent_that_was_kept_last_at_another_height_is_a_hole() -> None:
    named = Block(hash=a_block(2).hash, height=a_block(1).height)

    assert kept(a_block(0), a_block(2), named, a_block(3)) == [0, 1, 3]

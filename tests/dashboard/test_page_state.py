from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.classification import Flow
from dashboard.feed.page_state import PageState, RowBook, difference, status_part, totals_part
from tests.browser.sea import Sea, a_whale

ROWS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.dictionaries(st.sampled_from(["x", "y", "z"]), st.one_of(st.none(), st.integers(0, 3)), min_size=1),
)
PARTS = st.dictionaries(
    st.sampled_from(["status", "queue"]), st.dictionaries(st.just("k"), st.integers(0, 2))
)


def applied(old: PageState, change: dict[str, Any]) -> PageState:
    """What the page does with a difference (static/store.js)."""
    rows = {key: dict(row) for key, row in old.rows.items() if key not in change.get("gone", ())}
    for row in change.get("put", ()):
        rows[row["id"]] = row
    for key, fields in change.get("patch", {}).items():
        rows[key] = {**rows[key], **fields}
    parts = {key: value for key, value in change.items() if key not in {"put", "patch", "gone"}}
    return PageState(rows=rows, parts={**old.parts, **parts})


def with_ids(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {key: {"id": key, **row} for key, row in rows.items()}


@given(ROWS, ROWS, PARTS)
def test_a_difference_applied_to_the_old_gives_the_new(
    old: dict[str, Any], new: dict[str, Any], parts: dict[str, Any]
) -> None:
    before = PageState(rows=with_ids(old), parts={"status": {}, "queue": {}})
    after = PageState(rows=with_ids(new), parts={"status": {}, "queue": {}, **parts})

    reported = applied(before, difference(before, after))

    known = {
        key: {name: value for name, value in row.items() if value is not None}
        for key, row in reported.rows.items()
    }
    wanted = {
        key: {name: value for name, value in row.items() if value is not None}
        for key, row in after.rows.items()
    }
    assert known == wanted
    assert reported.parts == after.parts


def test_the_same_picture_twice_is_no_difference() -> None:
    sea = Sea()
    sea.appear(a_whale("a", 200, sea.now))
    book = RowBook()
    one = PageState(rows=book.rows(sea.snapshot.pending), parts={"status": status_part(sea.snapshot)})
    two = PageState(rows=book.rows(sea.snapshot.pending), parts={"status": status_part(sea.snapshot)})

    assert difference(one, two) == {}


def test_a_row_is_drawn_again_only_for_another_prediction() -> None:
    sea = Sea()
    whale = a_whale("a", 200, sea.now)
    book = RowBook()
    first = book.rows([whale])[whale.prediction_id]

    assert book.rows([whale])[whale.prediction_id] is first
    assert book.rows([replace(whale, version=2)])[whale.prediction_id] is not first


def test_memory_that_wavers_by_less_than_a_megabyte_is_no_change() -> None:
    sea = Sea()
    before = status_part(sea.snapshot)
    sea.show(rss_mb=142.4)

    assert status_part(sea.snapshot) == before


def test_the_strip_sums_a_transaction_that_is_several_flows_by_its_split() -> None:
    sea = Sea()
    whale = a_whale("a", 300, sea.now, flow=Flow.INFLOW)
    both = {Flow.INFLOW: 200_0000_0000, Flow.UNKNOWN: 100_0000_0000}
    sea.appear(replace(whale, classification=replace(whale.classification, split=both)))

    flows = totals_part(sea.snapshot)["by_flow"]

    assert (flows["inflow"], flows["unknown"]) == (200_0000_0000, 100_0000_0000)


def test_only_forecasts_that_came_due_are_counted_as_held_or_not() -> None:
    sea = Sea()
    on_time, late, none = (
        a_whale("a", 200, sea.now, ahead=1),
        a_whale("b", 200, sea.now, ahead=1),
        a_whale("c", 200, sea.now, forecast=False),
    )
    sea.appear(on_time, late, none)
    sea.block(on_time, none)
    sea.later(600)
    sea.block(late)

    totals = totals_part(sea.snapshot)

    assert (totals["on_time"], totals["due"]) == (1, 2)


def test_unknown_fees_stay_unknown() -> None:
    sea = Sea()
    sea.show(fees=None)

    assert totals_part(sea.snapshot)["next_block"] is None


@pytest.mark.parametrize(("whales", "between"), [(0, None), (1, (0.21, 1.0)), (4, (0.51, 1.0))])
def test_the_share_that_held_has_its_interval(whales: int, between: tuple[float, float] | None) -> None:
    sea = Sea()
    held = [a_whale(name, 200, sea.now, ahead=1) for name in "abcd"[:whales]]
    sea.appear(*held)
    sea.block(*held)

    assert totals_part(sea.snapshot)["between"] == between


def test_the_tips_age_is_counted_from_when_we_saw_it() -> None:
    sea = Sea()
    seen = status_part(sea.snapshot)["tip_at"]

    assert seen == round((sea.now - timedelta(minutes=3)).timestamp() * 1000)

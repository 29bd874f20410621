import json
from typing import Any

from app.views import Snapshot
from dashboard.feed.channel import KEPT_DIFFERENCES, FeedChannel
from dashboard.feed.page_state import PageState
from tests.browser.sea import Sea


class Page:
    """A reader that keeps what it was told."""

    def __init__(self) -> None:
        self.reported: list[dict[str, Any]] = []

    def send(self, message: str) -> None:
        self.reported.append(json.loads(message))


def channel() -> FeedChannel:
    return FeedChannel("e1", lambda snapshot: PageState(rows={}, parts={"memory": {"rss": snapshot.rss_mb}}))


def at(rss: float) -> Snapshot:
    sea = Sea()
    sea.show(rss_mb=rss)
    return sea.snapshot


def test_a_reader_gets_the_whole_first_and_then_differences_in_order() -> None:
    feed, page = channel(), Page()
    feed.join(page, at(1))
    feed.show(at(2))
    feed.show(at(3))

    assert [(reported["kind"], reported["seq"]) for reported in page.reported] == [
        ("snapshot", 0),
        ("diff", 1),
        ("diff", 2),
    ]
    assert page.reported[-1]["memory"] == {"rss": 3}


def test_what_did_not_change_is_not_told() -> None:
    feed, page = channel(), Page()
    feed.join(page, at(1))
    feed.show(at(1))

    assert len(page.reported) == 1


def test_a_reader_that_left_catches_up_without_a_whole_picture() -> None:
    feed, page, other = channel(), Page(), Page()
    feed.join(page, at(1))
    feed.join(other, at(1))
    feed.leave(page)
    feed.show(at(2))
    feed.show(at(3))
    feed.join(page, at(3), "e1", 0)

    assert [reported["seq"] for reported in page.reported[1:]] == [1, 2]


def test_what_changed_while_nobody_looked_is_one_difference() -> None:
    feed, page = channel(), Page()
    feed.join(page, at(1))
    feed.leave(page)
    feed.show(at(2))
    feed.show(at(3))
    feed.join(page, at(4), "e1", 0)

    assert [reported["memory"]["rss"] for reported in page.reported[1:]] == [4]


def test_one_who_missed_too_much_starts_anew() -> None:
    feed, page, other = channel(), Page(), Page()
    feed.join(page, at(0))
    feed.join(other, at(0))
    feed.leave(page)
    for step in range(KEPT_DIFFERENCES + 2):
        feed.show(at(1 + step))
    feed.join(page, at(1 + step), "e1", 0)

    assert page.reported[-1]["kind"] == "snapshot"


def test_the_numbers_of_another_run_mean_nothing() -> None:
    feed, page = channel(), Page()
    feed.join(page, at(1), "before the restart", 0)

    assert page.reported[0]["kind"] == "snapshot"


def test_one_who_is_up_to_date_is_told_only_that_the_line_is_good() -> None:
    feed, page = channel(), Page()
    feed.join(page, at(1))
    feed.leave(page)
    feed.join(page, at(1), "e1", 0)

    assert page.reported[1:] == [{"kind": "pulse", "seq": 0}]


def test_nothing_is_painted_while_nobody_looks() -> None:
    rendered = 0

    def render(_: Snapshot) -> PageState:
        nonlocal rendered
        rendered += 1
        return PageState(rows={}, parts={})

    FeedChannel("e1", render).show(at(1))

    assert rendered == 0

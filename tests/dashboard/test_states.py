from dataclasses import replace

import pytest

from app.views import Component, ComponentStatus, Level, Notice
from dashboard.feed.states import banners, working_sources
from tests.browser.sea import Sea


def reported(sea: Sea) -> list[str]:
    return [banner.code for banner in banners(sea.snapshot)]


def a_component(
    sea: Sea, status: ComponentStatus, error: str | None = None, detail: str | None = None
) -> Component:
    return Component(
        name="mempool_ws", status=status, since=sea.now, error=error, detail=detail, required=True
    )


def test_when_all_is_well_nothing_is_said() -> None:
    assert reported(Sea()) == []


def test_demo_comes_first_whatever_else_is_wrong() -> None:
    sea = Sea(demo=True)
    sea.show(level=Level.BLIND)

    assert reported(sea)[0] == "demo"


@pytest.mark.parametrize(
    ("level", "code"),
    [(Level.POLLING, "polling"), (Level.BLOCKS_ONLY, "blocks_only"), (Level.BLIND, "blind")],
)
def test_each_level_below_live_has_its_words(level: Level, code: str) -> None:
    sea = Sea()
    sea.show(level=level)

    assert reported(sea) == [code]


def test_blocks_only_is_called_what_the_issue_calls_it() -> None:
    sea = Sea()
    sea.show(level=Level.BLOCKS_ONLY)
    (banner,) = banners(sea.snapshot)

    assert banner.title == "Mempool predictions unavailable"
    assert banner.words.startswith("Confirmed flows go on")


def test_a_source_that_is_asked_for_the_first_time_is_connecting_not_failed() -> None:
    sea = Sea()
    sea.show(level=Level.BLIND, components=(a_component(sea, ComponentStatus.STARTING),))

    assert reported(sea) == ["connecting"]


def test_before_any_component_reports_it_is_connecting() -> None:
    sea = Sea()
    sea.show(level=Level.BLIND, components=(), tip=None)

    assert reported(sea) == ["connecting"]


def test_initial_block_download_is_waited_for_and_says_how_far_it_is() -> None:
    sea = Sea()
    sea.show(
        level=Level.BLIND, components=(a_component(sea, ComponentStatus.SYNCING, detail="block 5 of 10"),)
    )
    (banner,) = banners(sea.snapshot)

    assert banner.code == "syncing"
    assert "Block 5 of 10." in banner.words


def test_the_reason_is_told_as_a_sentence() -> None:
    sea = Sea()
    sea.show(level=Level.POLLING, level_reason="the stream ended")

    assert " The stream ended. " in banners(sea.snapshot)[0].words


def test_without_a_reason_the_first_broken_source_gives_it() -> None:
    sea = Sea()
    sea.show(
        level=Level.BLIND,
        components=(a_component(sea, ComponentStatus.FAILED, "no answer from 127.0.0.1:8999"),),
    )

    assert "No answer from 127.0.0.1:8999." in banners(sea.snapshot)[0].words


def test_a_notice_is_shown_with_its_own_words() -> None:
    sea = Sea()
    sea.show(notices=(Notice(code="database_set_aside", words="Moved to x.bad.", since=sea.now),))
    (banner,) = banners(sea.snapshot)

    assert (banner.title, banner.words) == ("The database was set aside", "Moved to x.bad.")


def test_an_unknown_notice_still_has_a_title() -> None:
    sea = Sea()
    sea.show(notices=(Notice(code="clock_is_off", words="By 90 s.", since=sea.now),))

    assert banners(sea.snapshot)[0].title == "Clock is off"


def test_only_sources_that_work_are_named_as_working() -> None:
    sea = Sea()
    first, *others = sea.snapshot.components
    sea.show(components=(replace(first, status=ComponentStatus.FAILED), *others))

    assert working_sources(sea.snapshot) == ["Mempool REST", "bitcoind", "electrs"]

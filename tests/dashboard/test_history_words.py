from datetime import UTC, date, datetime

from app.core.classification import Flow
from app.core.units import SATS_PER_BTC, Sats
from app.views import DayFlow
from dashboard.history import figures, words

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


def moved(day: date, flow: Flow, btc: int) -> DayFlow:
    return DayFlow(day=day, flow=flow, count=1, moved_sat=Sats(btc * SATS_PER_BTC))


def column(plot: object, name: str, which: str) -> list[float]:
    source = next(one for one in plot.references() if one.name == name)  # type: ignore[attr-defined]
    return list(source.data[which])


def test_the_sentence_counts_and_adds_up() -> None:
    flows = [moved(MONDAY, Flow.INFLOW, 300), moved(MONDAY, Flow.UNKNOWN, 1_200)]

    assert words.sentence(flows, None) == "2 whales move 1,500 BTC."


def test_a_moment_is_named_in_the_sentence() -> None:
    then = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)

    assert words.sentence([], then) == "What Spout knew on 2026-11-24 at 09:30 UTC: no whale matches."


def test_the_net_is_what_goes_to_exchanges_less_what_leaves_them() -> None:
    flows = [moved(MONDAY, Flow.INFLOW, 300), moved(TUESDAY, Flow.OUTFLOW, 500)]

    assert words.beside(flows) == ("300 BTC to exchanges, 500 from them: net 200 out of exchanges.")


def test_bars_of_a_day_stand_on_each_other() -> None:
    plot = figures.days_figure()
    figures.fill_days(plot, words.by_day([moved(MONDAY, Flow.INFLOW, 100), moved(MONDAY, Flow.UNKNOWN, 250)]))

    assert column(plot, "days-unknown", "bottom") == column(plot, "days-inflow", "top") == [100.0]
    assert column(plot, "days-unknown", "top") == [350.0]


def test_what_leaves_exchanges_hangs_below_zero_and_the_line_is_net() -> None:
    plot = figures.days_figure()
    figures.fill_days(plot, words.by_day([moved(MONDAY, Flow.INFLOW, 100), moved(MONDAY, Flow.OUTFLOW, 250)]))

    assert column(plot, "days-outflow", "bottom") == [-250.0]
    assert column(plot, "days-net", "y") == [-150.0]


def test_a_day_of_neither_has_no_bar_and_a_net_of_zero() -> None:
    plot = figures.days_figure()
    figures.fill_days(plot, words.by_day([moved(MONDAY, Flow.INTERNAL, 100)]))

    assert (column(plot, "days-inflow", "top"), column(plot, "days-net", "y")) == ([], [0.0])


def test_a_brush_takes_the_days_it_touches_from_either_side() -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp() * 1000
    later = datetime(2026, 11, 24, 18, tzinfo=UTC).timestamp() * 1000

    assert figures.brushed_days(later, noon) == (MONDAY, TUESDAY)


def test_a_brush_within_a_day_is_that_day() -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp() * 1000

    assert figures.brushed_days(noon, noon + 1000) == (MONDAY, MONDAY)


def test_every_choice_of_a_filter_has_a_word() -> None:
    assert words.choices()["flow_type"]["inflow"] == "▼ To exchange"
    assert all("" in chosen for chosen in words.choices().values())

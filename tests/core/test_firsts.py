"""Who saw a transaction first, and how far ahead."""

import pytest

from app.core.firsts import MEASURED, REMEMBERED, Firsts
from app.core.models import SourceName
from tests.builders import a_txid

NODE, STREAM = SourceName.BITCOIND, SourceName.MEMPOOL_WS


def test_the_first_one_counts_and_the_lead_is_the_median() -> None:
    firsts = Firsts()
    for number, lead in enumerate((0.5, 1.0, 3.0)):
        firsts.saw(NODE, a_txid(number), 10.0 * number)
        firsts.saw(STREAM, a_txid(number), 10.0 * number + lead)

    (lead_of_node,) = firsts.leads()

    assert (lead_of_node.source, lead_of_node.first) == (NODE, 3)
    assert lead_of_node.median_lead_ms == pytest.approx(1000.0)


def test_what_no_other_saw_has_no_lead() -> None:
    firsts = Firsts()
    firsts.saw(NODE, a_txid(1), 1.0)

    assert [(one.first, one.median_lead_ms) for one in firsts.leads()] == [(1, None)]


def test_seen_again_by_the_same_source_is_no_race() -> None:
    firsts = Firsts()
    firsts.saw(NODE, a_txid(1), 1.0)
    firsts.saw(NODE, a_txid(1), 2.0)

    assert [(one.first, one.median_lead_ms) for one in firsts.leads()] == [(1, None)]


def test_a_third_source_does_not_count_twice() -> None:
    firsts = Firsts()
    for source, second in ((NODE, 1.0), (STREAM, 2.0), (SourceName.MEMPOOL_REST, 9.0)):
        firsts.saw(source, a_txid(1), second)

    assert [one.median_lead_ms for one in firsts.leads()] == [pytest.approx(1000.0)]


def test_the_most_often_first_one_comes_first() -> None:
    firsts = Firsts()
    for number, source in enumerate((STREAM, NODE, NODE)):
        firsts.saw(source, a_txid(number), float(number))

    assert [one.source for one in firsts.leads()] == [NODE, STREAM]


def test_its_memory_is_bounded() -> None:
    firsts = Firsts()
    for number in range(REMEMBERED + 1):
        firsts.saw(NODE, a_txid(number), float(number))

    firsts.saw(STREAM, a_txid(0), 99.0)

    assert {one.source: one.first for one in firsts.leads()} == {NODE: REMEMBERED + 1, STREAM: 1}


def test_only_the_latest_five_hundred_leads_of_a_source_make_its_median() -> None:
    firsts = Firsts()
    for number in range(MEASURED + 100):
        firsts.saw(NODE, a_txid(number), 0.0)
        firsts.saw(STREAM, a_txid(number), 9.0 if number < 100 else number / 1_000)
    (lead,) = firsts.leads()

    assert lead.median_lead_ms == pytest.approx((100 + MEASURED / 2) - 0.5)


@pytest.mark.parametrize("order", [(NODE, NODE, STREAM), (STREAM, STREAM, NODE), (NODE, STREAM, STREAM)])
def test_however_they_came_the_most_often_first_one_comes_first(order: tuple[SourceName, ...]) -> None:
    firsts = Firsts()
    for number, source in enumerate(order):
        firsts.saw(source, a_txid(number), float(number))

    assert [one.first for one in firsts.leads()] == [2, 1]

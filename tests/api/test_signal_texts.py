"""The remembered JSON of listed whales: the bytes that the shapes themselves give, and bounded."""

from dataclasses import replace

import pytest

from app.api.models import PageInfo, PredictionPage, signal_of
from app.api.signal_texts import MOST_CHARACTERS, SignalTexts
from app.core.prediction import Prediction
from app.core.prices import Price
from tests.store.builders import NOON, a_prediction

DEAR = Price(currency="EUR", per_btc=90_000.0, at=NOON)
CHEAP = replace(DEAR, per_btc=9_000.0)
INFO = PageInfo(limit=3, has_next=True, next_cursor='a "quoted" cursor')


def page(texts: SignalTexts, whales: list[Prediction], price: Price | None) -> str:
    named = [(one, f"{one.prediction_id}/{one.version}".encode(), price) for one in whales]
    return texts.page(named, PredictionPage(predictions=[], total_count=9, page_info=INFO))


def plainly(whales: list[Prediction], price: Price | None) -> str:
    shapes = [signal_of(one, price) for one in whales]
    return PredictionPage(predictions=shapes, total_count=9, page_info=INFO).encoded()


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("price", [None, DEAR])
def test_a_page_is_byte_for_byte_what_its_shape_gives(count: int, price: Price | None) -> None:
    whales = [replace(a_prediction(number), reason="Börse ₿ 🐋") for number in range(count)]
    texts = SignalTexts()

    first, again = page(texts, whales, price), page(texts, whales, price)

    assert first == again == plainly(whales, price)


def test_another_price_gives_another_text() -> None:
    texts, whales = SignalTexts(), [a_prediction(1)]
    page(texts, whales, DEAR)

    assert page(texts, whales, CHEAP) == plainly(whales, CHEAP)


def test_it_stays_within_its_characters() -> None:
    texts = SignalTexts()
    long = [replace(a_prediction(number), reason="x" * 30_000) for number in range(90)]

    for one in long:
        page(texts, [one], None)

    assert 0 < texts.size <= MOST_CHARACTERS

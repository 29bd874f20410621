"""The JSON of whales that were listed lately.

Of one content and one price it is always the same.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from app.api.models import PredictionPage, signal_of
from app.core.prediction import Prediction
from app.core.prices import Price

MOST_CHARACTERS: Final = 2 * 1024 * 1024
"""About 1,500 whales."""
LARGEST: Final = MOST_CHARACTERS // 32
"""A longer text is not remembered: a page of such would push out all others."""
_NONE: Final = '{"predictions":[]'

_Key = tuple[bytes, tuple[str, float] | None]


class SignalTexts:
    """The least recently used go first. Used by one thread at a time: whoever holds `Parts.encoding`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, str] = OrderedDict()
        self._characters = 0

    @property
    def size(self) -> int:
        """How many characters are remembered."""
        return self._characters

    def page(self, whales: Iterable[tuple[Prediction, bytes, Price | None]], rest: PredictionPage) -> str:
        """Return the JSON of a page: `rest`, which has no whales, with these.

        Each with the digest of its content, and the price by which it is valued.
        """
        texts = [self._text(*one) for one in whales]
        return f"{_NONE[:-1]}{','.join(texts)}]{rest.encoded().removeprefix(_NONE)}"

    def _text(self, whale: Prediction, digest: bytes, price: Price | None) -> str:
        key = (digest, None if price is None else (price.currency, price.per_btc))
        text = self._kept.get(key)
        if text is not None:
            self._kept.move_to_end(key)
            return text
        text = signal_of(whale, price).encoded()
        if len(text) <= LARGEST:
            self._keep(key, text)
        return text

    def _keep(self, key: _Key, text: str) -> None:
        self._kept[key] = text
        self._characters += len(text)
        while self._characters > MOST_CHARACTERS:
            _, gone = self._kept.popitem(last=False)
            self._characters -= len(gone)

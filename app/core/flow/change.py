"""Which of two outputs is likely the sender's change, where nobody is named.

Each rule names an output or says nothing; output position is a wallet's habit and no rule.
"""

from dataclasses import dataclass

from app.core.encoding.scripts import script_type
from app.core.models import Transaction

_ROUNDER_BY = 3
"""Decimal digits. Right in 99 % of the cases where it fires."""
_BIGGER_BY = 100


@dataclass(frozen=True, slots=True)
class LikelyChange:
    index: int
    reasons: tuple[str, ...]

    @property
    def confidence(self) -> str:
        """`high`: rules agree, or the amount is round; `medium`: one other rule alone."""
        return "high" if len(self.reasons) > 1 or ROUND in self.reasons else "medium"


ROUND = "round amount"
TYPE = "script type"
RATIO = f"ratio of {_BIGGER_BY} or more"
UNNECESSARY = "unnecessary input"


def votes(tx: Transaction, pair: tuple[int, int]) -> dict[int, tuple[str, ...]]:
    """Return the output each rule takes for change, with the rules' names; two keys: they disagree."""
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
    """Wallets give change to the type of script they spend from."""
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
    """Were the smaller output the payment, the smallest input would not have been needed.

    Says nothing where it would not have been needed for the larger one either.
    """
    values = [spent.value for spent in tx.inputs if spent.value is not None]
    if len(values) < 2 or len(values) < len(tx.inputs):
        return None
    without_smallest = tx.gross - min(values)
    small, large = sorted(pair, key=lambda index: tx.outputs[index].value)
    small_value, large_value = tx.outputs[small].value, tx.outputs[large].value
    return small if small_value < large_value and small_value <= without_smallest < large_value else None

"""The evidence for flow and amount, one sentence for each step that decided.

Outputs are numbered from 0, as in block explorers.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from app.core.classification import MovedIs
from app.core.flow.labels import OWN_BASIS, Label
from app.core.flow.moved import Moved
from app.core.flow.sides import Sender, Sides
from app.core.models import Transaction
from app.core.units import btc

_NAMED_ONE_BY_ONE = 3


def explain(
    tx: Transaction, sides: Sides, moved: Moved, *, coinjoin: bool, root: str | None
) -> tuple[str, ...]:
    """Return the sentences. `root`: the peel chain that this transaction continues, if any."""
    steps = _about_sender(sides.sender, len(tx.inputs), coinjoin=coinjoin)
    steps += _about_outputs(tx, sides)
    if root is not None:
        steps.append(f"spends what an earlier payment left over: goes on with the chain of {root}")
    if coinjoin:
        steps.append(
            f"equal outputs of many owners: a coinjoin, so no amount is counted; up to {btc(moved.high)} BTC"
        )
    else:
        steps += _about_amount(tx, sides, moved)
    return tuple(steps)


def _about_sender(sender: Sender, inputs: int, *, coinjoin: bool) -> list[str]:
    if sender.coinbase:
        return ["newly mined coins"]
    steps = []
    if sender.missing:
        steps.append(
            f"{_of(sender.missing, inputs, 'input')}: the script it spends is not known yet, "
            "so neither are its owner and its change"
        )
    if sender.mixed:
        steps.append(f"inputs carry labels of {_groups(sender)}: mixed, no single sender")
    elif sender.group is not None:
        said = Counter(_who(label) for label in sender.labels if label is not None)
        steps += [
            f"{_of(named, inputs, 'input')} {_is(named)} labelled {who}: the sender"
            for who, named in sorted(said.items())
        ]
    elif not coinjoin and not sender.missing:
        steps.append("no input carries a label: the sender is unknown")
    return steps


def _groups(sender: Sender) -> str:
    """The groups of the senders; those that only own labels name come last, and are marked as such."""
    shipped = {label.group for label in sender.labels if label is not None and not label.own}
    own = sorted(sender.groups - shipped)
    marked = [f"({OWN_BASIS}) {' and '.join(own)}"] if own else []
    return " and ".join([*sorted(shipped), *marked])


def _about_outputs(tx: Transaction, sides: Sides) -> list[str]:
    steps = []
    same = [index for index in sides.change if tx.outputs[index].script in sides.sender.scripts]
    if same:
        does = "pays an address that also signs" if len(same) == 1 else "pay addresses that also sign"
        steps.append(f"{_which(same)} {does} an input: change, {_amount(tx, same)}")
    other = [index for index in sides.change if index not in same]
    if other:
        does = "pays a key that also signs" if len(other) == 1 else "pay keys that also sign"
        steps.append(
            f"{_which(other)} {does} an input, in another type of address: change, {_amount(tx, other)}"
        )
    for indexes, meaning in ((sides.stays, "the sender's own group"), (sides.named, "a receiver")):
        for label, paid in _by_entity(sides, indexes):
            verb = "pays" if len(paid) == 1 else "pay"
            steps.append(f"{_which(paid)} {verb} {_who(label)}: {meaning}, {_amount(tx, paid)}")
    if sides.burnt:
        steps.append(f"{_which(sides.burnt)} can never be spent again: burnt, {_amount(tx, sides.burnt)}")
    return steps


def _about_amount(tx: Transaction, sides: Sides, moved: Moved) -> list[str]:
    if not sides.rest:
        return ["nothing else is paid: nothing leaves"] if sides.change else []
    if moved.likely_change is not None:
        change = moved.likely_change
        return [
            f"output {change.index} is likely change ({' and '.join(change.reasons)}; confidence "
            f"{change.confidence}), {_amount(tx, [change.index])}"
        ]
    if moved.disagreement:
        sides_taken = "; ".join(
            f"output {index} by {' and '.join(reasons)}"
            for index, reasons in sorted(moved.disagreement.items())
        )
        return [
            f"which output is change is open, rules disagree ({sides_taken}): up to {btc(moved.high)} BTC"
        ]
    return _about_unnamed(tx, sides, moved)


def _about_unnamed(tx: Transaction, sides: Sides, moved: Moved) -> list[str]:
    if not sides.unnamed:
        return _about_named(sides, moved)
    subject, amount = _which(sides.unnamed), _amount(tx, sides.unnamed)
    no_label = f"{subject} {'carries' if len(sides.unnamed) == 1 else 'carry'} no label"
    if moved.certainty is MovedIs.UP_TO:
        return [f"{no_label} and may be the sender's own: up to {btc(moved.high)} BTC"]
    return [f"{no_label}; the change is most likely elsewhere, so a payment: {amount}"]


def _about_named(sides: Sides, moved: Moved) -> list[str]:
    """Say why the amount is uncertain although the receivers are labelled, if it is."""
    if moved.certainty is MovedIs.CERTAIN:
        return []
    if sides.sender.mixed:
        return [f"who of the senders paid whom is open: up to {btc(moved.high)} BTC"]
    if not sides.named:
        return ["not every input is labelled, so not all of it need be one owner's"]
    one = (
        "the receiver"
        if len({sides.labels[index].group for index in sides.named}) == 1
        else "one of the receivers"
    )
    return [f"not every input is labelled, so {one} may be the sender: at least {btc(moved.low)} BTC"]


def _by_entity(sides: Sides, indexes: Iterable[int]) -> list[tuple[Label, list[int]]]:
    paid: dict[tuple[str, str], tuple[Label, list[int]]] = {}
    for index in indexes:
        label = sides.labels[index]
        paid.setdefault((label.entity, label.basis), (label, []))[1].append(index)
    return list(paid.values())


def _who(label: Label) -> str:
    return f"{label.entity} ({label.kind}; {label.said_basis})"


def _which(indexes: Sequence[int]) -> str:
    if len(indexes) == 1:
        return f"output {indexes[0]}"
    if len(indexes) > _NAMED_ONE_BY_ONE:
        return f"{len(indexes)} outputs"
    return f"outputs {', '.join(map(str, indexes[:-1]))} and {indexes[-1]}"


def _amount(tx: Transaction, indexes: Iterable[int]) -> str:
    return f"{btc(sum(tx.outputs[index].value for index in indexes))} BTC"


def _of(some: int, all_of: int, noun: str) -> str:
    if all_of == 1:
        return f"the {noun}"
    return f"{some} of {all_of} {noun}s" if some != all_of else f"all {all_of} {noun}s"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"

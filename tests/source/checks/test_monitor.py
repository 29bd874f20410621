"""What is found wrong, as health says it."""

from app.source.checks.monitor import remedy_of
from app.source.checks.node import CheckVerdict, Finding

GOOD = Finding(component="bitcoind", status=CheckVerdict.OK, message="main, at height 900000")
SYNCING = Finding(component="bitcoind", status=CheckVerdict.DEGRADED, message="43 % synced")
PRUNED = Finding(
    component="bitcoind blocks", status=CheckVerdict.DEGRADED, message="pruned", remedy="Unset prune=."
)
REFUSED = Finding(
    component="bitcoind", status=CheckVerdict.FAILED, message="wrong password", remedy="Correct it."
)


def test_nothing_wrong_is_nothing_to_say() -> None:
    assert remedy_of([GOOD]) == (CheckVerdict.OK, None)


def test_what_only_needs_time_is_no_fault() -> None:
    assert remedy_of([SYNCING]) == (CheckVerdict.OK, None)


def test_each_fault_comes_with_what_to_change() -> None:
    assert remedy_of([GOOD, PRUNED]) == (CheckVerdict.DEGRADED, "bitcoind blocks: pruned. Unset prune=.")


def test_the_worst_one_decides() -> None:
    verdict, message = remedy_of([PRUNED, REFUSED])

    assert (verdict, message) == (
        CheckVerdict.FAILED,
        "bitcoind blocks: pruned. Unset prune=. bitcoind: wrong password. Correct it.",
    )

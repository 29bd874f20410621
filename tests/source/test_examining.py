"""What is found wrong, as health says it."""

from app.source.examine import Finding, Verdict
from app.source.examining import mending

GOOD = Finding(component="bitcoind", status=Verdict.OK, words="main, at height 900000")
SYNCING = Finding(component="bitcoind", status=Verdict.DEGRADED, words="43 % synced")
PRUNED = Finding(component="bitcoind blocks", status=Verdict.DEGRADED, words="pruned", mend="Unset prune=.")
REFUSED = Finding(component="bitcoind", status=Verdict.FAILED, words="wrong password", mend="Correct it.")


def test_nothing_wrong_is_nothing_to_say() -> None:
    assert mending([GOOD]) == (Verdict.OK, None)


def test_what_only_needs_time_is_no_fault() -> None:
    assert mending([SYNCING]) == (Verdict.OK, None)


def test_each_fault_comes_with_what_to_change() -> None:
    assert mending([GOOD, PRUNED]) == (Verdict.DEGRADED, "bitcoind blocks: pruned. Unset prune=.")


def test_the_worst_one_decides() -> None:
    verdict, words = mending([PRUNED, REFUSED])

    assert (verdict, words) == (
        Verdict.FAILED,
        "bitcoind blocks: pruned. Unset prune=. bitcoind: wrong password. Correct it.",
    )

"""What a key may do, and how one may be named."""

import pytest

from app.core.access import LONGEST_KEY_NAME, Scope, is_key_name


@pytest.mark.parametrize(
    ("scope", "wanted", "allowed"),
    [
        (Scope.ADMIN, Scope.ADMIN, True),
        (Scope.ADMIN, Scope.READ, True),
        (Scope.READ, Scope.READ, True),
        (Scope.READ, Scope.ADMIN, False),
    ],
)
def test_a_key_to_read_changes_nothing_and_an_admins_may_do_both(
    scope: Scope, wanted: Scope, *, allowed: bool
) -> None:
    assert scope.allows(wanted) is allowed


@pytest.mark.parametrize("name", ["wall display", "a", "v1.2", "..a", "\u9be8", "x" * LONGEST_KEY_NAME])
def test_a_name_that_can_be_shown_and_followed_is_taken(name: str) -> None:
    assert is_key_name(name)


@pytest.mark.parametrize(
    "name", ["", " ", "a ", " a", ".", "..", "...", "a\nb", "a\u202eb", "x" * (LONGEST_KEY_NAME + 1)]
)
def test_a_name_that_nobody_could_see_or_revoke_in_a_browser_is_refused(name: str) -> None:
    assert not is_key_name(name)


def test_a_name_of_dots_and_crosses_is_not_one_of_dots_alone() -> None:
    assert [is_key_name(name) for name in ("X", "X.X", "..X..", "X..")] == [True] * 4

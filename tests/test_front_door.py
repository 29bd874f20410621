"""What a package loads, and what it is kept from loading."""

import sys

import pytest

from app.front_door import not_installed


def test_what_is_not_installed_for_a_moment_can_be_imported_afterwards() -> None:
    with not_installed("this"), pytest.raises(ImportError):
        import this  # noqa: F401, PLC0415 - it is to fail

    assert "this" not in sys.modules


def test_what_was_imported_before_stays() -> None:
    with not_installed("asyncio"):
        import asyncio  # noqa: PLC0415 - it is to be found

    assert sys.modules["asyncio"] is asyncio

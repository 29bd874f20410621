"""What a package loads, and what it is kept from loading."""

import importlib
import sys

import pytest

from app.front_door import not_installed


def test_what_is_not_installed_for_a_moment_can_be_imported_afterwards() -> None:
    with not_installed("tabnanny"), pytest.raises(ModuleNotFoundError, match="tabnanny"):
        importlib.import_module("tabnanny")

    assert importlib.import_module("tabnanny") is sys.modules["tabnanny"]


def test_what_was_imported_before_stays() -> None:
    with not_installed("asyncio"):
        assert importlib.import_module("asyncio") is sys.modules["asyncio"]

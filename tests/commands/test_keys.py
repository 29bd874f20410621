import asyncio
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.core.access import Scope
from app.store.opening import open_database
from app.store.operator.file import open_operator
from app.store.operator.keys import KeyStore
from tests.commands.conftest import Spout, one_line


def found(key: str, data_dir: Path) -> Scope | None:
    async def ask() -> Scope | None:
        opened = await open_operator(data_dir, at=SystemClock().now())
        known = await KeyStore(opened.file).find(key)
        await opened.file.close()
        return known.scope if known else None

    return asyncio.run(ask())


@pytest.mark.parametrize("scope", [Scope.READ, Scope.ADMIN])
def test_the_key_is_all_that_standard_output_holds(spout: Spout, here: Path, scope: Scope) -> None:
    ended = spout("keys", "create", "phone", "--scope", scope.value)

    assert ended.returncode == 0
    assert found(ended.stdout.strip(), here / "kept") is scope


def test_the_key_is_kept_nowhere(spout: Spout, here: Path) -> None:
    key = spout("keys", "create", "phone", "--scope", "read").stdout.strip()

    listed = spout("keys", "list")

    assert key not in listed.stdout
    assert "phone" in listed.stdout
    assert all(key.encode() not in path.read_bytes() for path in (here / "kept").iterdir())


def test_a_revoked_key_opens_nothing_and_stays_listed(spout: Spout, here: Path) -> None:
    key = spout("keys", "create", "phone", "--scope", "read").stdout.strip()

    ended = spout("keys", "revoke", "phone")

    assert ended.returncode == 0
    assert found(key, here / "kept") is None
    assert "phone" in spout("keys", "list").stdout


def test_a_key_that_is_not_there_cannot_be_revoked(spout: Spout) -> None:
    ended = spout("keys", "revoke", "phone")

    assert ended.returncode == 2
    assert "keys list" in one_line(ended.stderr)


def test_two_living_keys_cannot_have_one_name(spout: Spout) -> None:
    spout("keys", "create", "phone", "--scope", "read")

    ended = spout("keys", "create", "phone", "--scope", "read")

    assert ended.returncode == 2
    assert "revoke it" in one_line(ended.stderr)


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 61])
def test_a_name_that_cannot_be_shown_is_refused(spout: Spout, name: str) -> None:
    assert spout("keys", "create", name, "--scope", "read").returncode == 2


def test_a_name_may_hold_brackets(spout: Spout) -> None:
    spout("keys", "create", "[red]phone", "--scope", "read")

    assert "[red]phone" in spout("keys", "list").stdout


def test_keys_are_made_beside_an_appliance_that_holds_the_directory(spout: Spout, here: Path) -> None:
    async def beside() -> int:
        opened = await open_database(here / "kept", at=SystemClock().now())
        operator = await open_operator(here / "kept", at=SystemClock().now())
        ended = await asyncio.get_running_loop().run_in_executor(
            None, lambda: spout("keys", "create", "phone", "--scope", "read")
        )
        known = await KeyStore(operator.file).find(ended.stdout.strip())
        await operator.file.close()
        await opened.database.close()
        assert known is not None
        return ended.returncode

    assert asyncio.run(beside()) == 0

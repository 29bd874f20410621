import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.access import ApiKey, Scope
from app.core.flow.labels import Label
from app.core.units import Script
from app.errors import StoreError, StoreNewerError
from app.store.operator.file import OPERATOR_FILE, OperatorFile, open_operator
from app.store.operator.keys import KeyStore
from app.store.operator.labels import LabelStore
from tests.store.builders import NOON

ROOT = Path(__file__).parents[3]


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[OperatorFile]:
    opened = await open_operator(tmp_path, at=NOON)
    yield opened.file
    await opened.file.close()


@pytest.fixture
def keys(file: OperatorFile) -> KeyStore:
    return KeyStore(file)


@pytest.fixture
def labels(file: OperatorFile) -> LabelStore:
    return LabelStore(file)


def a_label(number: int = 1, entity: str = "My cold wallet") -> Label:
    return Label(
        script=Script(f"0014{number:040x}"),
        address=f"bc1qaddress{number}",
        entity=entity,
        group=entity,
        kind="other",
        basis="own label",
        created_at="2026-03-01",
        own=True,
    )


async def in_another_process(directory: Path, work: str) -> str:
    """Run `work` with `keys` and `labels` at hand, as the command line does beside a running appliance."""
    program = f"""
import asyncio
from pathlib import Path
from app.core.access import Scope
from app.store.operator.keys import KeyStore
from app.store.operator.labels import LabelStore
from app.store.operator.file import open_operator
from tests.store.builders import NOON
from tests.store.operator.test_file import a_label
async def main():
    opened = await open_operator(Path({str(directory)!r}), at=NOON)
    keys, labels = KeyStore(opened.file), LabelStore(opened.file)
    print({work})
    await opened.file.close()
asyncio.run(main())
"""
    ran = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


async def test_a_key_opens_what_it_was_made_for(keys: KeyStore) -> None:
    key = await keys.create("grafana", Scope.READ, NOON)

    found = await keys.find(key)
    assert found == ApiKey(id=found.id if found else "", name="grafana", scope=Scope.READ)


async def test_a_key_that_was_never_made_opens_nothing(keys: KeyStore) -> None:
    await keys.create("grafana", Scope.READ, NOON)

    assert await keys.find("spout_guess") is None


async def test_the_key_itself_is_nowhere_in_the_directory(keys: KeyStore, tmp_path: Path) -> None:
    key = await keys.create("grafana", Scope.ADMIN, NOON)

    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key.encode() not in stored
    assert b"grafana" in stored


async def test_no_two_keys_are_alike(keys: KeyStore) -> None:
    made = {await keys.create(f"key {number}", Scope.READ, NOON) for number in range(20)}

    assert len(made) == 20
    assert all(len(key) >= 43 for key in made)


async def test_a_revoked_key_opens_nothing(keys: KeyStore) -> None:
    key = await keys.create("grafana", Scope.READ, NOON)
    await keys.revoke("grafana", NOON)

    assert await keys.find(key) is None


async def test_a_revoked_keys_id_is_known_as_revoked(keys: KeyStore) -> None:
    found = await keys.find(await keys.create("grafana", Scope.READ, NOON))
    assert found is not None
    before = await keys.is_revoked(found.id)
    await keys.revoke("grafana", NOON)

    assert (before, await keys.is_revoked(found.id)) == (False, True)


async def test_an_id_that_nobody_knows_counts_as_revoked(keys: KeyStore) -> None:
    assert await keys.is_revoked("0123")


async def test_revoking_a_name_that_nobody_has_is_said(keys: KeyStore) -> None:
    assert not await keys.revoke("nobody", NOON)


async def test_two_living_keys_cannot_share_a_name(keys: KeyStore) -> None:
    await keys.create("grafana", Scope.READ, NOON)

    with pytest.raises(StoreError, match="named 'grafana' already"):
        await keys.create("grafana", Scope.READ, NOON)


async def test_a_name_is_free_again_once_its_key_is_revoked(keys: KeyStore) -> None:
    await keys.create("grafana", Scope.READ, NOON)
    await keys.revoke("grafana", NOON)
    await keys.create("grafana", Scope.ADMIN, NOON)

    assert [(key.scope, key.revoked_at) for key in await keys.listed()] in (
        [(Scope.READ, "2026-03-01T12:00:00.123Z"), (Scope.ADMIN, None)],
        [(Scope.ADMIN, None), (Scope.READ, "2026-03-01T12:00:00.123Z")],
    )


async def test_a_key_made_by_another_process_opens_at_once(keys: KeyStore, tmp_path: Path) -> None:
    key = await in_another_process(tmp_path, "await keys.create('from the shell', Scope.READ, NOON)")

    found = await keys.find(key)
    assert found is not None
    assert found.name == "from the shell"


async def test_a_key_revoked_by_another_process_is_shut_out_at_once(keys: KeyStore, tmp_path: Path) -> None:
    key = await keys.create("grafana", Scope.READ, NOON)
    assert await keys.find(key)

    await in_another_process(tmp_path, "await keys.revoke('grafana', NOON)")
    assert await keys.find(key) is None


async def test_labels_read_back_as_they_were_put(labels: LabelStore) -> None:
    await labels.put([a_label(2), a_label(1)])

    assert await labels.listed() == (a_label(1), a_label(2))


async def test_a_script_has_one_label_the_latest(labels: LabelStore) -> None:
    await labels.put([a_label(1, "Old name")])
    await labels.put([a_label(1, "New name")])

    assert [label.entity for label in await labels.listed()] == ["New name"]


async def test_labels_are_put_all_or_none(labels: LabelStore) -> None:
    nameless = replace(a_label(2), entity=None)  # type: ignore[arg-type]
    with pytest.raises(StoreError):
        await labels.put([a_label(1), nameless])

    assert await labels.listed() == ()


@pytest.mark.parametrize("name", ["bc1qaddress1", a_label(1).script])
async def test_a_label_is_removed_by_its_address_or_its_script(labels: LabelStore, name: str) -> None:
    await labels.put([a_label(1), a_label(2)])

    assert await labels.remove(name)
    assert await labels.listed() == (a_label(2),)


async def test_removing_what_is_not_labelled_is_said(labels: LabelStore) -> None:
    assert not await labels.remove("bc1qnobody")


async def test_the_revision_stays_while_nothing_changes(labels: LabelStore) -> None:
    await labels.put([a_label(1)])

    assert await labels.revision() == await labels.revision()


async def test_the_revision_changes_with_ones_own_label(labels: LabelStore) -> None:
    before = await labels.revision()
    await labels.put([a_label(1)])

    assert await labels.revision() != before


async def test_the_revision_changes_with_another_processs_label(labels: LabelStore, tmp_path: Path) -> None:
    before = await labels.revision()
    await in_another_process(tmp_path, "await labels.put([a_label(7)])")

    assert await labels.revision() != before


async def test_keys_and_labels_outlive_a_restart(tmp_path: Path) -> None:
    first = await open_operator(tmp_path, at=NOON)
    key = await KeyStore(first.file).create("grafana", Scope.READ, NOON)
    await LabelStore(first.file).put([a_label(1)])
    await first.file.close()

    second = await open_operator(tmp_path, at=NOON)
    found, listed = await KeyStore(second.file).find(key), await LabelStore(second.file).listed()
    await second.file.close()
    assert (found is not None, listed) == (True, (a_label(1),))


async def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    opened = await open_operator(tmp_path, at=NOON)
    mode = (tmp_path / OPERATOR_FILE).stat().st_mode
    await opened.file.close()

    assert mode & 0o077 == 0


@pytest.mark.parametrize("damage", [b"this is no database at all\n" * 400, os.urandom(9_000)])
async def test_a_damaged_file_is_set_aside_and_told(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / OPERATOR_FILE).write_bytes(damage)

    opened = await open_operator(tmp_path, at=NOON)
    await opened.file.close()
    assert [notice.code for notice in opened.notices] == ["operator_file_set_aside"]
    assert [path.read_bytes() for path in tmp_path.glob("*.set-aside")] == [damage]


async def test_a_file_with_damaged_pages_is_set_aside_and_told(tmp_path: Path) -> None:
    opened = await open_operator(tmp_path, at=NOON)
    await LabelStore(opened.file).put([a_label(number) for number in range(400)])
    await opened.file.close()
    content = bytearray((tmp_path / OPERATOR_FILE).read_bytes())
    content[3 * 4096 : 6 * 4096] = os.urandom(3 * 4096)
    (tmp_path / OPERATOR_FILE).write_bytes(content)

    again = await open_operator(tmp_path, at=NOON)
    await again.file.close()
    assert [notice.code for notice in again.notices] == ["operator_file_set_aside"]


async def test_a_file_from_a_newer_spout_is_refused_and_left_untouched(tmp_path: Path) -> None:
    opened = await open_operator(tmp_path, at=NOON)
    await opened.file.run(lambda connection: connection.execute("PRAGMA user_version = 9"))
    await opened.file.close()
    before = (tmp_path / OPERATOR_FILE).read_bytes()

    with pytest.raises(StoreNewerError):
        await open_operator(tmp_path, at=NOON)
    assert (tmp_path / OPERATOR_FILE).read_bytes() == before


async def test_two_processes_may_create_the_file_at_the_same_moment(tmp_path: Path) -> None:
    made = await asyncio.gather(
        *(
            in_another_process(tmp_path, f"await keys.create('key {number}', Scope.READ, NOON)")
            for number in range(3)
        )
    )

    assert len(set(made)) == 3

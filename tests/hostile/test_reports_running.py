"""What users of neighbouring tools reported about clocks, disks and cookies, as it lies there."""

import errno
import fcntl
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.commands.own_ground import examine_data_dir
from app.core.models import Block
from app.core.prediction import Status
from app.core.units import BlockHash, Height
from app.engine.retention import Kept, Retention
from app.errors import StoreError
from app.source import CheckVerdict
from app.store import DATABASE_FILE, RUNNING, hold
from app.store.opening import open_database
from app.store.predictions import PredictionStore
from tests.api.conftest import OpenServer
from tests.api.test_auth import HEALTH, PASSWORD, log_in
from tests.fakes import LeapingClock
from tests.hostile.reported import BESIDE, an_input
from tests.store.builders import a_prediction, detected

pytestmark = BESIDE


def _dates(words: str) -> list[datetime]:
    return [datetime.fromisoformat(one).replace(tzinfo=UTC) for one in re.findall(r"\d{4}-\d\d-\d\d", words)]


async def test_f3_a_start_half_a_year_ahead_deletes_nothing_is_said_and_ends_when_the_clock_is_right(
    tmp_path: Path,
) -> None:
    reported = an_input("f3_clock_far_ahead")
    [newest], [ahead], [right] = map(_dates, (reported["store"], *reported["steps"]))
    whales = [
        replace(a_prediction(number), detected_at=at, updated_at=at, status=Status.DROPPED, ended_at=at)
        for number in range(10)
        for at in [newest - timedelta(days=6 * number)]
    ]
    opened = await open_database(tmp_path, at=newest)
    store, clock = PredictionStore(opened), LeapingClock(ahead)
    await store.append([detected(one) for one in whales], whales)
    tip = Block(hash=BlockHash("aa" * 32), height=Height(900_000), time=newest)
    kept = Kept(name="whales", prune=store.prune, oldest=store.oldest, keep=lambda: timedelta(days=90))
    retention = Retention(kept, tip=lambda: tip, clock=clock)
    await retention.pass_once()
    while_ahead = [notice.code for notice in retention.notices()]
    clock.step(right - clock.now())
    await retention.pass_once()
    left = [one.txid for one in whales if await store.one(one.txid)]
    await opened.database.close()

    assert left == [one.txid for one in whales]
    assert (while_ahead, retention.notices()) == (["retention_waits"], ())


REFUSALS = {"NFS": errno.ENOLCK, "SMB": errno.EOPNOTSUPP, "9p": errno.ENOSYS}
"""What a lock is answered there."""


@pytest.mark.parametrize("number", range(len(REFUSALS)))
def test_f5_a_file_system_that_cannot_lock_is_named_with_a_local_disk_as_its_remedy(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = an_input("f5_network_share")["data_dir"][number]
    [refusal] = [code for name, code in REFUSALS.items() if name in share]

    def refuse(_handle: int, _operation: int) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / DATABASE_FILE).touch()
    with pytest.raises(StoreError, match=r"cannot lock files .*local disk") as start:
        hold(tmp_path, RUNNING)
    doctor = examine_data_dir(tmp_path)

    assert "\n" not in str(start.value)
    assert (doctor.status, doctor.remedy) == (CheckVerdict.FAILED, "Put it on a local disk.")


async def test_g4_who_logs_in_to_a_second_spout_on_the_host_is_logged_in_to_both(
    open_server: OpenServer,
) -> None:
    first_login, second_login, back = an_input("g4_two_on_one_host")["steps"]
    ports = [re.search(r"box:(\d+)", step) for step in (first_login, second_login, back)]
    spouts = {
        found[1]: await open_server(SPOUT_PASSWORD=PASSWORD, SPOUT_PORT="0", secret=found[1].encode() * 8)
        for found in ports[:2]
        if found is not None
    }
    first, second = spouts.values()
    await log_in(first)
    second.http.cookies = first.http.cookies  # one browser: cookies do not tell ports apart
    await log_in(second)

    assert [(await one.http.get(HEALTH)).status_code for one in (first, second)] == [200, 200]

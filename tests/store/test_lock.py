"""A data directory on a file system that cannot lock: said in one line, by the start and by the doctor."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from app.commands.own_ground import examine_data_dir
from app.errors import StoreError
from app.source import CheckVerdict
from app.store import DATABASE_FILE, RUNNING, hold


@pytest.fixture(params=[errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def share(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As NFS without locks, SMB and 9p answer."""

    def refuse(_handle: int, _operation: int) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / DATABASE_FILE).touch()
    return tmp_path


def test_a_start_names_the_cause_and_the_remedy(share: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot lock files \(a network share\?\): put SPOUT_DATA_DIR on a"):
        hold(share, RUNNING)


def test_the_doctor_says_so_too(share: Path) -> None:
    found = examine_data_dir(share)

    assert found.status is CheckVerdict.FAILED
    assert (found.message, found.remedy) == (
        f"the file system of {share} cannot lock files",
        "Put it on a local disk.",
    )

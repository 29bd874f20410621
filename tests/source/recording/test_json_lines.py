"""The file that `spout record` writes: what was flushed can be read, whatever becomes of the rest."""

import gzip
import json
import resource
from pathlib import Path

import pytest

from app.errors import RecordingError
from app.source.recording.json_lines import FLUSH_BYTES, JsonLines, as_json


def read(path: Path) -> list[object]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_lines_are_read_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    lines = JsonLines(tmp_path / "one.gz")
    lines.write(("at", 1))
    lines.flush()
    lines.write(("at", 2), ("said", as_json(b'{"a":\n 1}')))
    lines.close()

    assert read(tmp_path / "one.gz") == [{"at": 1}, {"at": 2, "said": {"a": 1}}]


def test_little_waits_for_its_flush_and_much_does_not(tmp_path: Path) -> None:
    lines = JsonLines(tmp_path / "one.gz")
    lines.write(("said", "little"))
    lines.flush_if_much()
    before = (tmp_path / "one.gz").stat().st_size
    lines.write(("said", "m" * FLUSH_BYTES))
    lines.flush_if_much()
    after = (tmp_path / "one.gz").stat().st_size
    lines.close()

    assert before == 0 < after


def test_a_recording_in_which_nothing_was_heard_leaves_no_file(tmp_path: Path) -> None:
    JsonLines(tmp_path / "one.gz").close()

    assert not (tmp_path / "one.gz").exists()


def test_a_recording_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "one.gz").write_bytes(b"kept")

    with pytest.raises(RecordingError, match="is there already"):
        JsonLines(tmp_path / "one.gz")


def test_it_is_written_over_where_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "one.gz").write_bytes(b"kept")
    lines = JsonLines(tmp_path / "one.gz", overwrite=True)
    lines.write(("at", 1))
    lines.close()

    assert read(tmp_path / "one.gz") == [{"at": 1}]


def test_a_directory_is_told_from_a_recording(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="name a file in it"):
        JsonLines(tmp_path)


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"no such file or directory; make room or choose another place"):
        JsonLines(tmp_path / "nowhere" / "one.gz")


def test_a_full_disk_leaves_what_was_flushed_before(tmp_path: Path) -> None:
    lines = JsonLines(tmp_path / "one.gz")
    lines.write(("at", 1))
    lines.flush()
    lines.write(("noise", tmp_path.name * 500 + "".join(map(chr, range(1000, 3000)))))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "one.gz").stat().st_size + 10, before[1]))
    try:
        with pytest.raises(RecordingError, match="cannot be written"):
            lines.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    lines.close()

    assert read(tmp_path / "one.gz") == [{"at": 1}]


@pytest.mark.parametrize("said", [b"no json", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_kept_as_a_text(said: bytes) -> None:
    assert json.loads(bytes(as_json(said))) == said.decode(errors="replace")

"""The progress bar: on a terminal only, on standard error, so that standard output stays the answer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

Advance = Callable[[int], None]
_GZIP_TRAILER_BYTES = 4


@contextmanager
def progress_bar(total_bytes: int | None, what: str = "replaying") -> Iterator[Advance]:
    """Yield a callable that takes the bytes done since its last call. Drawn in a terminal only."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _bytes: None
        return
    columns = (TextColumn(what), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=total_bytes)
        yield lambda read: progress.advance(task, read)


@contextmanager
def counting_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield what is told how many of how many are done."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _done, _total: None
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def recorded_bytes(paths: Sequence[Path]) -> int | None:
    """Return about how many bytes there are to read, by the length that gzip notes at its end.

    None where that cannot be: gzip in several pieces, as `spout record` writes it, notes only the last one's.
    """
    lengths = [_length(path) for path in paths]
    plausible = all(length >= path.stat().st_size for length, path in zip(lengths, paths, strict=True))
    return sum(lengths) if plausible else None


def _length(path: Path) -> int:
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b" or size < _GZIP_TRAILER_BYTES:
            return size
        file.seek(-_GZIP_TRAILER_BYTES, 2)
        return int.from_bytes(file.read(_GZIP_TRAILER_BYTES), "little")

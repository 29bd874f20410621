"""Predictions as lines of JSON: `spout replay --dump`."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.api.models import revision_of, signal_of
from app.commands.surroundings import unwritable
from app.core.prediction import Prediction
from app.errors import CommandError

Write = Callable[[Iterable[Prediction]], None]


@contextmanager
def dump_into(path: Path | None, *, untouched: Sequence[Path]) -> Iterator[Write]:
    """Yield what writes predictions into `path`, oldest first; the file appears once it is whole.

    Tried before the work begins, so that a place that cannot be written costs nobody an hour.

    Raises:
        CommandError: if nothing can be written there, or it is one of `untouched`.
    """
    if path is None:
        yield lambda _predictions: None
        return
    if path.exists() and any(path.samefile(one) for one in untouched):
        raise CommandError(f"--dump {path} would overwrite what is replayed: choose another file")
    if path.is_dir():
        raise CommandError(f"--dump {path} is a directory: name a file in it")
    draft = path.with_name(f"{path.name}.part")
    try:
        draft.touch()
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield lambda predictions: _write(predictions, draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _write(predictions: Iterable[Prediction], draft: Path, path: Path) -> None:
    try:
        with draft.open("w", encoding="utf-8") as file:
            for one in sorted(predictions, key=lambda found: found.detected_at):
                file.write(json.dumps(_line(one)) + "\n")
        draft.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error


def _line(prediction: Prediction) -> dict[str, Any]:
    """The contract's whale with every revision of its forecast; the one that is scored apart."""
    first = prediction.first_forecast
    return {
        **signal_of(prediction).body(),
        "first_forecast": None if first is None else revision_of(first).body(),
        "forecasts": [revision_of(forecast).body() for forecast in prediction.forecasts],
    }

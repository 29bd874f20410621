"""Packages whose `__init__` imports a submodule only when one of its names is used (PEP 562)."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any


def lazily(package: str, rooms: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package; `rooms` maps a module to the names it exports.

    `/healthz` answers before DuckDB, Panel or the sources are imported: an `__init__` that imported its
    submodules would load them all.
    """
    where = {name: module for module, names in rooms.items() for name in names}

    def find(name: str) -> Any:  # noqa: ANN401 - whatever the room offers
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(where[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    return find


@contextmanager
def not_installed(*packages: str) -> Iterator[None]:
    """Meanwhile, importing them fails as if they were not there: a library that can do without them does.

    Nothing changes for one that was imported before.
    """
    hidden = [name for name in packages if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # documented: importing it raises ModuleNotFoundError
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]

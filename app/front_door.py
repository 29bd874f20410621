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
def not_installed(package: str) -> Iterator[None]:
    """Meanwhile, importing it fails as if it were not there: a library that can do without it does.

    Nothing changes where it was imported before.
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # documented: importing it raises ModuleNotFoundError
    try:
        yield
    finally:
        del sys.modules[package]

"""A real store, as the store's own tests have it."""

from tests.store import conftest

opened = conftest.opened
store = conftest.store

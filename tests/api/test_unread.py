"""A store that cannot be read, or not so much of it at once: 503 with words, and no traceback in the log."""

import pytest

from app.errors import QueryTooLongError, StoreError
from tests.api.conftest import READ, Composition


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (QueryTooLongError("a question took longer than 20 s: ask for less"), "query_too_long"),
        (StoreError("the database is closed"), "store_unavailable"),
    ],
)
async def test_a_read_that_fails_is_refused_with_words(
    composition: Composition, monkeypatch: pytest.MonkeyPatch, error: StoreError, code: str
) -> None:
    async def refused(_query: object) -> None:
        raise error

    monkeypatch.setattr(composition.history, "page", refused)
    answer = await composition.http.get("/api/v1/predictions", headers=READ)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (answer.json()["error"]["code"], str(error) in answer.json()["error"]["message"]) == (code, True)

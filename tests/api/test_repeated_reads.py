"""Reads that repeat: an ETag that spares the body, and compression where the caller takes it."""

import pytest

from tests.api.builders import a_prediction
from tests.api.conftest import ADMIN, READ, Composition

REPEATED = (
    "/api/v1/predictions",
    "/api/v1/openapi.json",
    "/api/v1/docs",
    "/api/v1/urgency-metrics",
    "/api/v1/widgets/market",
)


@pytest.mark.parametrize("path", REPEATED)
async def test_an_unchanged_answer_is_not_sent_again(composition: Composition, path: str) -> None:
    first = await composition.http.get(path, headers=READ)
    again = await composition.http.get(path, headers={**READ, "If-None-Match": first.headers["ETag"]})

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert first.headers["Cache-Control"] == "private, no-cache"


async def test_a_changed_one_is(composition: Composition) -> None:
    first = await composition.http.get("/api/v1/predictions", headers=READ)
    composition.history.predictions.append(a_prediction())
    again = await composition.http.get(
        "/api/v1/predictions", headers={**READ, "If-None-Match": first.headers["ETag"]}
    )

    assert (again.status_code, len(again.json()["predictions"])) == (200, 1)


async def test_whoever_lost_their_key_gets_no_304(composition: Composition) -> None:
    first = await composition.http.get("/api/v1/predictions", headers=READ)
    again = await composition.http.get(
        "/api/v1/predictions", headers={"If-None-Match": first.headers["ETag"]}
    )

    assert again.status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/health", "/metrics"])
async def test_what_is_new_each_time_is_not_kept(composition: Composition, path: str) -> None:
    answer = await composition.http.get(path, headers=READ)

    assert (answer.headers["Cache-Control"], "ETag" in answer.headers) == ("no-store", False)


@pytest.mark.parametrize("path", ["/api/v1/predictions?limit=100", "/api/v1/openapi.json", "/metrics"])
async def test_a_long_answer_is_compressed_for_whoever_takes_it(composition: Composition, path: str) -> None:
    composition.history.predictions += [a_prediction(number) for number in range(1, 100)]
    packed = await composition.http.get(path, headers={**ADMIN, "Accept-Encoding": "gzip"})
    plain = await composition.http.get(path, headers={**ADMIN, "Accept-Encoding": "identity"})

    assert (packed.headers.get("Content-Encoding"), plain.headers.get("Content-Encoding")) == ("gzip", None)
    assert packed.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("refusal", ["gzip;q=0", "gzip; q=0.0, identity", "br, gzip;q=0"])
async def test_whoever_refuses_gzip_gets_none(composition: Composition, refusal: str) -> None:
    answer = await composition.http.get("/api/v1/openapi.json", headers={**READ, "Accept-Encoding": refusal})

    assert "Content-Encoding" not in answer.headers

import re
from dataclasses import replace

import pytest
from tornado.web import RequestHandler

from app.api.openapi import paths
from app.api.routes import ROUTES
from app.core.prediction import Status
from app.core.prices import Price
from app.views import Component, ComponentStatus, Counters, Notice, Snapshot
from tests.api.builders import a_forecast, a_prediction, an_event
from tests.api.conftest import ADMIN, READ, Composition, OpenServer
from tests.builders import numbered_txid
from tests.fakes import NOON

NO_JSON = {"/metrics", "/api/v1/stream", "/api/v1/docs"}
NO_JSON |= {"/api/v1/predictions.csv", "/api/v1/predictions.parquet"}
METHODS = ("get", "post", "put", "patch", "delete")


def test_every_route_is_documented() -> None:
    stands = {
        (route.path, method)
        for route in ROUTES
        for method in METHODS
        if getattr(route.handler, method) is not getattr(RequestHandler, method)
    }
    reported = {(path, method) for path, operations in paths().items() for method in operations}

    assert stands | {("/healthz", "get"), ("/api/v1/live", "get")} == reported


async def test_the_openapi_document_is_served_as_3_1(composition: Composition) -> None:
    body = (await composition.http.get("/api/v1/openapi.json", headers=READ)).json()

    assert body["openapi"] == "3.1.0"


async def test_a_real_prediction_has_exactly_the_documented_fields(composition: Composition) -> None:
    composition.history.predictions.append(a_prediction())
    schemas = (await composition.http.get("/api/v1/openapi.json", headers=READ)).json()["components"][
        "schemas"
    ]

    page = (await composition.http.get("/api/v1/predictions", headers=READ)).json()
    life = (await composition.http.get(f"/api/v1/predictions/{numbered_txid(1)}", headers=READ)).json()

    assert set(page["predictions"][0]) == set(schemas["MempoolWhaleSignal"]["properties"])
    assert set(life) == set(schemas["PredictionLife"]["properties"])
    assert set(life["forecasts"][0]) == set(schemas["ForecastRevision"]["properties"])
    assert set(page) | {"demo"} == set(schemas["PredictionPage"]["properties"])


async def test_health_and_urgency_have_exactly_the_documented_fields(composition: Composition) -> None:
    schemas = (await composition.http.get("/api/v1/openapi.json", headers=READ)).json()["components"][
        "schemas"
    ]

    health = (await composition.http.get("/api/v1/health", headers=READ)).json()
    urgency = (await composition.http.get("/api/v1/urgency-metrics", headers=READ)).json()

    assert set(health) == set(schemas["Health"]["properties"])
    assert set(urgency) | {"demo"} == set(schemas["UrgencyMetrics"]["properties"])


async def test_healthz_asks_nobody_who_they_are(composition: Composition) -> None:
    answer = await composition.http.get("/healthz")

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


async def test_healthz_answers_head(composition: Composition) -> None:
    assert (await composition.http.head("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("status", "required", "overall"),
    [
        (ComponentStatus.OK, True, "healthy"),
        (ComponentStatus.OFF, False, "healthy"),
        (ComponentStatus.SYNCING, True, "degraded"),
        (ComponentStatus.FAILED, False, "degraded"),
        (ComponentStatus.FAILED, True, "unhealthy"),
    ],
)
async def test_health_is_what_its_components_are(
    composition: Composition,
    status: ComponentStatus,
    required: bool,  # noqa: FBT001
    overall: str,
) -> None:
    component = Component(name="mempool_ws", status=status, since=NOON, required=required, error="why")
    composition.live.show(Snapshot(version=0, made_at=NOON, started_at=NOON, components=(component,)))

    body = (await composition.http.get("/api/v1/health", headers=READ)).json()

    assert body["status"] == overall
    assert body["components"][0]["name"] == "mempool_ws"


async def test_health_tells_notices_and_uptime(composition: Composition) -> None:
    notice = Notice(code="bad_wal", words="The log was torn and set aside", since=NOON)
    composition.live.show(Snapshot(version=0, made_at=NOON, started_at=NOON, notices=(notice,)))
    await composition.clock.advance(90)

    body = (await composition.http.get("/api/v1/health", headers=READ)).json()

    assert body["notices"] == [
        {"code": "bad_wal", "message": notice.words, "since": "2026-11-22T12:00:00.000Z"}
    ]
    assert body["uptime_s"] == 90


async def test_what_nobody_has_said_of_the_market_is_null(composition: Composition) -> None:
    body = (await composition.http.get("/api/v1/urgency-metrics", headers=READ)).json()

    assert body["block_height"] is None
    assert set(body["fee_percentiles"].values()) == {None}
    assert body["congestion"] is None


async def test_every_answer_of_a_demo_says_so(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_PASSWORD="open sesame", demo=True)
    composition.history.predictions.append(a_prediction(demo=True))
    paths_of_all = [route.path for route in ROUTES if route.path not in NO_JSON]

    answers = [
        await composition.http.request(
            "POST" if path.endswith("tokens") else "GET",
            path.replace("{txid}", numbered_txid(1)),
            headers=READ,
        )
        for path in [*paths_of_all, "/api/v1/nothing"]
    ]

    assert [answer.json().get("demo") for answer in answers] == [True] * len(answers)


async def test_a_list_goes_on_where_the_cursor_says(composition: Composition) -> None:
    composition.history.predictions.extend(a_prediction(number) for number in range(1, 4))

    first = (await composition.http.get("/api/v1/predictions?limit=2", headers=READ)).json()
    cursor = first["page_info"]["next_cursor"]
    second = (await composition.http.get(f"/api/v1/predictions?limit=2&cursor={cursor}", headers=READ)).json()

    assert [whale["txid"] for whale in first["predictions"] + second["predictions"]] == [
        numbered_txid(1),
        numbered_txid(2),
        numbered_txid(3),
    ]
    assert (first["total_count"], second["page_info"]["has_next"]) == (3, False)


async def test_what_moves_is_valued_by_the_price_of_now_and_looking_back_by_the_price_of_then(
    composition: Composition,
) -> None:
    then, now = (Price(currency="EUR", per_btc=per_btc, at=NOON) for per_btc in (80_000.0, 90_000.0))
    composition.history.predictions.append(a_prediction(price=then))
    composition.live.show(replace(composition.live.snapshot, price=now))
    whales = [
        (await composition.http.get(f"/api/v1/predictions{asked}", headers=READ)).json()["predictions"][0]
        for asked in ("", "?as_of=2026-11-20T08:00:00Z")
    ]

    assert [one["value_fiat"]["amount"] for one in whales] == [13_500_000.0, 12_000_000.0]


async def test_a_strange_cursor_is_refused_by_name(composition: Composition) -> None:
    answer = await composition.http.get("/api/v1/predictions?cursor=zzz", headers=READ)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("cursor ")


async def test_one_whale_is_told_with_its_whole_life(composition: Composition) -> None:
    before = a_prediction(1)
    after = a_prediction(
        2,
        prediction_id="whale-1",
        replaces=(numbered_txid(1),),
        forecasts=(a_forecast(), a_forecast(txid=numbered_txid(2), feerate=25.0)),
    )
    composition.history.predictions.append(after)
    composition.history.events.extend([an_event(1, before), an_event(2, after)])

    life = (await composition.http.get(f"/api/v1/predictions/{numbered_txid(1)}", headers=READ)).json()

    assert [link["txid"] for link in life["lineage"]] == [numbered_txid(1), numbered_txid(2)]
    assert life["lineage"][0]["replaced_by"] == numbered_txid(2)
    assert [revision["fee_rate"] for revision in life["forecasts"]] == [12.5, 25.0]
    assert [event["sequence"] for event in life["events"]] == [1, 2]
    assert life["outcome"] == "censored"
    assert life["status"] == Status.PENDING


async def test_a_whale_nobody_saw_is_404(composition: Composition) -> None:
    answer = await composition.http.get(f"/api/v1/predictions/{numbered_txid(7)}", headers=READ)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_what_needs_the_database_says_503_until_it_is_open(open_server: OpenServer) -> None:
    composition = await open_server(attached=False)

    answer = await composition.http.get("/api/v1/predictions")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert (await composition.http.get("/api/v1/health")).status_code == 200


async def test_metrics_hold_the_counters_and_leave_out_what_is_unknown(composition: Composition) -> None:
    counters = Counters(whales=7)
    composition.live.show(Snapshot(version=0, made_at=NOON, started_at=NOON, counters=counters))

    text = (await composition.http.get("/metrics")).text

    assert "spout_whales_total 7.0" in text
    assert "spout_block_height" not in text


async def test_metrics_through_a_proxy_need_a_key(composition: Composition) -> None:
    answer = await composition.http.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"})

    assert answer.status_code == 401


async def test_a_reader_may_ask_what_an_admin_may(composition: Composition) -> None:
    statuses = [
        (await composition.http.get("/api/v1/health", headers=who)).status_code for who in (READ, ADMIN)
    ]

    assert statuses == [200, 200]


async def test_no_route_leaves_a_name_in_its_query_unread(composition: Composition) -> None:
    """`?dry_run=1` must not be taken for a promise."""
    asked = [
        (method.upper(), re.sub(r"\{\w+\}", "x", route.path))
        for route in ROUTES
        for method in METHODS
        if method in vars(route.handler) and route.path != "/api/v1/stream"
    ]

    answers = [
        await composition.http.request(method, f"{path}?dry_run=1", headers=ADMIN, content="{}")
        for method, path in asked
    ]

    strange = [(one.request.method, one.request.url.path) for one in answers if "dry_run" not in one.text]
    assert strange == []
    assert {one.status_code for one in answers} == {400}

import pytest

from app.api.openapi import paths
from app.api.routes import ROUTES
from app.core.prediction import Status
from app.views import Component, ComponentStatus, Counters, Notice, Snapshot
from tests.api.builders import a_forecast, a_prediction, a_txid, an_event
from tests.api.conftest import ADMIN, READ, House, OpenHouse
from tests.api.fakes import NOON

METHODS = ("get", "post", "put", "patch", "delete")


def test_every_route_is_documented() -> None:
    stands = {
        (route.path, method)
        for route in ROUTES
        for method in METHODS
        if method in vars(route.handler) or (method == "get" and route.path.endswith("/stream"))
    }
    told = {(path, method) for path, operations in paths().items() for method in operations}

    assert stands | {("/healthz", "get"), ("/api/v1/live", "get")} == told


async def test_the_openapi_document_is_served_as_3_1(house: House) -> None:
    body = (await house.http.get("/api/v1/openapi.json", headers=READ)).json()

    assert body["openapi"] == "3.1.0"


async def test_a_real_prediction_has_exactly_the_documented_fields(house: House) -> None:
    house.history.predictions.append(a_prediction())
    schemas = (await house.http.get("/api/v1/openapi.json", headers=READ)).json()["components"]["schemas"]

    page = (await house.http.get("/api/v1/predictions", headers=READ)).json()
    life = (await house.http.get(f"/api/v1/predictions/{a_txid(1)}", headers=READ)).json()

    assert set(page["predictions"][0]) == set(schemas["Whale"]["properties"])
    assert set(life) == set(schemas["WhaleLife"]["properties"])
    assert set(life["forecasts"][0]) == set(schemas["Forecast"]["properties"])
    assert set(page) | {"demo"} == set(schemas["PredictionPage"]["properties"])


async def test_health_and_urgency_have_exactly_the_documented_fields(house: House) -> None:
    schemas = (await house.http.get("/api/v1/openapi.json", headers=READ)).json()["components"]["schemas"]

    health = (await house.http.get("/api/v1/health", headers=READ)).json()
    urgency = (await house.http.get("/api/v1/urgency-metrics", headers=READ)).json()

    assert set(health) == set(schemas["Health"]["properties"])
    assert set(urgency) | {"demo"} == set(schemas["UrgencyMetrics"]["properties"])


async def test_healthz_asks_nobody_who_they_are(house: House) -> None:
    answer = await house.http.get("/healthz")

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


async def test_healthz_answers_head(house: House) -> None:
    assert (await house.http.head("/healthz")).status_code == 200


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
    house: House,
    status: ComponentStatus,
    required: bool,  # noqa: FBT001
    overall: str,
) -> None:
    component = Component(name="mempool_ws", status=status, since=NOON, required=required, error="why")
    house.live.show(Snapshot(version=0, made_at=NOON, started_at=NOON, components=(component,)))

    body = (await house.http.get("/api/v1/health", headers=READ)).json()

    assert body["status"] == overall
    assert body["components"][0]["name"] == "mempool_ws"


async def test_health_tells_notices_and_uptime(house: House) -> None:
    notice = Notice(code="bad_wal", words="The log was torn and set aside", since=NOON)
    house.live.show(Snapshot(version=0, made_at=NOON, started_at=NOON, notices=(notice,)))
    await house.clock.advance(90)

    body = (await house.http.get("/api/v1/health", headers=READ)).json()

    assert body["notices"] == [
        {"code": "bad_wal", "message": notice.words, "since": "2026-11-22T12:00:00.000Z"}
    ]
    assert body["uptime_s"] == 90


async def test_what_nobody_has_said_of_the_market_is_null(house: House) -> None:
    body = (await house.http.get("/api/v1/urgency-metrics", headers=READ)).json()

    assert body["block_height"] is None
    assert set(body["fee_percentiles"].values()) == {None}
    assert body["congestion"] is None


async def test_every_answer_of_a_demo_says_so(open_house: OpenHouse) -> None:
    house = await open_house(SPOUT_PASSWORD="open sesame", demo=True)
    house.history.predictions.append(a_prediction(demo=True))
    paths_of_all = [route.path for route in ROUTES if route.path not in {"/metrics", "/api/v1/stream"}]

    answers = [
        await house.http.request(
            "POST" if path.endswith("tokens") else "GET", path.replace("{txid}", a_txid(1)), headers=READ
        )
        for path in [*paths_of_all, "/api/v1/nothing"]
    ]

    assert [answer.json().get("demo") for answer in answers] == [True] * len(answers)


async def test_a_list_goes_on_where_the_cursor_says(house: House) -> None:
    house.history.predictions.extend(a_prediction(number) for number in range(1, 4))

    first = (await house.http.get("/api/v1/predictions?limit=2", headers=READ)).json()
    cursor = first["page_info"]["next_cursor"]
    second = (await house.http.get(f"/api/v1/predictions?limit=2&cursor={cursor}", headers=READ)).json()

    assert [whale["txid"] for whale in first["predictions"] + second["predictions"]] == [
        a_txid(1),
        a_txid(2),
        a_txid(3),
    ]
    assert (first["total_count"], second["page_info"]["has_next"]) == (3, False)


async def test_a_strange_cursor_is_refused_by_name(house: House) -> None:
    answer = await house.http.get("/api/v1/predictions?cursor=zzz", headers=READ)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("cursor ")


async def test_one_whale_is_told_with_its_whole_life(house: House) -> None:
    before = a_prediction(1)
    after = a_prediction(
        2,
        prediction_id="whale-1",
        replaces=(a_txid(1),),
        forecasts=(a_forecast(), a_forecast(txid=a_txid(2), feerate=25.0)),
    )
    house.history.predictions.append(after)
    house.history.events.extend([an_event(1, before), an_event(2, after)])

    life = (await house.http.get(f"/api/v1/predictions/{a_txid(1)}", headers=READ)).json()

    assert [link["txid"] for link in life["lineage"]] == [a_txid(1), a_txid(2)]
    assert life["lineage"][0]["replaced_by"] == a_txid(2)
    assert [revision["fee_rate"] for revision in life["forecasts"]] == [12.5, 25.0]
    assert [event["sequence"] for event in life["events"]] == [1, 2]
    assert life["outcome"] == "censored"
    assert life["status"] == Status.PENDING


async def test_a_whale_nobody_saw_is_404(house: House) -> None:
    answer = await house.http.get(f"/api/v1/predictions/{a_txid(7)}", headers=READ)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_what_needs_the_database_says_503_until_it_is_open(open_house: OpenHouse) -> None:
    house = await open_house(attached=False)

    answer = await house.http.get("/api/v1/predictions")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert (await house.http.get("/api/v1/health")).status_code == 200


async def test_metrics_hold_the_counters_and_leave_out_what_is_unknown(house: House) -> None:
    counters = Counters(whales=7)
    house.live.show(Snapshot(version=0, made_at=NOON, started_at=NOON, counters=counters))

    text = (await house.http.get("/metrics")).text

    assert "spout_whales_total 7.0" in text
    assert "spout_block_height" not in text


async def test_metrics_through_a_proxy_need_a_key(house: House) -> None:
    answer = await house.http.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"})

    assert answer.status_code == 401


async def test_a_reader_may_ask_what_an_admin_may(house: House) -> None:
    statuses = [(await house.http.get("/api/v1/health", headers=who)).status_code for who in (READ, ADMIN)]

    assert statuses == [200, 200]

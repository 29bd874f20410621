"""Umbrel's widgets: the shapes that umbrelOS draws, made of nothing that is the operator's own."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.classification import Flow, Party
from app.core.prediction import Prediction
from app.core.units import SATS_PER_BTC, Sats
from app.views import HitCount
from tests.api.builders import a_prediction
from tests.api.conftest import READ, Composition, OpenServer

WIDGETS = ("latest-whales", "market", "accuracy")
PAST_PROXY = {"SPOUT_TRUST_PROXY_AUTH": "true", "SPOUT_TRUSTED_PROXIES": "10.21.0.9"}


def a_whale(number: int, *, btc: int, flow: Flow = Flow.INFLOW, entity: str = "My cold store") -> Prediction:
    whale = a_prediction(number)
    seen = replace(
        whale.classification,
        flow=flow,
        moved=Sats(btc * SATS_PER_BTC),
        split={},
        to_entities=(Party(name=entity, kind="exchange", basis="own label"),),
    )
    return replace(whale, classification=seen)


async def widget(composition: Composition, name: str) -> dict[str, object]:
    answer = await composition.http.get(f"/api/v1/widgets/{name}", headers=READ)
    found: dict[str, object] = answer.raise_for_status().json()
    return found


@pytest.mark.parametrize(
    ("name", "kind"),
    [("latest-whales", "list"), ("market", "four-stats"), ("accuracy", "text-with-progress")],
)
async def test_each_has_its_type_a_refresh_and_a_link(composition: Composition, name: str, kind: str) -> None:
    shown = await widget(composition, name)

    assert (shown["type"], shown["refresh"] in {"10s", "1m"}, shown["link"]) == (kind, True, "")


async def test_the_latest_five_are_listed_newest_first(composition: Composition) -> None:
    now = composition.clock.now()
    whales = [
        replace(a_whale(number, btc=100 * number), detected_at=now - timedelta(minutes=number))
        for number in range(1, 8)
    ]
    composition.live.show(replace(composition.live.snapshot, pending=tuple(whales)))

    shown = await widget(composition, "latest-whales")

    assert [one["text"] for one in shown["items"]] == [  # type: ignore[attr-defined]
        "100 BTC",
        "200 BTC",
        "300 BTC",
        "400 BTC",
        "500 BTC",
    ]
    assert shown["items"][0]["subtext"] == "to an exchange, 1 min ago"  # type: ignore[index]


async def test_no_widget_tells_a_name_that_may_be_the_operators_label(composition: Composition) -> None:
    composition.live.show(replace(composition.live.snapshot, pending=(a_whale(1, btc=500),)))

    shown = json.dumps([await widget(composition, name) for name in WIDGETS])

    assert "cold store" not in shown


async def test_the_market_tells_what_waits_and_what_goes_to_exchanges(composition: Composition) -> None:
    now = composition.clock.now()
    whales = [
        replace(a_whale(1, btc=500), detected_at=now),
        replace(a_whale(2, btc=200, flow=Flow.OUTFLOW), detected_at=now),
        replace(a_whale(3, btc=900), detected_at=now - timedelta(hours=25)),
        replace(a_whale(4, btc=700, flow=Flow.INTERNAL), detected_at=now),
    ]
    composition.live.show(replace(composition.live.snapshot, pending=tuple(whales)))

    items = (await widget(composition, "market"))["items"]

    assert [one["text"] for one in items][:3] == ["4", "1,600", "+300"]  # type: ignore[attr-defined]


async def test_an_unknown_fee_is_called_so(composition: Composition) -> None:
    items = (await widget(composition, "market"))["items"]

    assert items[3]["text"] == "unknown"  # type: ignore[index]


@pytest.mark.parametrize(
    ("counted", "text", "label", "progress"),
    [
        (None, "Learning", "0 of 20", 0),
        (HitCount(window="7d", n=12, on_time=12), "Learning", "12 of 20", 0.6),
        (HitCount(window="24h", n=40, on_time=30), "75%", "30 of 40", 0.75),
    ],
)
async def test_a_rate_is_stated_from_twenty_forecasts_on(
    composition: Composition, counted: HitCount | None, text: str, label: str, progress: float
) -> None:
    composition.live.show(replace(composition.live.snapshot, accuracy=counted))

    shown = await widget(composition, "accuracy")

    assert (shown["text"], shown["progressLabel"], shown["progress"]) == (text, label, progress)


@pytest.mark.parametrize("name", WIDGETS)
async def test_behind_a_login_proxy_the_box_itself_needs_no_key(open_server: OpenServer, name: str) -> None:
    composition = await open_server(**PAST_PROXY)

    assert (await composition.http.get(f"/api/v1/widgets/{name}")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "192.168.1.5"},
        {"Forwarded": "for=192.168.1.5"},
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "none"},
        {"Referer": "http://evil.example/"},
        {"X-API-Key": "guess"},
    ],
)
async def test_what_a_proxy_or_a_browser_passes_on_needs_a_key(
    open_server: OpenServer, headers: dict[str, str]
) -> None:
    composition = await open_server(**PAST_PROXY)

    answer = await composition.http.get("/api/v1/widgets/market", headers=headers)

    assert answer.status_code == 401


async def test_the_proxy_itself_needs_a_key(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_TRUST_PROXY_AUTH="true", SPOUT_TRUSTED_PROXIES="127.0.0.1")

    assert (await composition.http.get("/api/v1/widgets/market")).status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/predictions"])
async def test_nothing_else_opens_past_the_proxy(open_server: OpenServer, path: str) -> None:
    composition = await open_server(**PAST_PROXY)

    assert (await composition.http.get(path)).status_code == 401


async def test_with_a_password_a_widget_needs_a_key(composition: Composition) -> None:
    assert (await composition.http.get("/api/v1/widgets/market")).status_code == 401

"""The event stream, with a real WebSocket client on a real server."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.api.stream.clients import StreamLimits
from app.api.stream.filter import event_filter
from app.core.classification import Flow
from app.core.events import EventType
from app.core.prediction import Urgency
from tests.api.builders import a_prediction, a_source_event, an_event
from tests.api.conftest import ADMIN, READ, Composition, OpenServer, until
from tests.api.test_auth import PASSWORD, log_in, token_of
from tests.builders import a_coinjoin


async def receive(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(5):
        reported = json.loads(await socket.recv())
    assert isinstance(reported, dict)
    return reported


async def receive_events(socket: ClientConnection, count: int) -> list[int]:
    return [(await receive(socket))["sequence"] for _ in range(count)]


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """Read to the end; return the close code and reason."""
    try:
        async with asyncio.timeout(8):
            while True:
                await socket.recv()
    except ConnectionClosed as end:
        return (end.rcvd.code, end.rcvd.reason) if end.rcvd else (1006, "")


async def listening(
    composition: Composition, asked: dict[str, Any] | None = None, **more: Any
) -> ClientConnection:
    """A socket that is authenticated and subscribed."""
    socket = await composition.socket()
    await socket.send(json.dumps({"token": "reader", "subscribe": asked or {}, **more}))
    assert (await receive(socket))["type"] == "authenticated"
    assert (await receive(socket))["type"] == "subscribed"
    return socket


async def test_an_event_arrives_in_the_contracts_envelope(composition: Composition) -> None:
    socket = await listening(composition)
    composition.happen(an_event(1))

    event = await receive(socket)

    assert set(event) == {"type", "id", "sequence", "timestamp", "data"}
    assert (event["type"], event["sequence"]) == ("whale.detected", 1)


async def test_a_key_in_the_header_needs_no_first_message(composition: Composition) -> None:
    socket = await composition.socket(additional_headers=READ)
    await receive(socket)
    await socket.send(json.dumps({"subscribe": {}}))

    assert (await receive(socket))["type"] == "subscribed"


async def test_a_token_works_in_header_and_message(composition: Composition) -> None:
    token = await token_of(composition)
    by_header = await composition.socket(additional_headers={"Authorization": f"Bearer {token}"})
    by_message = await composition.socket()
    await by_message.send(json.dumps({"token": token}))

    reported = [await receive(by_header), await receive(by_message)]

    assert (
        reported == [{"type": "authenticated", "scope": "read", "expires_at": "2026-11-22T12:10:00.000Z"}] * 2
    )


@pytest.mark.parametrize(
    "first",
    ['{"token": "nobody"}', '{"token": "a.b.c"}', '{"token": 5}', '{"token": ""}', '{"subscribe": {}}', "{}"],
)
async def test_a_wrong_credential_is_closed_with_a_reason(composition: Composition, first: str) -> None:
    socket = await composition.socket()
    await socket.send(first)

    refused = await receive(socket)
    code, reason = await closed(socket)

    assert refused["error"]["code"] == "unauthorized"
    assert code == 4401
    assert reason


async def test_a_wrong_key_in_the_header_is_closed_with_a_reason(composition: Composition) -> None:
    socket = await composition.socket(additional_headers={"X-API-Key": "nobody"})

    assert await closed(socket) == (4401, "the key is not known, or was revoked")


async def test_who_says_nothing_is_closed(composition: Composition) -> None:
    socket = await composition.socket()
    await until(lambda: bool(composition.clock.sleepers))
    await composition.clock.advance(10)

    assert await closed(socket) == (4401, "No token or key came in time")


async def test_a_token_that_expires_ends_the_stream(composition: Composition) -> None:
    token = await token_of(composition)
    socket = await composition.socket()
    await socket.send(json.dumps({"token": token}))
    await receive(socket)
    await composition.clock.advance(599)
    for _ in range(3):
        await composition.clock.advance(1)

    assert await closed(socket) == (4401, "the token has expired")


async def test_a_fresh_token_keeps_the_stream_open(composition: Composition) -> None:
    socket = await composition.socket()
    await socket.send(json.dumps({"token": await token_of(composition), "subscribe": {}}))
    reported = [await receive(socket), await receive(socket)]
    await composition.clock.advance(300)
    await socket.send(json.dumps({"token": await token_of(composition)}))
    reported.append(await receive(socket))
    await composition.clock.advance(400)
    composition.happen(an_event(1))

    assert [one["type"] for one in reported] == ["authenticated", "subscribed", "authenticated"]
    assert (await receive(socket))["sequence"] == 1


async def test_a_key_that_is_revoked_ends_the_stream(composition: Composition) -> None:
    socket = await listening(composition)
    composition.keys.revoke("reader")
    await until(lambda: bool(composition.clock.sleepers))
    await composition.clock.advance(5)

    assert await closed(socket) == (4401, "the key was revoked")


async def test_a_token_whose_key_is_revoked_ends_the_stream(composition: Composition) -> None:
    socket = await composition.socket()
    await socket.send(json.dumps({"token": await token_of(composition)}))
    await receive(socket)
    composition.keys.revoke("reader")
    await composition.clock.advance(5)

    assert await closed(socket) == (4401, "the key was revoked")


async def test_the_pages_session_may_listen_from_our_own_origin(composition: Composition) -> None:
    cookie = (await log_in(composition)).headers["Set-Cookie"].partition(";")[0]
    origin = f"http://{composition.host}"
    socket = await composition.socket(additional_headers={"Cookie": cookie}, origin=origin)

    assert (await receive(socket))["scope"] == "admin"


async def test_logging_out_ends_the_sessions_stream(composition: Composition) -> None:
    cookie = (await log_in(composition)).headers["Set-Cookie"].partition(";")[0]
    origin = f"http://{composition.host}"
    socket = await composition.socket(additional_headers={"Cookie": cookie}, origin=origin)
    await receive(socket)
    await composition.http.post("/logout", headers={"Origin": origin})
    await composition.clock.advance(5)

    assert await closed(socket) == (4401, "logged out")


async def test_a_foreign_page_may_not_even_knock(composition: Composition) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await composition.socket(origin="http://evil.example")

    assert refused.value.response.status_code == 403


async def test_on_this_machine_without_a_password_one_may_listen(open_server: OpenServer) -> None:
    composition = await open_server()
    socket = await composition.socket()
    await socket.send('{"subscribe": {}}')

    assert [(await receive(socket))["type"] for _ in range(2)] == ["authenticated", "subscribed"]


async def test_on_this_machine_who_says_nothing_is_welcome_all_the_same(open_server: OpenServer) -> None:
    composition = await open_server()
    socket = await composition.socket()
    await until(lambda: bool(composition.clock.sleepers))
    await composition.clock.advance(1)

    assert (await receive(socket))["type"] == "authenticated"


async def test_on_this_machine_a_wrong_key_is_refused_and_not_welcomed_first(open_server: OpenServer) -> None:
    composition = await open_server()
    socket = await composition.socket()
    await socket.send('{"token": "nobody"}')

    assert (await receive(socket))["error"]["code"] == "unauthorized"
    assert await closed(socket) == (4401, "the key is not known, or was revoked")


async def test_the_filter_in_force_is_echoed(composition: Composition) -> None:
    socket = await composition.socket(additional_headers=READ)
    await receive(socket)
    asked = {"flow_type": ["inflow", "outflow"], "min_btc_value": 150.5, "min_urgency": "medium"}
    await socket.send(json.dumps({"subscribe": asked}))

    assert await receive(socket) == {
        "type": "subscribed",
        "filter": {
            "types": None,
            "status": None,
            "flow_type": ["inflow", "outflow"],
            "min_btc_value": "150.5",
            "min_urgency": "medium",
            "entity": None,
        },
        "after": None,
        "last_sequence": 0,
        "reset": False,
    }


async def test_only_what_passes_the_filter_is_told(composition: Composition) -> None:
    socket = await listening(composition, {"flow_type": "outflow"})
    composition.happen(
        an_event(1, a_prediction(1, flow=Flow.INFLOW)), an_event(2, a_prediction(2, flow=Flow.OUTFLOW))
    )

    assert await receive_events(socket, 1) == [2]


async def test_a_new_subscription_takes_the_place_of_the_old(composition: Composition) -> None:
    socket = await listening(composition, {"flow_type": "outflow"})
    await socket.send(json.dumps({"subscribe": {"flow_type": "inflow"}}))
    await receive(socket)
    composition.happen(
        an_event(1, a_prediction(1, flow=Flow.OUTFLOW)), an_event(2, a_prediction(2, flow=Flow.INFLOW))
    )

    assert await receive_events(socket, 1) == [2]


@pytest.mark.parametrize(
    ("subscribe", "passes"),
    [
        ({}, True),
        ({"types": "whale.detected"}, True),
        ({"types": ["whale.confirmed"]}, False),
        ({"status": ["pending", "confirmed"]}, True),
        ({"status": "dropped"}, False),
        ({"min_btc_value": "150"}, True),
        ({"min_btc_value": "150.00000001"}, False),
        ({"min_urgency": "medium"}, True),
        ({"min_urgency": "high"}, False),
        ({"entity": "KRAKEN"}, True),
        ({"entity": "Binance"}, False),
    ],
)
def test_a_filter_lets_pass_what_it_says(subscribe: dict[str, Any], passes: bool) -> None:  # noqa: FBT001
    event = an_event(1, a_prediction(moved=150_0000_0000, to="Kraken", urgency=Urgency.MEDIUM))

    assert event_filter(subscribe).passes(event) is passes


@pytest.mark.parametrize(("least", "passes"), [("700", True), ("700.1", False)])
def test_a_coinjoin_passes_a_filter_by_what_may_have_moved(least: str, *, passes: bool) -> None:
    event = an_event(1, a_prediction(classification=a_coinjoin()))

    assert event_filter({"min_btc_value": least}).passes(event) is passes


def test_a_whale_without_a_forecast_passes_no_filter_of_urgency() -> None:
    assert not event_filter({"min_urgency": "low"}).passes(an_event(1, a_prediction(urgency=None)))


def test_a_source_that_is_down_passes_the_filters_of_whales() -> None:
    assert event_filter({"flow_type": "inflow", "min_btc_value": 500}).passes(a_source_event(1))


def test_a_source_that_is_down_is_left_out_by_its_type() -> None:
    assert not event_filter({"types": [EventType.DETECTED.value]}).passes(a_source_event(1))


@pytest.mark.parametrize(
    "message",
    [
        "not json",
        "[]",
        "5",
        '{"subscribe": []}',
        '{"subscribe": {"flow": "inflow"}}',
        '{"subscribe": {"flow_type": 5}}',
        '{"subscribe": {"flow_type": ["inflow", null]}}',
        '{"subscribe": {"min_btc_value": NaN}}',
        '{"subscribe": {"min_btc_value": true}}',
        '{"subscribe": {"min_btc_value": {}}}',
        '{"subscribe": {"entity": ""}}',
        '{"subscribe": {}, "after": -1}',
        '{"subscribe": {}, "after": "1"}',
        '{"subscribe": {}, "after": 1.5}',
        '{"subscribe": {}, "after": true}',
        '{"after": 99999999999999999999}',
        '{"listen": {}}',
        "[" * 30_000,
    ],
)
async def test_a_message_that_cannot_be_meant_is_closed_with_a_reason(
    composition: Composition, message: str
) -> None:
    socket = await composition.socket(additional_headers=READ)
    await receive(socket)
    await socket.send(message)

    code, reason = await closed(socket)

    assert code == 4400
    assert reason


async def test_a_binary_message_is_closed_with_a_reason(composition: Composition) -> None:
    socket = await composition.socket(additional_headers=READ)
    await receive(socket)
    await socket.send(b"{}")

    assert (await closed(socket))[0] == 4400


async def test_a_huge_message_is_not_taken_in(composition: Composition) -> None:
    socket = await composition.socket(additional_headers=READ)
    await receive(socket)
    await socket.send("x" * 1_000_000)

    assert (await closed(socket))[0] in {1006, 1009}
    assert (await composition.http.get("/healthz")).status_code == 200


async def test_what_is_stored_after_a_sequence_is_told_again(composition: Composition) -> None:
    composition.happen(*(an_event(number) for number in range(1, 1_202)))
    socket = await listening(composition, after=1)

    assert await receive_events(socket, 1_200) == list(range(2, 1_202))


async def test_replay_and_live_meet_without_gap_or_duplicate(composition: Composition) -> None:
    composition.happen(*(an_event(number) for number in range(1, 1_600)))
    socket = await listening(composition, after=0)

    async def go_on_living() -> None:
        for number in range(1_600, 3_000):
            composition.happen(an_event(number))
            await asyncio.sleep(0)

    living = asyncio.create_task(go_on_living())
    received = await receive_events(socket, 2_999)
    await living

    assert received == list(range(1, 3_000))


async def test_a_burst_beyond_the_queue_is_made_up_from_the_store(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, limits=StreamLimits(queue=10))
    socket = await listening(composition)
    composition.happen(*(an_event(number) for number in range(1, 101)))

    assert await receive_events(socket, 100) == list(range(1, 101))


async def test_a_sequence_from_another_store_begins_anew_and_says_so(composition: Composition) -> None:
    composition.happen(an_event(1))
    socket = await composition.socket(additional_headers=READ)
    await receive(socket)
    await socket.send('{"subscribe": {}, "after": 500}')
    reported = await receive(socket)
    composition.happen(an_event(2))

    assert (reported["reset"], reported["after"], reported["last_sequence"]) == (True, None, 1)
    assert await receive_events(socket, 1) == [2]


async def test_a_reader_that_reads_nothing_is_closed_with_a_reason(
    open_server: OpenServer, caplog: pytest.LogCaptureFixture
) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, limits=StreamLimits(queue=200))
    slow = await composition.socket(max_queue=1)
    await slow.send(json.dumps({"token": "reader", "subscribe": {}}))
    await until(lambda: composition.bus.readers == 1)
    long = a_prediction(reason="x" * 200_000)
    fast = await listening(composition)
    for number in range(1, 100):
        composition.happen(an_event(number, long))
        assert (await receive(fast))["sequence"] == number
    await composition.clock.advance(StreamLimits().stall_seconds)

    code, reason = await closed(slow)

    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
    assert code == 4408
    assert reason.startswith("You read too slowly")


async def test_one_key_has_only_so_many_streams(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, limits=StreamLimits(clients_each=2))
    sockets = [await composition.socket(additional_headers=READ) for _ in range(2)]
    third = await composition.socket(additional_headers=READ)

    assert (await closed(third))[0] == 4429
    assert [(await receive(socket))["type"] for socket in sockets] == ["authenticated"] * 2


async def test_a_stream_that_ends_leaves_its_place(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, limits=StreamLimits(clients_each=1))
    for _ in range(3):
        socket = await listening(composition)
        await socket.close()
        await until(lambda: composition.bus.readers == 0)


async def test_all_places_together_are_bounded(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, limits=StreamLimits(clients=1))
    await composition.socket(additional_headers=READ)
    second = await composition.socket(additional_headers=ADMIN)

    assert (await closed(second))[0] == 4429


async def test_who_has_proved_nothing_takes_no_place(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, limits=StreamLimits(clients=1, anteroom=3))
    waiting = [await composition.socket() for _ in range(4)]
    reader = await composition.socket(additional_headers=READ)

    assert (await receive(reader))["type"] == "authenticated"
    assert (await closed(waiting[0]))[0] == 4429


async def test_a_server_that_stops_says_goodbye(composition: Composition) -> None:
    socket = await listening(composition)
    closing = asyncio.create_task(composition.server.close())

    assert await closed(socket) == (1001, "Spout is stopping")
    await closing


async def test_while_the_database_opens_the_stream_says_so(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, attached=False)
    socket = await composition.socket()
    await socket.send('{"token": "reader"}')

    assert (await closed(socket))[0] == 1013


async def test_a_stream_asked_without_upgrade_is_refused(composition: Composition) -> None:
    answer = await composition.http.get("/api/v1/stream", headers=READ)

    assert (answer.status_code, answer.json()["error"]["code"]) == (426, "upgrade_required")


async def test_the_words_of_a_demo_say_so(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, demo=True)
    socket = await composition.socket(additional_headers=READ)

    assert (await receive(socket))["demo"] is True

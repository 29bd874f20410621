"""The event stream, with a real WebSocket client on a real server."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.api.stream_filter import event_filter
from app.api.streams import StreamLimits
from app.core.classification import Flow
from app.core.events import EventType
from app.core.prediction import Urgency
from tests.api.builders import a_prediction, a_source_event, an_event
from tests.api.conftest import READ, House, OpenHouse, until
from tests.api.test_auth import PASSWORD, log_in, token_of


async def hear(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(5):
        told = json.loads(await socket.recv())
    assert isinstance(told, dict)
    return told


async def hear_events(socket: ClientConnection, count: int) -> list[int]:
    return [(await hear(socket))["sequence"] for _ in range(count)]


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """Read to the end; return the close code and reason."""
    try:
        async with asyncio.timeout(8):
            while True:
                await socket.recv()
    except ConnectionClosed as end:
        return (end.rcvd.code, end.rcvd.reason) if end.rcvd else (1006, "")


async def listening(house: House, asked: dict[str, Any] | None = None, **more: Any) -> ClientConnection:
    """A socket that is authenticated and subscribed."""
    socket = await house.socket()
    await socket.send(json.dumps({"token": "reader", "subscribe": asked or {}, **more}))
    assert (await hear(socket))["type"] == "authenticated"
    assert (await hear(socket))["type"] == "subscribed"
    return socket


async def test_an_event_arrives_in_the_contracts_envelope(house: House) -> None:
    socket = await listening(house)
    house.happen(an_event(1))

    event = await hear(socket)

    assert set(event) == {"type", "id", "sequence", "timestamp", "data"}
    assert (event["type"], event["sequence"]) == ("whale.detected", 1)


async def test_a_key_in_the_header_needs_no_first_message(house: House) -> None:
    socket = await house.socket(additional_headers=READ)
    await hear(socket)
    await socket.send(json.dumps({"subscribe": {}}))

    assert (await hear(socket))["type"] == "subscribed"


async def test_a_token_works_in_header_and_message(house: House) -> None:
    token = await token_of(house)
    by_header = await house.socket(additional_headers={"Authorization": f"Bearer {token}"})
    by_message = await house.socket()
    await by_message.send(json.dumps({"token": token}))

    told = [await hear(by_header), await hear(by_message)]

    assert told == [{"type": "authenticated", "scope": "read", "expires_at": "2026-11-22T12:10:00.000Z"}] * 2


@pytest.mark.parametrize(
    "first",
    ['{"token": "nobody"}', '{"token": "a.b.c"}', '{"token": 5}', '{"token": ""}', '{"subscribe": {}}', "{}"],
)
async def test_a_wrong_credential_is_closed_with_a_reason(house: House, first: str) -> None:
    socket = await house.socket()
    await socket.send(first)

    refused = await hear(socket)
    code, reason = await closed(socket)

    assert refused["error"]["code"] == "unauthorized"
    assert code == 4401
    assert reason


async def test_a_wrong_key_in_the_header_is_closed_with_a_reason(house: House) -> None:
    socket = await house.socket(additional_headers={"X-API-Key": "nobody"})

    assert await closed(socket) == (4401, "the key is not known, or was revoked")


async def test_who_says_nothing_is_closed(house: House) -> None:
    socket = await house.socket()
    await until(lambda: bool(house.clock._sleepers))
    await house.clock.advance(10)

    assert await closed(socket) == (4401, "No token or key came in time")


async def test_a_token_that_expires_ends_the_stream(house: House) -> None:
    token = await token_of(house)
    socket = await house.socket()
    await socket.send(json.dumps({"token": token}))
    await hear(socket)
    await house.clock.advance(599)
    for _ in range(3):
        await house.clock.advance(1)

    assert await closed(socket) == (4401, "the token has expired")


async def test_a_fresh_token_keeps_the_stream_open(house: House) -> None:
    socket = await house.socket()
    await socket.send(json.dumps({"token": await token_of(house), "subscribe": {}}))
    told = [await hear(socket), await hear(socket)]
    await house.clock.advance(300)
    await socket.send(json.dumps({"token": await token_of(house)}))
    told.append(await hear(socket))
    await house.clock.advance(400)
    house.happen(an_event(1))

    assert [one["type"] for one in told] == ["authenticated", "subscribed", "authenticated"]
    assert (await hear(socket))["sequence"] == 1


async def test_a_key_that_is_revoked_ends_the_stream(house: House) -> None:
    socket = await listening(house)
    house.keys.revoke("reader")
    await until(lambda: bool(house.clock._sleepers))
    await house.clock.advance(5)

    assert await closed(socket) == (4401, "the key was revoked")


async def test_a_token_whose_key_is_revoked_ends_the_stream(house: House) -> None:
    socket = await house.socket()
    await socket.send(json.dumps({"token": await token_of(house)}))
    await hear(socket)
    house.keys.revoke("reader")
    await house.clock.advance(5)

    assert await closed(socket) == (4401, "the key was revoked")


async def test_the_pages_session_may_listen_from_our_own_origin(house: House) -> None:
    cookie = (await log_in(house)).headers["Set-Cookie"].partition(";")[0]
    origin = f"http://{house.host}"
    socket = await house.socket(additional_headers={"Cookie": cookie}, origin=origin)

    assert (await hear(socket))["scope"] == "admin"


async def test_logging_out_ends_the_sessions_stream(house: House) -> None:
    cookie = (await log_in(house)).headers["Set-Cookie"].partition(";")[0]
    origin = f"http://{house.host}"
    socket = await house.socket(additional_headers={"Cookie": cookie}, origin=origin)
    await hear(socket)
    await house.http.post("/logout", headers={"Origin": origin})
    await house.clock.advance(5)

    assert await closed(socket) == (4401, "logged out")


async def test_a_foreign_page_may_not_even_knock(house: House) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await house.socket(origin="http://evil.example")

    assert refused.value.response.status_code == 403


async def test_on_this_machine_without_a_password_one_may_listen(open_house: OpenHouse) -> None:
    house = await open_house()
    socket = await house.socket()
    await socket.send('{"subscribe": {}}')

    assert [(await hear(socket))["type"] for _ in range(2)] == ["authenticated", "subscribed"]


async def test_on_this_machine_who_says_nothing_is_welcome_all_the_same(open_house: OpenHouse) -> None:
    house = await open_house()
    socket = await house.socket()
    await until(lambda: bool(house.clock._sleepers))
    await house.clock.advance(1)

    assert (await hear(socket))["type"] == "authenticated"


async def test_on_this_machine_a_wrong_key_is_refused_and_not_welcomed_first(open_house: OpenHouse) -> None:
    house = await open_house()
    socket = await house.socket()
    await socket.send('{"token": "nobody"}')

    assert (await hear(socket))["error"]["code"] == "unauthorized"
    assert await closed(socket) == (4401, "the key is not known, or was revoked")


async def test_the_filter_in_force_is_echoed(house: House) -> None:
    socket = await house.socket(additional_headers=READ)
    await hear(socket)
    asked = {"flow_type": ["inflow", "outflow"], "min_btc_value": 150.5, "min_urgency": "medium"}
    await socket.send(json.dumps({"subscribe": asked}))

    assert await hear(socket) == {
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


async def test_only_what_passes_the_filter_is_told(house: House) -> None:
    socket = await listening(house, {"flow_type": "outflow"})
    house.happen(
        an_event(1, a_prediction(1, flow=Flow.INFLOW)), an_event(2, a_prediction(2, flow=Flow.OUTFLOW))
    )

    assert await hear_events(socket, 1) == [2]


async def test_a_new_subscription_takes_the_place_of_the_old(house: House) -> None:
    socket = await listening(house, {"flow_type": "outflow"})
    await socket.send(json.dumps({"subscribe": {"flow_type": "inflow"}}))
    await hear(socket)
    house.happen(
        an_event(1, a_prediction(1, flow=Flow.OUTFLOW)), an_event(2, a_prediction(2, flow=Flow.INFLOW))
    )

    assert await hear_events(socket, 1) == [2]


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
async def test_a_message_that_cannot_be_meant_is_closed_with_a_reason(house: House, message: str) -> None:
    socket = await house.socket(additional_headers=READ)
    await hear(socket)
    await socket.send(message)

    code, reason = await closed(socket)

    assert code == 4400
    assert reason


async def test_a_binary_message_is_closed_with_a_reason(house: House) -> None:
    socket = await house.socket(additional_headers=READ)
    await hear(socket)
    await socket.send(b"{}")

    assert (await closed(socket))[0] == 4400


async def test_a_huge_message_is_not_taken_in(house: House) -> None:
    socket = await house.socket(additional_headers=READ)
    await hear(socket)
    await socket.send("x" * 1_000_000)

    assert (await closed(socket))[0] in {1006, 1009}
    assert (await house.http.get("/healthz")).status_code == 200


async def test_what_is_stored_after_a_sequence_is_told_again(house: House) -> None:
    house.happen(*(an_event(number) for number in range(1, 1_202)))
    socket = await listening(house, after=1)

    assert await hear_events(socket, 1_200) == list(range(2, 1_202))


async def test_replay_and_live_meet_without_gap_or_duplicate(house: House) -> None:
    house.happen(*(an_event(number) for number in range(1, 1_600)))
    socket = await listening(house, after=0)

    async def go_on_living() -> None:
        for number in range(1_600, 3_000):
            house.happen(an_event(number))
            await asyncio.sleep(0)

    living = asyncio.create_task(go_on_living())
    heard = await hear_events(socket, 2_999)
    await living

    assert heard == list(range(1, 3_000))


async def test_a_burst_beyond_the_queue_is_made_up_from_the_store(open_house: OpenHouse) -> None:
    house = await open_house(SPOUT_PASSWORD=PASSWORD, limits=StreamLimits(queue=10))
    socket = await listening(house)
    house.happen(*(an_event(number) for number in range(1, 101)))

    assert await hear_events(socket, 100) == list(range(1, 101))


async def test_a_sequence_from_another_store_begins_anew_and_says_so(house: House) -> None:
    house.happen(an_event(1))
    socket = await house.socket(additional_headers=READ)
    await hear(socket)
    await socket.send('{"subscribe": {}, "after": 500}')
    told = await hear(socket)
    house.happen(an_event(2))

    assert (told["reset"], told["after"], told["last_sequence"]) == (True, None, 1)
    assert await hear_events(socket, 1) == [2]


async def test_a_reader_that_reads_nothing_is_closed_with_a_reason(
    open_house: OpenHouse, caplog: pytest.LogCaptureFixture
) -> None:
    house = await open_house(SPOUT_PASSWORD=PASSWORD, limits=StreamLimits(stall_seconds=0.3, queue=50))
    slow = await house.socket(max_queue=1)
    await slow.send(json.dumps({"token": "reader", "subscribe": {}}))
    await until(lambda: house.bus.readers == 1)
    long = a_prediction(reason="x" * 200_000)
    fast = await listening(house)
    for number in range(1, 100):
        house.happen(an_event(number, long))
        assert (await hear(fast))["sequence"] == number
    await until(lambda: house.bus.readers == 1)

    code, reason = await closed(slow)

    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
    assert code == 4408
    assert reason.startswith("You read too slowly")


async def test_one_key_has_only_so_many_streams(open_house: OpenHouse) -> None:
    house = await open_house(SPOUT_PASSWORD=PASSWORD, limits=StreamLimits(clients_each=2))
    sockets = [await house.socket(additional_headers=READ) for _ in range(2)]
    third = await house.socket(additional_headers=READ)

    assert (await closed(third))[0] == 4429
    assert [(await hear(socket))["type"] for socket in sockets] == ["authenticated"] * 2


async def test_a_stream_that_ends_leaves_its_place(open_house: OpenHouse) -> None:
    house = await open_house(SPOUT_PASSWORD=PASSWORD, limits=StreamLimits(clients_each=1))
    for _ in range(3):
        socket = await listening(house)
        await socket.close()
        await until(lambda: house.bus.readers == 0 and not house.server._streams._each)

    assert house.server._streams._clients == set()


async def test_all_places_together_are_bounded(open_house: OpenHouse) -> None:
    house = await open_house(SPOUT_PASSWORD=PASSWORD, limits=StreamLimits(clients=1))
    await house.socket()
    second = await house.socket()

    assert (await closed(second))[0] == 4429


async def test_a_server_that_stops_says_goodbye(house: House) -> None:
    socket = await listening(house)
    closing = asyncio.create_task(house.server.close())

    assert await closed(socket) == (1001, "Spout is stopping")
    await closing


async def test_while_the_database_opens_the_stream_says_so(open_house: OpenHouse) -> None:
    house = await open_house(SPOUT_PASSWORD=PASSWORD, attached=False)
    socket = await house.socket()
    await socket.send('{"token": "reader"}')

    assert (await closed(socket))[0] == 1013


async def test_a_stream_asked_without_upgrade_is_refused(house: House) -> None:
    answer = await house.http.get("/api/v1/stream", headers=READ)

    assert answer.status_code == 400


async def test_the_words_of_a_demo_say_so(open_house: OpenHouse) -> None:
    house = await open_house(SPOUT_PASSWORD=PASSWORD, demo=True)
    socket = await house.socket(additional_headers=READ)

    assert (await hear(socket))["demo"] is True

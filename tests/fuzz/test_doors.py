"""The API as it is served, to a key that may do everything: whatever is sent is answered in its words."""

import json
import os
import random
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from app.api.routes import ROUTES
from tests.api.conftest import Composition, OpenServer
from tests.api.test_auth import PASSWORD, log_in
from tests.api.test_operator import operated
from tests.fuzz import good
from tests.fuzz.mutations import changed

EACH = 10_000 if os.environ.get("SPOUT_SOAK") else 150
CLOSED = {1006, 1007, 4400, 4401, 4429}
"""1006: Tornado's own, for a text that is no UTF-8."""
TAKING = [
    (method, route.path.replace("{", "").replace("}", ""))
    for route in ROUTES
    for method in ("POST", "PATCH", "PUT")
    if method.lower() in vars(route.handler) and not route.path.endswith("/password")
]
"""But for the one that would close the door behind it."""
WRITTEN = [one for one in (*good.requests(), *good.endpoints(), *good.label_files()) if len(one) < 6_000]
SAID = [one.replace(b'"reader"', b'"chief"') for one in good.stream_messages() if len(one) < 6_000]


@pytest.mark.soak
async def test_whatever_is_said_on_the_stream_is_answered_or_closed_with_a_code_of_ours(
    composition: Composition, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random("stream")
    for _ in range(EACH):
        await composition.clock.advance(60)
        sent = changed(chance, chance.choice(SAID))
        socket = await composition.socket()
        code = 0
        try:
            await socket.send(sent, text=True)
            await socket.send("no JSON: the end")
            while True:
                assert "error" in (said := json.loads(await socket.recv())) or said["type"]
        except ConnectionClosed as end:
            code = end.rcvd.code if end.rcvd else 1006
        assert code in CLOSED, sent
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []


@pytest.fixture
async def served(open_server: OpenServer, tmp_path: Path) -> Composition:
    """An open tab with the operator's real file behind it: logged in, its page's origin sent."""
    composition = await operated(open_server, tmp_path, SPOUT_PASSWORD=PASSWORD)
    await log_in(composition)
    composition.http.headers["Origin"] = f"http://{composition.host}"
    return composition


@pytest.mark.soak
async def test_whatever_a_body_is_each_route_answers_it_in_json_and_never_falls(
    served: Composition, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random("bodies")
    taken = [
        (route, sent) for route in TAKING for sent in WRITTEN if await _status(served, route, sent) != 400
    ]
    assert len({route for route, _ in taken}) >= 8, "of most routes one is a good one"
    for number in range(EACH):
        route, sent = chance.choice(taken) if number % 2 else (chance.choice(TAKING), chance.choice(WRITTEN))
        await _status(served, route, changed(chance, sent))
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []


async def _status(served: Composition, route: tuple[str, str], sent: bytes) -> int:
    """Answered in JSON; 503 says what is not attached here."""
    await served.clock.advance(6)  # within its hours the session stays open
    answer = await served.http.request(*route, content=sent)
    assert answer.status_code < 500 or answer.status_code == 503, (route, sent)
    assert answer.status_code == 204 or answer.json(), (route, sent)
    return answer.status_code

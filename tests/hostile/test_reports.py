"""What users of neighbouring tools reported, as small inputs: played as they lie beside the repository.

Those of alerts are in tests/notifiers/test_reports.py; the kinds that these are examples of have tests of
their own in the rooms they belong to.
"""

import ssl
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from app.core.classification import Flag
from app.core.flow.classifier import classify
from app.core.flow.entities import Entities
from app.core.prediction import Prediction
from app.core.units import Height
from app.source.electrum.connection import ElectrumEndpoint
from app.store.opening import DATABASE_FILE, open_database
from app.store.predictions import PredictionStore
from tests.api.conftest import OpenServer
from tests.api.test_auth import PASSWORD
from tests.hostile.reported import BESIDE, a_transaction_of, an_input
from tests.store.builders import NOON, a_forecast, a_prediction, detected

pytestmark = BESIDE
REVISIONS = 300


@pytest.mark.parametrize("name", ["a5_consolidation_1450_inputs", "a5_op_return_100k"])
async def test_a5_a_giant_is_stored_once_and_a_revision_is_a_few_hundred_bytes(
    name: str, tmp_path: Path
) -> None:
    whale = a_prediction(1, tx=a_transaction_of(name))
    empty = await _size(tmp_path / "empty", [])
    once = await _size(tmp_path / "once", [whale])
    revised = await _size(tmp_path / "revised", [_revised(whale, number) for number in range(REVISIONS)])

    print(f"{name}: {once - empty} bytes once, {(revised - once) / REVISIONS:.0f} a revision")
    a_revision = (revised - once) / REVISIONS
    assert revised - empty < 2_000_000
    assert a_revision < 1_024


async def _size(directory: Path, versions: list[Prediction]) -> int:
    opened = await open_database(directory, at=NOON)
    store = PredictionStore(opened)
    await store.append([detected(one) for one in versions[:1]], versions[:1])
    await store.append([], versions[1:])
    await opened.database.close()
    return (directory / DATABASE_FILE).stat().st_size


def _revised(whale: Prediction, number: int) -> Prediction:
    shifted = [
        replace(a_forecast(), made_at=NOON + timedelta(seconds=20 * n), predicted_block=Height(900_001 + n))
        for n in range(number + 1)
    ]
    return replace(
        whale,
        version=number + 1,
        updated_at=whale.updated_at + timedelta(seconds=20 * number),
        forecasts=tuple(shifted[-100:]) if number < 100 else (shifted[0], *shifted[-100:]),
    )


def test_c4_names_of_the_boxes_are_ones_own_network_and_public_ones_are_checked() -> None:
    modes = {}
    for url in an_input("c4_tls_names")["urls"]:
        context = ElectrumEndpoint.parse(url).context()
        assert context is not None
        modes[url.split("//")[1].split(":")[0]] = context.verify_mode

    public = {host for host, mode in modes.items() if mode is ssl.CERT_REQUIRED}
    assert public == {"node.tail0000.ts.net"}  # its certificates are public ones


def test_d1_five_payments_of_a_hundred_are_no_coinjoin() -> None:
    found = classify(a_transaction_of("d1_five_times_hundred"), Entities())

    assert Flag.COINJOIN not in found.flags
    assert found.counted > 100 * 100_000_000


@pytest.mark.parametrize("number", [0, 1])
async def test_g1_a_page_of_ours_is_let_in_whatever_port_the_proxy_drops(
    open_server: OpenServer, number: int
) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD)

    answer = await _said(composition.http, an_input("g1_host_without_port")["requests"][number])
    assert answer.status_code == 303


async def test_g1_a_foreign_page_stays_out(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD)

    answer = await _said(composition.http, an_input("g1_host_without_port")["foreign"])
    assert answer.status_code == 403


async def _said(http: httpx.AsyncClient, request: str) -> httpx.Response:
    """Ask with the method, path and headers of a raw request, and our own password."""
    head, _, _ = request.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    method, path, _ = first.split()
    headers = dict(line.split(": ", 1) for line in lines)
    del headers["Content-Length"]
    return await http.request(
        method, path, headers=headers, content=urlencode({"next": "/", "password": PASSWORD})
    )


async def test_g2_a_good_key_and_the_operator_are_not_shut_out_by_a_guesser_beside_them(
    open_server: OpenServer,
) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, SPOUT_TRUSTED_PROXIES="127.0.0.1")
    http, health = composition.http, "/api/v1/health"
    page = {"Origin": f"http://{composition.host}"}
    guesser, other = page | {"X-Forwarded-For": "192.0.2.10"}, page | {"X-Forwarded-For": "192.0.2.20"}
    for _ in range(90):
        await http.get(health, headers=guesser | {"X-API-Key": "revoked"})
    good = await http.get(health, headers=other | {"X-API-Key": "reader"})
    for _ in range(5):
        await http.post("/login", data={"next": "/", "password": "wrong"}, headers=guesser)
    operator = await http.post("/login", data={"next": "/", "password": PASSWORD}, headers=other)

    assert (good.status_code, operator.status_code) == (200, 303)

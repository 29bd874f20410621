"""The audit log names what a person knows, and never a secret."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.store import AuditLog, LabelStore, open_operator
from tests.api.conftest import ADMIN, Composition
from tests.notifiers.builders import TOKEN
from tests.notifiers.receivers import Receiver, receiving
from tests.notifiers.stage import Stage, staged, until_settled

URL, LABELS = "/api/v1/endpoints", "/api/v1/labels"
ADDRESS, SCRIPT = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "0014751e76e8199196d454941c45d1b3a323f1433bd6"


@pytest.fixture
async def stage(composition: Composition, tmp_path: Path) -> AsyncIterator[Stage]:
    opened = await open_operator(tmp_path, at=datetime(2026, 11, 22, tzinfo=UTC))
    file = opened.file
    async with staged(tmp_path / "alerts") as stage:
        composition.server.attach(
            composition.history,
            composition.keys,
            LabelStore(file),
            endpoints=stage.alerts,
            audit=AuditLog(file),
        )
        yield stage
    await file.close()


async def changes(composition: Composition) -> list[str]:
    """What was changed, oldest first."""
    found = (await composition.http.get("/api/v1/audit", headers=ADMIN)).json()["changes"]
    return [one["what"] for one in reversed(found)]


async def added(composition: Composition, receiver: Receiver, **more: Any) -> dict[str, Any]:
    hook = {"name": "phone", "kind": "webhook", "reach": "lan", "url": receiver.url("/a-long-path"), **more}
    made: dict[str, Any] = (await composition.http.post(URL, headers=ADMIN, json=hook)).json()
    return made


async def test_an_endpoint_has_its_name_from_its_first_day_to_its_last(
    composition: Composition, stage: Stage
) -> None:
    with receiving() as receiver:
        made = await added(composition, receiver)
        [event] = await stage.happen(1)
        await until_settled(stage, ["delivered"])
        delivery = f"dlv_{event.sequence}_{made['id'].removeprefix('ep_')}"
        await composition.http.post(f"/api/v1/deliveries/{delivery}/redeliver", headers=ADMIN)
        since = {"endpoint_id": made["id"], "since": "2020-01-01T00:00:00Z"}
        await until_settled(stage, ["delivered"])
        await composition.http.post("/api/v1/deliveries/redeliver", headers=ADMIN, json=since)
        await composition.http.patch(f"{URL}/{made['id']}", headers=ADMIN, json={"name": "my phone"})
        rotated = await composition.http.post(f"{URL}/{made['id']}/rotate-secret", headers=ADMIN, json={})
        await composition.http.delete(f"{URL}/{made['id']}", headers=ADMIN)

    said = await changes(composition)
    assert said == [
        "endpoint 'phone' added",
        f"fees.spiked to 'phone' sent again ({delivery})",
        "1 delivery of endpoint 'phone' sent again since 2020-01-01T00:00:00.000Z",
        "endpoint 'my phone' changed: name",
        "endpoint 'my phone' has a new secret",
        "endpoint 'my phone' removed",
    ]
    secrets = (made["secret"], rotated.json()["secret"], "a-long-path")
    assert [one for one in secrets if one in "\n".join(said)] == []


@pytest.mark.usefixtures("stage")
async def test_each_target_of_a_url_is_an_endpoint_of_its_own(composition: Composition) -> None:
    with receiving() as receiver:
        url = f"ntfy://user:{TOKEN}@127.0.0.1:{receiver.port}/one/two"
        await added(composition, receiver, name="phones", kind="apprise", url=url)

    assert await changes(composition) == ["endpoint 'phones' added", "endpoint 'phones 2' added"]


@pytest.mark.usefixtures("stage")
async def test_a_label_has_the_name_that_was_given_to_its_address(composition: Composition) -> None:
    one = {"address": ADDRESS, "entity": "Grandma", "private": True}
    await composition.http.post(LABELS, headers=ADMIN, json=one)
    await composition.http.delete(f"{LABELS}/{SCRIPT}", headers=ADMIN)

    assert await changes(composition) == [
        f"label 'Grandma' of {ADDRESS} set",
        f"label 'Grandma' of {SCRIPT} removed",
    ]

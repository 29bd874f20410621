"""Whatever an endpoint is taken with can be read again; a row that cannot takes no other one with it."""

import sqlite3
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from app.api.models import EndpointKind, EndpointSettings, NewEndpoint, read
from app.errors import RequestError
from app.store.operator.file import OPERATOR_FILE
from notifiers.intake import settings_of
from notifiers.policies import policy_of, watch_of
from tests.notifiers.stage import staged

AMOUNTS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["1e400", "9" * 400, "1e-14", "412.5", "21000000", "NaN", "-0", " 1 ", ""]),
)
MOMENTS = st.one_of(
    st.none(),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.sampled_from(["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-11-22", ""]),
)
TIMES = st.sampled_from(["00:00", "23:59", "22:00", "7:00", "24:00", "22:00\n", ""])


@given(
    rules=st.fixed_dictionaries({}, optional={"min_moved_btc": AMOUNTS}),
    net_flow=st.lists(
        st.fixed_dictionaries({"btc": AMOUNTS, "hours": st.sampled_from([1, 6, 24])}), max_size=2
    ),
    fee=AMOUNTS,
    quiet=st.none() | st.fixed_dictionaries({"from": TIMES, "to": TIMES}),
    muted=MOMENTS,
)
def test_what_an_endpoint_is_taken_with_can_be_read_again(
    rules: dict[str, Any], net_flow: list[dict[str, Any]], fee: Any, quiet: dict[str, Any] | None, muted: Any
) -> None:
    raw = {
        "name": "Phone",
        "kind": "webhook",
        "url": "http://10.0.0.2/",
        "rules": rules,
        "watch": {"net_flow": net_flow, "fee_under": fee},
        "quiet_hours": quiet,
        "muted_until": muted,
    }
    try:
        new = read(NewEndpoint, raw)
    except RequestError:
        return

    kept = settings_of(new)

    names = {field.alias or name for name, field in EndpointSettings.model_fields.items()}
    again = EndpointSettings.model_validate({name: one for name, one in kept.items() if name in names})
    assert again.rules == new.rules
    assert again.watch == new.watch
    policy_of(EndpointKind.WEBHOOK, kept, ZoneInfo("UTC"))
    watch_of(kept)


async def test_an_endpoint_whose_rules_cannot_be_read_is_disabled_and_says_so(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        good = await stage.add("http://10.0.0.2/", name="good")
        bad = await stage.add("http://10.0.0.3/", name="bad")
        with sqlite3.connect(tmp_path / OPERATOR_FILE) as file:
            broken = (
                '{"reach": "lan", "rules": {"min_moved_btc": "?"}, "watch": {"net_flow": [{"btc": null}]}}'
            )
            file.execute("UPDATE endpoints SET settings = ? WHERE id = ?", (broken, bad.id))
        file.close()

        found = {one.name: one for one in await stage.alerts.listed()}

    assert (found["good"].id, found["good"].enabled) == (good.id, True)
    assert not found["bad"].enabled
    assert found["bad"].state.disabled_because == (
        "its rules and watch cannot be read: set them anew, then enable it"
    )

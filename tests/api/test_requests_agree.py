"""What a request's schema takes its model takes, what it forbids the model refuses, field by field."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from app.api.labels import labels_of
from app.api.models import (
    Confirmation,
    DeliveryFilters,
    EndpointChange,
    EndpointPreview,
    NewEndpoint,
    NewKey,
    NewLabel,
    NewLabels,
    NewPassword,
    PredictionFilters,
    Redelivery,
    Request,
    SecretRotation,
    StreamMessage,
    Subscription,
    TokenRequest,
    read,
)
from app.api.problems import Problem
from app.api.settings_change import SettingsChange
from app.api.stream.filter import event_filter
from app.errors import RequestError

Body = dict[str, Any]
Path = tuple[str | int, ...]
URL = "http://a.example/"
LABEL: Body = {"address": "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "entity": "Cold"}
CHAT: Body = {"token": f"123456789:{'A' * 35}", "chat_id": "-42"}
MAIL: Body = {"host": "mail.example.org", "port": 587, "from": "a@example.org", "to": "b@example.org"}
WATCH: Body = {"report": {"every": "day", "at": "08:00"}, "net_flow": [{"btc": 5, "hours": 6}]}
RULES: Body = {
    "quiet_hours": {"from": "22:00", "to": "07:00"},
    "rules": {"entities": ["Binance"], "types": ["whale.detected"]},
    "watch": WATCH,
}
BODIES: list[tuple[type[Request], Body]] = [
    (NewEndpoint, {"name": "x", "kind": "webhook", "url": URL, **RULES}),
    (NewEndpoint, {"name": "x", "kind": "heartbeat", "url": URL, "every_minutes": 7}),
    (NewEndpoint, {"name": "x", "kind": "email", "email": MAIL}),
    (NewEndpoint, {"name": "x", "kind": "telegram", "telegram": CHAT}),
    (EndpointChange, {**RULES, "email": {"port": 25}, "telegram": {"chat_id": 42}}),
    (EndpointPreview, RULES),
    (SecretRotation, {}),
    (Redelivery, {"endpoint_id": "x", "since": "2026-11-22T12:00:00Z"}),
    (NewLabel, LABEL),
    (NewLabels, {"labels": [LABEL]}),
    (NewKey, {"name": "x", "scope": "read"}),
    (NewPassword, {"new": "long enough"}),
    (Confirmation, {"password": "x"}),
    (TokenRequest, {}),
    (SettingsChange, {"SPOUT_RETENTION_DAYS": 30, "SPOUT_WHALE_THRESHOLD_BTC": 100}),
    (Subscription, {"types": ["whale.detected"]}),
    (StreamMessage, {"subscribe": {"types": "whale.detected"}, "after": 1}),
]
TRIED: list[Any] = [
    *(None, True, False, -1, 0, 1, 1.5, 5.0, 10**9, 2**70, "", "x", "5", "true", "-1", "1e2"),
    *([], [5], ["x"], [None], ["test"], ["whale.detected"] * 51, {}, {"x": 1}),
]
MOMENTS = [
    *(
        "2026-11-22T12:00:00Z",
        "2026-11-22T12:00:00.5+01:00",
        "2026-11-22",
        "2026-11-22T12:00",
        "2026-11-22 12:00:00",
    ),
    *("2026-11-22T12:00:00,5Z", "2026-11-22T12:00:00+0100", "20261122T120000Z", "2026-W47-7", "2026-326"),
    *(
        "2026-11-22T12",
        "2026-11",
        "1700000000",
        "now",
        "\u0662\u0660\u0662\u0666-11-22",
        "2026-11-22T12:00:00Z\n",
    ),
]
OF_ITS_KIND = frozenset(("kind", "url", "email", "telegram", "every_minutes", "secret"))
"""What an endpoint has by its kind: of that no schema of single fields can tell."""
CREDENTIALS = frozenset(("token", "key"))
"""On the stream a credential of another kind is a wrong one (401), which is counted."""


FORMATS = FormatChecker()
_RFC_3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:]{8}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")


@FORMATS.checks("date-time")
def is_rfc_3339(raw: object) -> bool:
    """What the checker leaves alone without another library."""
    return not isinstance(raw, str) or _RFC_3339.fullmatch(raw) is not None


def taken(shape: type[Request], body: Body) -> bool:
    try:
        if shape in {NewLabel, NewLabels}:
            labels_of(body, "2026-11-22")
        elif shape is Subscription:
            event_filter(body)
        else:
            read(shape, body)
        if shape is StreamMessage and "subscribe" in body:
            event_filter(body["subscribe"])
    except (Problem, RequestError):
        return False
    return True


def changes(shape: type[Request], body: Body) -> Iterator[tuple[Path, Any, Body]]:
    """The body with each of its fields, and each that it could have, set to each value that is tried."""
    document = shape.model_json_schema()
    for path, words in places(document, document, body):
        for value in [*TRIED, *words]:
            changed = copy.deepcopy(body)
            inside: Any = changed
            for step in path[:-1]:
                inside = inside[step]
            inside[path[-1]] = value
            yield path, value, changed


def places(schema: Body, document: Body, body: Any) -> Iterator[tuple[Path, list[Any]]]:
    """Where a value may stand, with the words that may stand there."""
    for part in kinds(schema, document):
        for name, inner in part.get("properties", {}).items():
            yield (name,), [word for one in kinds(inner, document) for word in one.get("enum", ())]
            if isinstance(body, dict) and name in body:
                yield from (((name, *path), words) for path, words in places(inner, document, body[name]))
        if "items" in part and isinstance(body, list) and body:
            words = [word for one in kinds(part["items"], document) for word in one.get("enum", ())]
            yield (0,), words
            yield from (((0, *path), words) for path, words in places(part["items"], document, body[0]))


def kinds(schema: Body, document: Body) -> Iterator[Body]:
    if "$ref" in schema:
        schema = document["$defs"][schema["$ref"].rpartition("/")[2]]
    yield schema
    for one in schema.get("anyOf", ()):
        yield from kinds(one, document)


def validator(shape: type[Request]) -> Draft202012Validator:
    return Draft202012Validator(shape.model_json_schema(), format_checker=FORMATS)


@pytest.mark.parametrize(("shape", "body"), BODIES)
def test_a_whole_body_is_taken_by_schema_and_model(shape: type[Request], body: Body) -> None:
    assert (validator(shape).is_valid(body), taken(shape, body)) == (True, True)


@pytest.mark.parametrize(("shape", "body"), BODIES)
def test_what_a_schema_forbids_its_model_refuses(shape: type[Request], body: Body) -> None:
    check = validator(shape)

    let_in = [
        (path, value)
        for path, value, changed in changes(shape, body)
        if not (shape is StreamMessage and path[0] in CREDENTIALS)
        and not check.is_valid(changed)
        and taken(shape, changed)
    ]
    assert let_in == []


@pytest.mark.parametrize(("shape", "body"), BODIES)
def test_what_a_schema_takes_its_model_takes_but_for_the_writing_of_texts(
    shape: type[Request], body: Body
) -> None:
    check = validator(shape)

    refused = [
        (path, value)
        for path, value, changed in changes(shape, body)
        if not (isinstance(value, str) or OF_ITS_KIND & {path[0]})
        and check.is_valid(changed)
        and not taken(shape, changed)
    ]
    assert refused == []


@pytest.mark.parametrize("given", MOMENTS)
@pytest.mark.parametrize(
    ("shape", "body", "name"),
    [
        (Redelivery, {"endpoint_id": "x"}, "since"),
        (EndpointChange, {}, "muted_until"),
        (PredictionFilters, {}, "as_of"),
        (DeliveryFilters, {}, "since"),
    ],
)
def test_a_moment_is_taken_where_its_schema_takes_it(
    shape: type[Request], body: Body, name: str, given: str
) -> None:
    whole = {**body, name: given}

    assert taken(shape, whole) == validator(shape).is_valid(whole)


@pytest.mark.parametrize("given", ["", "  ", "\u202eBinance", "a\0b"])
def test_a_name_that_no_label_can_have_is_neither_watched_nor_a_rule(given: str) -> None:
    watched = {"net_flow": [{"entity": given, "btc": 5, "hours": 6}]}

    assert not taken(EndpointPreview, {"watch": watched})
    assert not taken(EndpointPreview, {"rules": {"entities": [given]}})


def test_a_name_is_kept_without_the_blanks_around_it() -> None:
    assert read(EndpointPreview, {"rules": {"entities": [" Binance "]}}).rules.entities == ["Binance"]


def test_a_name_of_ours_is_none_of_theirs() -> None:
    assert not taken(NewEndpoint, {"name": "x", "kind": "email", "email": {**MAIL, "from_": MAIL["from"]}})
    assert not taken(EndpointPreview, {"quiet_hours": {"from_": "22:00", "to": "07:00"}})

"""What a service answers is told as it is, and at once, however long it wants to be left alone."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.api.models import Reach
from notifiers.model import AttemptOutcome
from tests.notifiers.authority import make_authority
from tests.notifiers.builders import a_dialler, an_apprise, sent
from tests.notifiers.receivers import Got, Receiver, Say, Socks, receiving
from tests.notifiers.test_services import AT_HOME, FAR_AWAY, HOSTS, politely

LONG = Say(
    429,
    json.dumps({"errcode": "M_LIMIT_EXCEEDED", "error": "slow", "retry_after_ms": 40_000}).encode(),
    {"Retry-After": "40", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"},
)
BROKEN = Say(500, b'{"errcode": "M_UNKNOWN", "error": "broken"}', {"Retry-After": "3600"})
Tried = tuple[AttemptOutcome, int, float]


def refusing(say: Say) -> Callable[[Got], Say]:
    """All is well until the message itself comes."""
    return lambda got: say if _is_message(got) else politely(got)


def at_home(schema: str, answer: Callable[[Got], Say]) -> Tried:
    with receiving(answer) as receiver:
        began = time.monotonic()
        outcome = sent(an_apprise(AT_HOME[schema].format(port=receiver.port)))
        return outcome, _messages(receiver), time.monotonic() - began


def far_away(schema: str, answer: Callable[[Got], Say], room: Path) -> Tried:
    root, tls = make_authority(room, *HOSTS)
    with receiving(answer, tls) as receiver:
        socks = Socks(receiver.port)
        began = time.monotonic()
        dialler = a_dialler(*HOSTS, proxy=socks.port, ca_file=root)
        outcome = sent(an_apprise(FAR_AWAY[schema], Reach.ONION), dialler)
        socks.close()
        return outcome, _messages(receiver), time.monotonic() - began


@pytest.mark.parametrize("schema", [*AT_HOME, *FAR_AWAY])
def test_a_service_that_wants_to_be_left_alone_is_asked_once_and_not_waited_for(
    tmp_path: Path, schema: str
) -> None:
    answer = refusing(LONG)
    outcome, messages, seconds = (
        at_home(schema, answer) if schema in AT_HOME else far_away(schema, answer, tmp_path)
    )

    assert (outcome.delivered, outcome.status_code, outcome.retry_after_s, messages) == (False, 429, 40, 1)
    assert (outcome.error, seconds < 10) == ("answered 429", True)


@pytest.mark.parametrize("schema", [*AT_HOME, *FAR_AWAY])
def test_a_service_that_is_broken_says_so_at_once(tmp_path: Path, schema: str) -> None:
    answer = refusing(BROKEN)
    outcome, messages, seconds = (
        at_home(schema, answer) if schema in AT_HOME else far_away(schema, answer, tmp_path)
    )

    assert (outcome.delivered, outcome.status_code, outcome.permanent, messages) == (False, 500, False, 1)
    assert seconds < 10


def test_a_login_that_is_to_wait_ends_the_attempt_too() -> None:
    outcome, messages, seconds = at_home("matrix", lambda _got: LONG)

    assert (outcome.status_code, outcome.retry_after_s, messages, seconds < 10) == (429, 40, 0, True)


@pytest.mark.parametrize(
    ("message", "goodbye", "delivered", "status"),
    [(200, 429, True, 200), (200, 500, True, 200), (500, 200, False, 500), (429, 200, False, 429)],
)
def test_what_is_answered_to_a_goodbye_changes_no_outcome(
    message: int, goodbye: int, *, delivered: bool, status: int
) -> None:
    def answer(got: Got) -> Say:
        if "/logout" in got.path:
            return Say(goodbye, b"{}")
        return politely(got) if message == 200 or not _is_message(got) else Say(message, b"{}")

    outcome, _, _ = at_home("matrix", answer)

    assert (outcome.delivered, outcome.status_code) == (delivered, status)


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (b'{"retry_after_ms": 3600000}', 3_600),
        (b'{"retry_after": 64.5}', 64.5),
        (b'{"retry_after": 1e400}', 7),
        (b'{"retry_after": NaN}', 7),
        (b'{"retry_after": -1}', 7),
        (b'{"retry_after": "soon"}', 7),
        (b"[]", 7),
        (b"slow down", 7),
        (b'{"retry_after_ms": ' + b"9" * 400 + b"}", 86_400),
    ],
)
def test_how_long_a_service_wants_to_be_left_alone_is_read_from_its_answer(
    body: bytes, seconds: float
) -> None:
    outcome, _, _ = at_home("gotify", lambda _got: Say(429, body, {"Retry-After": "7"}))

    assert outcome.retry_after_s == seconds


def _messages(receiver: Receiver) -> int:
    return sum(map(_is_message, receiver.got))


def _is_message(got: Got) -> bool:
    return b"100 BTC" in got.body.replace(b"+", b" ")  # as a form some say it with a plus

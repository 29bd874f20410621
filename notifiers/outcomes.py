"""What an attempt came to: read from what was answered beneath the plugin, which says only yes or no."""

import json
import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

from app.api.models import EndpointKind
from app.core.alerts import TEMPORARY_4XX
from notifiers.dial import Answered, Dial
from notifiers.model import AttemptOutcome, Target

_LARGEST_ID: Final = 2**63 - 1
"""Of a message or a chat: a larger number can neither be kept nor be one of Telegram's."""
LONGEST_WAIT_SECONDS: Final = 24 * 3600.0
"""Nobody is obeyed who wants to be left alone for longer."""


def outcome_of(target: Target, call: Dial, *, accepted: bool, error: str | None, ms: float) -> AttemptOutcome:
    """`accepted`: what the plugin says; `error`: what it fell with, redacted here like everything else."""
    redactor = target.redactor()
    last = call.answers[-1] if call.answers else None
    hosts = tuple(dict.fromkeys(call.hosts))
    # HTTP: only 2xx of the last answer succeeds, whatever the plugin thinks of it; no redirect is followed.
    good = last is None or 200 <= last.status < 300 or (accepted and _is_unchanged(target, last))
    if accepted and call.error is None and good:
        return AttemptOutcome(
            delivered=True,
            ms=ms,
            status_code=last.status if last else None,
            message_id=_message_id(target, last),
            hosts=hosts,
        )
    words = str(call.error) if call.error is not None else error or _words(call, last)
    smtp = call.smtp_answer[0] if call.smtp_answer else None
    status = last.status if last else None
    from_http = status is not None and 400 <= status < 500 and status not in TEMPORARY_4XX
    parameters = _parameters(target, last) if last else {}
    migrated = _an_id(parameters.get("migrate_to_chat_id"))
    return AttemptOutcome(
        delivered=False,
        ms=ms,
        status_code=status,
        error=redactor.kept(words),
        answer=redactor.answer(last.body) if last else None,
        retry_after_s=_retry_after(last, parameters) if last else None,
        permanent=call.error is None and (from_http or (smtp is not None and 500 <= smtp < 600)),
        gone=status == HTTPStatus.GONE and call.error is None,
        migrated_to=None if migrated is None else str(migrated),
        hosts=hosts,
    )


def _is_unchanged(target: Target, last: Answered) -> bool:
    """Telegram refuses an edit that changes nothing: the message says so already."""
    return target.kind is EndpointKind.TELEGRAM and b"message is not modified" in last.body


def _message_id(target: Target, last: Answered | None) -> int | None:
    """Of the message that Telegram has made or edited."""
    if target.kind is not EndpointKind.TELEGRAM or last is None:
        return None
    try:
        result = json.loads(last.body)["result"]["message_id"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return _an_id(result)


def _an_id(reported: object) -> int | None:
    if not isinstance(reported, int) or isinstance(reported, bool):
        return None
    return reported if abs(reported) <= _LARGEST_ID else None


def _words(call: Dial, last: Answered | None) -> str:
    if last is not None:
        if 300 <= last.status < 400:
            return f"answered {last.status}, a redirect: none is followed, give the address it leads to"
        taken = ", but did not take it" if 200 <= last.status < 300 else ""
        return f"answered {last.status}{taken}"
    if call.smtp_answer is not None:
        code, words = call.smtp_answer
        return f"the mail server answered {code} {words}"
    return "the service did not take it"


def _parameters(target: Target, last: Answered) -> dict[str, Any]:
    """What Telegram adds to a refusal; for Apprise's services all of it, which few of them need."""
    if target.kind not in (EndpointKind.TELEGRAM, EndpointKind.APPRISE):
        return {}
    try:
        reported = json.loads(last.body)
    except (ValueError, RecursionError):
        return {}
    if target.kind is EndpointKind.TELEGRAM:
        reported = reported.get("parameters") if isinstance(reported, dict) else None
    return reported if isinstance(reported, dict) else {}


def _retry_after(last: Answered, parameters: dict[str, Any]) -> float | None:
    """Seconds that the receiver wants to be left alone; only with 429 and 503.

    Telegram and Discord say it as `retry_after` in seconds, Matrix as `retry_after_ms`, others in the header.
    """
    if last.status not in (429, 503):
        return None
    for name, unit in (("retry_after", 1.0), ("retry_after_ms", 0.001)):
        reported = parameters.get(name)
        if isinstance(reported, int | float) and 0 <= reported < math.inf:
            return min(float(min(reported, 1e9)) * unit, LONGEST_WAIT_SECONDS)
    if last.retry_after is None:
        return None
    try:
        seconds = float(last.retry_after)
    except ValueError:
        seconds = _until(last.retry_after, last.date)
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS) if math.isfinite(seconds) else None


def _until(moment: str, said: str | None) -> float:
    """Seconds from when it was said, by the same clock: ours may be wrong by hours."""
    try:
        return (_moment(moment) - (_moment(said) if said else datetime.now(UTC))).total_seconds()
    except ValueError:
        return float("nan")


def _moment(date: str) -> datetime:
    """Each of HTTP's three forms; the oldest names no zone, and means GMT."""
    moment = parsedate_to_datetime(date)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

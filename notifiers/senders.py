"""One attempt: an endpoint and a message in, an outcome out. Runs in a sending thread.

Every endpoint is one plugin of Apprise with one target. Apprise says only yes or no; what was really answered
is noted beneath it, by the `Dial` that its connections go through.
"""

import html
import importlib
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import quote

from app.api.models import EndpointKind, Security, bot_token, chat_id, http_host, mail_parts
from app.errors import EndpointError, SpoutError
from notifiers import signing
from notifiers.dial import Dial, current_call
from notifiers.dialler import Dialler
from notifiers.directory import new_id
from notifiers.model import AttemptOutcome, EmailTarget, Message, Target, TelegramTarget
from notifiers.outcomes import outcome_of
from notifiers.services import build, load, named_hosts, plugin_of, service_of
from notifiers.services import split as split_url

T = TypeVar("T")
_PLACE_HOLDER: Final = "spout@spout.invalid"
_SMTP_MODES: Final = {Security.STARTTLS: "starttls", Security.TLS: "ssl", Security.NONE: "insecure"}


def check(target: Target, dialler: Dialler) -> None:
    """Refuse what could never be sent to; nothing is sent and nothing is resolved.

    Raises:
        EndpointError, TargetRefusedError: in words for whoever saves the endpoint.
    """
    if target.kind in (EndpointKind.WEBHOOK, EndpointKind.HEARTBEAT):
        dialler.check(_http_host(target.url), target.reach)
    elif target.kind is EndpointKind.EMAIL:
        if target.email is None:
            raise EndpointError("an endpoint of kind email needs email: {host, port, security, from, to}")
        _check_email(target.email)
        dialler.check(target.email.host, target.reach)
    elif target.kind is EndpointKind.TELEGRAM:
        _check_telegram(target.telegram)
        dialler.check(_http_host(_api_url(target)), target.reach)
    else:
        plugin_of(target.url or "")
        for host in named_hosts(target.url or ""):
            dialler.check(host, target.reach)


def split(target: Target) -> list[Target]:
    """Return one for each target that its Apprise URL names; of other kinds there is one.

    Raises:
        EndpointError: if the URL is not taken.
    """
    if target.kind is not EndpointKind.APPRISE or not target.url:
        return [target]
    urls = split_url(target.url)
    if len(urls) == 1:
        return [target]
    names = [target.name, *(f"{target.name} {number}" for number in range(2, len(urls) + 1))]
    return [
        replace(target, id=target.id if not place else new_id(), name=name, url=url)
        for place, (name, url) in enumerate(zip(names, urls, strict=True))
    ]


def prepare(target: Target) -> None:
    """Import the plugin that sends to it."""
    if target.kind in (EndpointKind.WEBHOOK, EndpointKind.HEARTBEAT):
        importlib.import_module("notifiers.webhook")
    elif target.kind is EndpointKind.TELEGRAM:
        importlib.import_module("notifiers.telegram")
    elif target.kind is EndpointKind.EMAIL:
        load("email", "NotifyEmail")
    else:
        service = service_of(target.url or "")
        load(service.module, service.class_name)


def send(
    target: Target,
    message: Message,
    dialler: Dialler,
    at: datetime,
    started: Callable[[Dial], None],
) -> AttemptOutcome:
    """Try once; whatever comes of it is in the outcome. Blocks, at most for the attempt's time.

    `started` gets the call before anything is dialled, so that its end can be kept.
    """
    began = time.monotonic()
    with dialler.call(target.reach) as call:
        started(call)
        accepted, error = False, None
        try:
            accepted = _SENDERS[target.kind](target, message, at)
        except SpoutError as refused:
            error = str(refused)
        except Exception as fallen:  # noqa: BLE001 - others' code, fed with strangers' answers
            error = f"the service's plugin fell: {type(fallen).__name__}"
        ms = (time.monotonic() - began) * 1000
        return outcome_of(target, call, accepted=accepted, error=error, ms=ms)


def _webhook(target: Target, message: Message, at: datetime) -> bool:
    from notifiers.webhook import NotifySpout  # noqa: PLC0415 - imports Apprise

    if len(message.body) >= signing.LARGEST_BODY:
        raise EndpointError(f"the event is too large for a webhook: {len(message.body)} bytes")
    plugin = build(NotifySpout, url=target.url, host=_http_host(target.url))
    headers = signing.headers(message.id, at, message.body, target.signing)
    return bool(plugin.deliver(message.body, headers))


def _heartbeat(target: Target, message: Message, at: datetime) -> bool:  # noqa: ARG001 - a sender's shape
    from notifiers.webhook import NotifySpout  # noqa: PLC0415 - imports Apprise

    return bool(build(NotifySpout, url=target.url, host=_http_host(target.url)).ping())


def _email(target: Target, message: Message, at: datetime) -> bool:  # noqa: ARG001
    email = target.email
    if email is None:
        raise EndpointError("this endpoint has no mail server")
    sender, to = _check_email(email)
    plugin = build(
        load("email", "NotifyEmail"),
        schema="mailto" if email.security is Security.NONE else "mailtos",
        smtp_host=email.host,
        host=_PLACE_HOLDER.rpartition("@")[2],
        port=email.port,
        secure_mode=_SMTP_MODES[email.security],
        user=quote(email.username, safe="") if email.username else None,
        password=quote(email.password, safe="") if email.password else None,
        from_addr=_PLACE_HOLDER,
        targets=[_PLACE_HOLDER],
        format="html" if message.html else "text",
    )
    # It would refuse hosts without a dot and addresses, and read a list of several: ours are read already.
    plugin.from_addr, plugin.targets = sender, [to]
    body = message.html.replace("\n", "<br>\n") if message.html else message.text
    return bool(plugin.notify(title=message.title, body=body))


def _telegram(target: Target, message: Message, at: datetime) -> bool:  # noqa: ARG001
    from notifiers.telegram import NotifySpoutTelegram  # noqa: PLC0415 - imports Apprise

    telegram = _check_telegram(target.telegram)
    plugin = build(
        NotifySpoutTelegram, bot_token=telegram.token, targets=[telegram.chat_id], detect_owner=False
    )
    plugin.notify_url = _api_url(target) + "/bot"
    marked = message.html or f"<b>{html.escape(message.title)}</b>\n{html.escape(message.text)}"
    # A text of the operator's own stands without the title, and everything in it is escaped.
    plain = f"{message.title}\n{message.text}" if marked.startswith("<b>") else message.text
    plugin.silent = message.silent
    return bool(plugin.deliver(telegram.chat_id, marked, plain, message.edits))


def _apprise(target: Target, message: Message, at: datetime) -> bool:  # noqa: ARG001
    url, call = target.url or "", current_call()
    plugin = plugin_of(url)
    call.only = frozenset(host.strip("[]").rstrip(".").lower() for host in named_hosts(url))
    try:
        return bool(plugin.notify(title=message.title, body=message.text))
    finally:
        call.settle()  # some say goodbye when they are dropped: Matrix's logs out


_SENDERS: Final[dict[EndpointKind, Callable[[Target, Message, datetime], bool]]] = {
    EndpointKind.WEBHOOK: _webhook,
    EndpointKind.EMAIL: _email,
    EndpointKind.TELEGRAM: _telegram,
    EndpointKind.APPRISE: _apprise,
    EndpointKind.HEARTBEAT: _heartbeat,
}


def _http_host(url: str | None) -> str:
    """Return the host of an http(s) URL that can be called.

    Raises:
        EndpointError: if it is none.
    """
    return _as_written("url", http_host, url or "")


def _api_url(target: Target) -> str:
    own = target.telegram.api_url if target.telegram else None
    return (own or "https://api.telegram.org").rstrip("/")


def _check_telegram(telegram: TelegramTarget | None) -> TelegramTarget:
    if telegram is None:
        raise EndpointError("an endpoint of kind telegram needs telegram: {token, chat_id}")
    _as_written("telegram.token", bot_token, telegram.token)
    _as_written("telegram.chat_id", chat_id, telegram.chat_id)
    return telegram


def _check_email(email: EmailTarget) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the names and addresses of who sends and who gets it."""
    if bool(email.username) != bool(email.password):
        raise EndpointError("email.username and email.password come together, or neither")
    return (
        _as_written("email.from", mail_parts, email.sender),
        _as_written("email.to", mail_parts, email.to),
    )


def _as_written(name: str, read: Callable[[str], T], given: str) -> T:
    try:
        return read(given)
    except ValueError as error:
        raise EndpointError(f"{name} {error}") from error

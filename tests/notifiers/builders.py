"""Targets, messages and diallers for tests; whatever is on the loopback may be called."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.api.models import EndpointKind, Reach, Security
from notifiers.dial import Dial
from notifiers.dialler import Dialler
from notifiers.model import AttemptOutcome, EmailTarget, Message, Target, TelegramTarget
from notifiers.proxy import Proxy
from notifiers.senders import send
from notifiers.signing import SigningSecret
from notifiers.targets import Allowed, TargetPolicy

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes, ok").decode()
TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


def a_dialler(*allowed: str, proxy: int | None = None, ca_file: Path | None = None, **more: Any) -> Dialler:
    policy = TargetPolicy(
        allowed=Allowed.parse(allowed or ("127.0.0.0/8", "localhost")), proxied=proxy is not None
    )
    way = Proxy("127.0.0.1", proxy) if proxy is not None else None
    return Dialler(policy, proxy=way, ca_file=ca_file, **more)


def a_message(body: bytes = b'{"type": "test"} \n', title: str = "Whale", text: str = "100 BTC") -> Message:
    return Message(id="evt_1", body=body, title=title, text=text)


def a_webhook(url: str, *secrets: SigningSecret, reach: Reach = Reach.LAN) -> Target:
    return Target(
        id="ep_1",
        name="hook",
        kind=EndpointKind.WEBHOOK,
        reach=reach,
        url=url,
        signing=secrets or (SigningSecret(SECRET),),
    )


def an_apprise(url: str, reach: Reach = Reach.LAN) -> Target:
    return Target(id="ep_1", name="service", kind=EndpointKind.APPRISE, reach=reach, url=url)


def a_mailbox(port: int, security: Security, **more: Any) -> Target:
    email = EmailTarget(
        host=more.pop("host", "127.0.0.1"),
        port=port,
        security=security,
        sender=more.pop("sender", "spout@example.org"),
        to=more.pop("to", "me@example.org"),
        **more,
    )
    return Target(id="ep_1", name="mail", kind=EndpointKind.EMAIL, reach=Reach.LAN, email=email)


def a_chat(port: int, chat_id: str = "42") -> Target:
    telegram = TelegramTarget(token=TOKEN, chat_id=chat_id, api_url=f"http://127.0.0.1:{port}")
    return Target(id="ep_1", name="chat", kind=EndpointKind.TELEGRAM, reach=Reach.LAN, telegram=telegram)


def sent(
    target: Target,
    dialler: Dialler | None = None,
    message: Message | None = None,
    at: datetime = NOON,
    started: Callable[[Dial], None] = lambda _call: None,
) -> AttemptOutcome:
    return send(target, message or a_message(), dialler or a_dialler(), at, started)

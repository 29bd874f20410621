"""Names that would do harm, on their way through store and dispatcher to a real webhook, bot and mailbox."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from app.core.classification import Party
from app.core.events import EventType, Happening
from tests.core.alerts.test_wording import HOSTILE, Tags
from tests.fakes import FakeClock
from tests.notifiers.builders import TOKEN
from tests.notifiers.lives import append, one_of
from tests.notifiers.receivers import Say, receiving
from tests.notifiers.stage import Stage, staged
from tests.notifiers.test_mail_html import part
from tests.notifiers.test_senders import Box, Serve, box, serve

__all__ = ["box", "serve"]
MAIL = {"host": "127.0.0.1", "security": "none", "from": "a@b.example", "to": "c@d.example"}
IN_MAIL = {"html", "body", "div", "pre", "p", "br", "b", "a"}
GOOD_BOT = b'{"ok": true, "result": {"message_id": 7}}'
TEMPLATE = "$title\n$receivers\n$evidence"


def named(stage: Stage, number: int, name: str) -> Happening:
    """A whale to somebody of that name."""
    happening = one_of(stage, number, EventType.DETECTED)
    assert happening.prediction is not None
    seen = replace(
        happening.prediction.classification,
        to_entities=(Party(name=name, kind="other", basis="attributed", group=name),),
        evidence=(f"output 0 pays {name}",),
    )
    return replace(happening, prediction=replace(happening.prediction, classification=seen))


@pytest.mark.timeout(60)
async def test_no_name_does_harm_in_a_webhook_a_chat_or_a_mail(
    tmp_path: Path, serve: Serve, box: Box
) -> None:
    mail = {**MAIL, "port": serve().port}
    clock = FakeClock()
    with receiving() as hook, receiving(lambda _got: Say(body=GOOD_BOT)) as bot:
        chat = {"token": TOKEN, "chat_id": "42", "api_url": f"http://127.0.0.1:{bot.port}"}
        async with staged(tmp_path, clock=clock) as stage:
            await stage.add(hook.url(), name="hook")
            await stage.add(None, name="chat", kind="telegram", telegram=chat)
            await stage.add(None, name="own text", kind="telegram", telegram=chat, template=TEMPLATE)
            await stage.add(None, name="mail", kind="email", email=mail)
            await append(stage, [named(stage, n, name) for n, name in enumerate(HOSTILE, 1)])
            while (len(hook.got), len(bot.got), len(box.mails)) != (20, 40, 20):
                await clock.advance(1)  # a chat is sent one message a second
                await asyncio.sleep(0.01)

    bodies = [json.loads(got.body) for got in hook.got]
    assert [one["data"]["to_entities"][0]["name"] for one in bodies] == HOSTILE
    assert _marks([json.loads(got.body)["text"] for got in bot.got]) <= {"b", "a"}
    assert _marks([part(one, "text/html") for one in box.mails]) <= IN_MAIL
    subjects = [str(make_header(decode_header(one["Subject"]))) for one in box.mails]
    assert not any("\n" in subject or "\r" in subject for subject in subjects)
    assert {one["To"] for one in box.mails} == {"c@d.example"}
    assert not any(one["Bcc"] for one in box.mails)


def _marks(texts: Sequence[str]) -> set[str]:
    return {tag for text in texts for tag in Tags(text).found}

"""What users of neighbouring tools reported, as small inputs: each answered as it should have been."""

import json
from typing import Any

from tests.hostile.reported import BESIDE, INPUTS
from tests.notifiers.builders import a_chat, a_message, sent
from tests.notifiers.receivers import Say, receiving

pytestmark = BESIDE


def _input(name: str) -> dict[str, Any]:
    reported: dict[str, Any] = json.loads((INPUTS / name).read_text("utf-8"))
    return reported


def test_h1_no_text_is_lost_to_refused_markup() -> None:
    reported = _input("h1_telegram_markup.json")
    with receiving(lambda _got: Say(body=b'{"ok": true, "result": {"message_id": 1}}')) as bot:
        for text in reported["texts"]:
            bot.script.append(Say(400, json.dumps(reported["answer"]).encode()))
            assert sent(a_chat(bot.port), message=a_message(text=text)).delivered

        plain = [json.loads(got.body) for got in bot.got][1::2]
    assert [one["text"].splitlines()[-1] for one in plain] == reported["texts"]
    assert not any("parse_mode" in one for one in plain)


def test_h2_what_telegram_asks_for_is_read() -> None:
    refused = _input("h2_telegram_429.json")["answers"][0]
    with receiving(lambda _got: Say(refused["http"], json.dumps(refused["body"]).encode())) as bot:
        assert sent(a_chat(bot.port)).retry_after_s == 31


def test_h3_the_new_chat_is_read() -> None:
    refused = _input("h3_telegram_supergroup.json")["answer"]
    with receiving(lambda _got: Say(refused["http"], json.dumps(refused["body"]).encode())) as bot:
        assert sent(a_chat(bot.port, "-42")).migrated_to == "-1000000000001"

"""Each kind of endpoint against a real far side, and what is learnt from its answer."""

import html
import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from standardwebhooks import Webhook

from app.api.models import Security
from app.errors import EndpointError
from notifiers.model import AttemptOutcome
from notifiers.senders import check
from tests.notifiers.authority import make_authority
from tests.notifiers.builders import (
    SECRET,
    TOKEN,
    a_chat,
    a_dialler,
    a_mailbox,
    a_message,
    a_webhook,
    sent,
)
from tests.notifiers.receivers import Receiver, Say, receiving

SHARED = Path(__file__).parents[3] / "shared/reports/inputs"


def test_a_webhook_is_sent_byte_for_byte_as_it_was_signed() -> None:
    body = b'{"type": "test"}  \n\n'
    with receiving() as receiver:
        sent(a_webhook(receiver.url()), message=a_message(body), at=datetime.now(UTC))

        [got] = receiver.got
    assert (got.body, Webhook(SECRET).verify(got.body, got.headers)) == (body, {"type": "test"})


@pytest.mark.parametrize(
    ("status", "delivered", "permanent", "gone"),
    [
        (200, True, False, False),
        (204, True, False, False),
        (301, False, False, False),
        (400, False, True, False),
        (404, False, True, False),
        (408, False, False, False),
        (410, False, False, True),
        (425, False, False, False),
        (429, False, False, False),
        (500, False, False, False),
    ],
)
def test_only_2xx_succeeds(status: int, *, delivered: bool, permanent: bool, gone: bool) -> None:
    with receiving(lambda _got: Say(status, b"")) as receiver:
        outcome = sent(a_webhook(receiver.url()))

    assert (outcome.delivered, outcome.permanent, outcome.gone) == (delivered, permanent, gone)


@pytest.mark.parametrize(
    ("status", "reported", "seconds"),
    [
        (429, "7", 7),
        (503, "120", 120),
        (500, "9", None),
        (429, "soon", None),
        (503, "-4", 0),
        (503, "9999999", 86_400),
    ],
)
def test_retry_after_counts_with_429_and_503(status: int, reported: str, seconds: float | None) -> None:
    with receiving(lambda _got: Say(status, headers={"Retry-After": reported})) as receiver:
        outcome = sent(a_webhook(receiver.url()))

    assert outcome.retry_after_s == seconds


@pytest.mark.parametrize("moment", ["Sun, 01 Jan 2034 10:00:30 GMT", "Sun Jan  1 10:00:30 2034"])
def test_a_moment_to_be_called_again_counts_by_the_receivers_own_clock(moment: str) -> None:
    head = f"HTTP/1.1 503 X\r\nDate: Sun, 01 Jan 2034 10:00:00 GMT\r\nRetry-After: {moment}\r\n\r\n"
    with receiving(lambda _got: Say(before=[head.encode()])) as receiver:
        outcome = sent(a_webhook(receiver.url()))

    assert outcome.retry_after_s == 30


def test_a_failures_answer_is_kept_short_and_without_controls_and_secrets() -> None:
    with receiving(lambda _got: Say(500, f"\x1b[31m bad {SECRET}\r\n".encode() + b"x" * 9_999)) as receiver:
        outcome = sent(a_webhook(receiver.url()))

    answer = outcome.answer or ""
    assert (len(answer), "\x1b" in answer, SECRET[6:] in answer) == (512, False, False)


def test_a_body_that_is_too_large_is_not_sent() -> None:
    with receiving() as receiver:
        outcome = sent(a_webhook(receiver.url()), message=a_message(b"x" * 20_480))

    assert (outcome.delivered, receiver.got) == (False, [])


class Box:
    """Keeps what a real SMTP server took."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.recipients: list[str] = []

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(message_from_bytes(envelope.content))
        self.recipients += envelope.rcpt_tos
        return "250 taken"


Serve = Callable[..., Controller]


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def serve(box: Box) -> Iterator[Serve]:
    running: list[Controller] = []

    def begin(*, implicit: ssl.SSLContext | None = None, **options: Any) -> Controller:
        controller = _Free(box, hostname="127.0.0.1", port=0, ssl_context=implicit, **options)
        controller.start()
        running.append(controller)
        return controller

    yield begin
    for controller in running:
        controller.stop()


class _Free(Controller):
    """On a free port: the base would try to reach port 0 to see whether it is up."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def _knows(_server: Any, _session: Any, _envelope: Any, _mechanism: str, reported: Any) -> AuthResult:
    good = isinstance(reported, LoginPassword) and (reported.login, reported.password) == (
        b"me",
        b"p%20 w\xc3\xb6rd/",
    )
    return AuthResult(success=good, handled=False)


@pytest.mark.parametrize("kind", ["none", "starttls", "tls", "starttls+login", "none+login"])
def test_mail_arrives_however_its_server_wants_it(tmp_path: Path, serve: Serve, box: Box, kind: str) -> None:
    root, tls = make_authority(tmp_path, "127.0.0.1")
    security, _, login = kind.partition("+")
    options: dict[str, Any] = {}
    if security == "starttls":
        options = {"tls_context": tls, "require_starttls": True}
    if login:
        options |= {"authenticator": _knows, "auth_required": True, "auth_require_tls": security != "none"}
    server = serve(implicit=tls if security == "tls" else None, **options)
    user = {"username": "me", "password": "p%20 wörd/"} if login else {}

    outcome = sent(
        a_mailbox(server.port, Security(security), **user),
        a_dialler(ca_file=root),
        a_message(title="🐋 1 234,5 BTC → Börse", text="Zeile\nzwei"),
    )

    assert (outcome.delivered, outcome.error) == (True, None)
    [mail] = box.mails
    assert str(make_header(decode_header(mail["Subject"]))) == "🐋 1 234,5 BTC → Börse"
    assert mail["Subject"].isascii()
    assert (mail["To"], "Zeile" in mail.get_payload(decode=True).decode()) == ("me@example.org", True)


def test_a_wrong_choice_of_security_is_told_in_one_line(tmp_path: Path, serve: Serve) -> None:
    root, tls = make_authority(tmp_path, "127.0.0.1")
    plain, secure = serve(), serve(implicit=tls)
    reported = {
        "tls": sent(a_mailbox(plain.port, Security.TLS), a_dialler(ca_file=root)),
        "starttls": sent(a_mailbox(plain.port, Security.STARTTLS), a_dialler(ca_file=root)),
        "unknown": sent(a_mailbox(secure.port, Security.TLS), a_dialler()),
    }

    assert "does not speak TLS" in (reported["tls"].error or "")
    assert "offers no STARTTLS" in (reported["starttls"].error or "")
    assert "SPOUT_CA_FILE" in (reported["unknown"].error or "")


@pytest.mark.parametrize(
    ("to", "address", "header"),
    [
        ("me@bücher.de", "me@xn--bcher-kva.de", "me@xn--bcher-kva.de"),
        ("admin@nas", "admin@nas", "admin@nas"),
        ("me@[192.168.1.5]", "me@[192.168.1.5]", "me@[192.168.1.5]"),
        ("Me <a.b+c@example.org>", "a.b+c@example.org", "Me <a.b+c@example.org>"),
        ('"Doe, Jörg" <x@example.org>', "x@example.org", "Doe, Jörg <x@example.org>"),
        ("<x@example.org>", "x@example.org", "x@example.org"),
    ],
)
def test_every_address_that_is_taken_is_sent_to(
    serve: Serve, box: Box, to: str, address: str, header: str
) -> None:
    target = a_mailbox(serve().port, Security.NONE, to=to, sender="Spout <spout@nas>")
    check(target, a_dialler())

    outcome = sent(target)

    assert (outcome.delivered, outcome.error, box.recipients) == (True, None, [address])
    assert str(make_header(decode_header(box.mails[0]["To"]))).replace('"', "") == header
    assert box.mails[0]["From"] == "Spout <spout@nas>"


@pytest.mark.parametrize(
    "to",
    [
        "bad2@example.org, X <dd@example.org>",
        "a@example.org,b@example.org",
        "a@example.org b@example.org",
        "a@example.org; b@example.org",
        "X <a@example.org> <b@example.org>",
        "X <a@example.org>, b@example.org",
        "jörg@example.org",
        "me@straße.de",
        "me@example..org",
        "me@",
        "me@[192.168.1]",
        "me@-x.example",
        ".me@example.org",
        "me@example.org\r\nBcc: b@example.org",
        "me",
    ],
)
def test_what_is_not_one_address_is_neither_taken_nor_sent_to(serve: Serve, box: Box, to: str) -> None:
    target = a_mailbox(serve().port, Security.NONE, to=to)
    with pytest.raises(EndpointError, match=r"^email\.to "):
        check(target, a_dialler())

    outcome = sent(target)

    assert (outcome.delivered, box.recipients, "email.to" in (outcome.error or "")) == (False, [], True)


def test_a_wrong_password_is_told_without_it(serve: Serve) -> None:
    server = serve(authenticator=_knows, auth_required=True, auth_require_tls=False)

    outcome = sent(a_mailbox(server.port, Security.NONE, username="me", password="not-the-one"))

    assert (outcome.permanent, "535" in (outcome.error or "")) == (True, True)
    assert "not-the-one" not in repr(outcome)


@pytest.mark.parametrize(
    ("command", "answer", "permanent"),
    [
        ("MAIL", "550 not from you", True),
        ("RCPT", "550 no such user", True),
        ("RCPT", "450 mailbox busy", False),
        ("DATA", "552 too large", True),
        ("DATA", "451 try later", False),
    ],
)
def test_what_a_mail_server_refuses_is_the_outcome(
    serve: Serve, box: Box, command: str, answer: str, *, permanent: bool
) -> None:
    async def refuse(*_: Any) -> str:
        return answer

    setattr(box, f"handle_{command}", refuse)
    outcome = sent(a_mailbox(serve().port, Security.NONE))

    assert (outcome.delivered, outcome.permanent) == (False, permanent)
    assert outcome.error == f"the mail server answered {answer}"


@pytest.mark.parametrize(
    ("command", "says", "words"),
    [
        ("EHLO", b"", "the mail server hung up, or did not answer in time"),
        ("MAIL", b"", "the mail server hung up, or did not answer in time"),
        ("MAIL", b"SSH-2.0-OpenSSH\r\n", "what it answers is no SMTP"),
        ("STARTTLS", b"554 not now\r\n", "the mail server answered 554 not now"),
    ],
)
def test_what_a_mail_server_said_before_it_fell_is_not_its_answer(
    command: str, says: bytes, words: str
) -> None:
    class Falling(StreamRequestHandler):
        """Says good things until `command`, to that `says`, and then nothing more."""

        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            for line in self.rfile:
                if line.upper().startswith(command.encode()):
                    self.wfile.write(says)
                    return
                self.wfile.write(b"250-here\r\n250 STARTTLS\r\n")

    security = Security.STARTTLS if command == "STARTTLS" else Security.NONE
    with ThreadingTCPServer(("127.0.0.1", 0), Falling) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        outcome = sent(a_mailbox(server.server_address[1], security))
        server.shutdown()

    assert outcome.error == words


@pytest.fixture
def bot() -> Iterator[Receiver]:
    with receiving(lambda _got: Say(body=b'{"ok": true, "result": {"message_id": 7}}')) as receiver:
        yield receiver


def _refusal(code: int, description: str, **parameters: int) -> Say:
    reported = {"ok": False, "error_code": code, "description": description, "parameters": parameters}
    return Say(code, json.dumps(reported).encode())


def _chat(bot: Receiver, text: str = "100 BTC", **more: Any) -> AttemptOutcome:
    return sent(a_chat(bot.port, **more), message=a_message(text=text))


def test_a_telegram_message_is_html_with_its_text_escaped(bot: Receiver) -> None:
    outcome = _chat(bot, "Mt. Gox (trustee) - 1_000 BTC > 5 < 6 & co")

    [got] = bot.got
    reported = json.loads(got.body)
    assert (outcome.delivered, got.path, reported["chat_id"]) == (True, f"/bot{TOKEN}/sendMessage", "42")
    assert reported["text"].endswith("1_000 BTC &gt; 5 &lt; 6 &amp; co")


def test_markup_that_telegram_refuses_is_sent_again_as_plain_text(bot: Receiver) -> None:
    bot.script.append(_refusal(400, "Bad Request: can't parse entities"))

    outcome = _chat(bot, "entity `x` ~!#+-=|{}.")

    again = json.loads(bot.got[1].body)
    assert (outcome.delivered, "parse_mode" in again) == (True, False)
    assert again["text"].endswith("entity `x` ~!#+-=|{}.")


@pytest.mark.parametrize("length", [4_096, 4_097, 6_000])
def test_a_text_too_long_for_telegram_with_its_marks_is_plain_and_cut_without_them(
    bot: Receiver, length: int
) -> None:
    text = ("412.5 BTC & <more> " * 400)[:length]

    sent(a_chat(bot.port), message=replace(a_message(), text=text, html=html.escape(text, quote=True)))

    said = json.loads(bot.got[0].body)
    assert ("parse_mode" in said, len(said["text"]) <= 4_096, "&amp;" in said["text"]) == (False, True, False)
    assert text.startswith(said["text"].removesuffix("…"))
    assert said["text"].endswith("…") == (length > 4_096)


@pytest.mark.parametrize(("letters", "marked"), [(4_091, True), (4_092, False)])
def test_marks_count_to_the_limit_and_none_is_cut(bot: Receiver, letters: int, *, marked: bool) -> None:
    text = "x" * letters + "&"

    sent(a_chat(bot.port), message=replace(a_message(), text=text, html=html.escape(text)))

    said = json.loads(bot.got[0].body)
    assert ("parse_mode" in said, said["text"]) == (marked, html.escape(text) if marked else text)


def test_a_long_text_that_has_grown_too_long_replaces_the_message_as_plain_text_too(bot: Receiver) -> None:
    text = "a & b " * 1_000

    sent(a_chat(bot.port), message=replace(a_message(), text=text, html=html.escape(text), edits=7))

    said = json.loads(bot.got[0].body)
    assert (said["message_id"], "parse_mode" in said, "&amp;" in said["text"]) == (7, False, False)


def test_a_silent_message_makes_no_sound_on_the_phone(bot: Receiver) -> None:
    sent(a_chat(bot.port), message=replace(a_message(), silent=True))
    sent(a_chat(bot.port))

    assert [json.loads(got.body).get("disable_notification") for got in bot.got] == [True, None]


def test_an_edit_of_a_message_that_is_gone_is_sent_anew_without_a_sound(bot: Receiver) -> None:
    bot.script.append(_refusal(400, "Bad Request: message to edit not found"))

    sent(a_chat(bot.port), message=replace(a_message(), edits=7))
    anew = json.loads(bot.got[1].body)
    assert (anew.get("message_id"), anew["disable_notification"]) == (None, True)


def test_telegrams_retry_after_is_read(bot: Receiver) -> None:
    bot.script.append(_refusal(429, "Too Many Requests: retry after 31", retry_after=31))

    assert _chat(bot).retry_after_s == 31


def test_the_new_chat_of_a_group_that_became_a_supergroup_is_read(bot: Receiver) -> None:
    bot.script.append(_refusal(400, "group chat was upgraded", migrate_to_chat_id=-1000000000001))

    assert _chat(bot, chat_id="-42").migrated_to == "-1000000000001"


def test_a_telegram_token_stands_in_no_outcome(bot: Receiver) -> None:
    bot.script.append(Say(500, f"no /bot{TOKEN}/ here".encode()))

    assert TOKEN.partition(":")[2] not in repr(_chat(bot))


def test_a_chat_that_does_not_answer_says_no_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    outcome = sent(a_chat(1))

    assert TOKEN.partition(":")[2] not in repr(outcome) + caplog.text


@pytest.mark.parametrize("number", ["99999999999999999999", "true", "7.5"])
def test_a_message_id_that_cannot_be_one_is_none(number: str) -> None:
    body = b'{"ok": true, "result": {"message_id": %s}}' % number.encode()
    with receiving(lambda _got: Say(body=body)) as receiver:
        outcome = sent(a_chat(receiver.port))

    assert (outcome.delivered, outcome.message_id) == (True, None)


@pytest.mark.parametrize("chat", ["99999999999999999999", "true"])
def test_a_chat_that_cannot_be_one_is_not_followed(chat: str) -> None:
    body = b'{"ok": false, "parameters": {"migrate_to_chat_id": %s}}' % chat.encode()
    with receiving(lambda _got: Say(400, body=body)) as receiver:
        assert sent(a_chat(receiver.port)).migrated_to is None

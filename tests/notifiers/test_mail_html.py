"""Email in HTML: escaped, with the same in plain text beside it."""

from email.message import Message as Mail

from app.api.models import Security
from app.core.alerts import Style, words_of
from app.core.events import EventType
from notifiers.model import Message
from tests.core.alerts.builders import BEGINNING, BERLIN, an_event
from tests.notifiers.builders import a_mailbox, sent
from tests.notifiers.test_senders import Box, Serve, box, serve

__all__ = ["box", "serve"]


def part(mail: Mail, kind: str) -> str:
    found = [one for one in mail.walk() if one.get_content_type() == kind]
    payload = found[0].get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def test_a_hostile_name_is_text_in_both_parts_of_a_mail(serve: Serve, box: Box) -> None:
    hostile = [{"name": "<script>alert(1)</script> & co", "kind": "exchange", "basis": "published"}]
    style = Style(zone=BERLIN, link="http://umbrel.local:3006")
    words = words_of(EventType.DETECTED, an_event(to_entities=hostile, txid="ab" * 32).body, BEGINNING, style)
    message = Message(id="evt_1", body=b"{}", title=words.title, text=words.text, html=words.html)

    outcome = sent(a_mailbox(serve().port, Security.NONE), message=message)

    assert outcome.delivered
    [mail] = box.mails
    marked, plain = part(mail, "text/html"), part(mail, "text/plain")
    assert "<script" not in marked
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in marked
    assert f'<a href="http://umbrel.local:3006/tx/{"ab" * 32}">' in marked
    assert "150 BTC to <script>alert(1)</script> & co" in plain

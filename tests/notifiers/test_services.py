"""Which services of Apprise are offered, with what parameters, and that they go through our dialler alone."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.api.models import Reach
from app.errors import EndpointError
from notifiers.catalogue import services
from notifiers.dial import Dial
from notifiers.services import plugin_of
from tests.notifiers.authority import make_authority
from tests.notifiers.builders import a_dialler, an_apprise, sent
from tests.notifiers.receivers import Got, Receiver, Say, Socks, receiving

AT_HOME = {
    "ntfy": "ntfy://127.0.0.1:{port}/topic",
    "gotify": "gotify://127.0.0.1:{port}/AbCdEfGhIjKlMnO",
    "matrix": "matrix://user:pass@127.0.0.1:{port}/%23room:home",
    "signal": "signal://127.0.0.1:{port}/+15551234567/+15557654321",
    "hassio": "hassio://127.0.0.1:{port}/accesstoken",
    "mmost": "mmost://127.0.0.1:{port}/3ccdd113474722377935511fc85d3dd4",
    "bark": "bark://127.0.0.1:{port}/devicekey",
    "nctalk": "nctalk://user:pass@127.0.0.1:{port}/room",
}
FAR_AWAY = {
    "pover": "pover://" + "u" * 30 + "@" + "a" * 30,
    "discord": "discord://1234567890/abcdefghijk",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
    "zulip": "zulip://bot@org/" + "a" * 32 + "/general",
}
HOSTS = ("api.pushover.net", "discord.com", "hooks.slack.com", "org.zulipchat.com")
# fmt: off
LOCAL = [
    "syslog", "dbus", "kde", "qt", "glib", "gnome", "macosx", "windows", "blink1", "rsyslog", "aprs",
    "mqtt", "mqtts", "irc", "ircs", "xmpp", "xmpps", "smpp", "amqp", "amqps", "growl", "json", "jsons",
    "xml", "form", "file", "exec", "mailto", "mailtos", "tgram", "apprise", "vapid", "fcm", "deltachat",
    "nostr", "http", "https",
]
# fmt: on
HOSTILE = (
    "ntfy://h/topic?redirect=yes",
    "ntfys://h/topic?verify=no",
    "ntfy://h/topic?attach=http://10.0.0.1/x",
    "ntfy://h/topic?avatar_url=http://10.0.0.1/x",
    "ntfy://h/topic?priority=high&REDIRECT=yes",
    "ntfy://h/topic?priority=high;verify=no",
    "ntfy://h/topic?priority=high#?verify=no",
    "ntfy://h/topic?rto=9999",
    "ntfy://h/topic?%72edirect=yes",
    "discord://1234567890/abcdefghijk?template=http://10.0.0.1/",
    "discord://1234567890/abcdefghijk?template=/etc/passwd",
    "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general?template=http://10.0.0.1/",
    "gotify://h/AbCdEfGhIjKlMnO?+X-Forwarded-For=1.1.1.1",
    "gotify://h/AbCdEfGhIjKlMnO?-key=value",
    "gotify://h/AbCdEfGhIjKlMnO?:key=value",
    "gotify://h/AbCdEfGhIjKlMnO?retry=5&wait=10",
    "matrix://u:p@h/#room?e2ee=yes",
    "matrix://u:p@h/#room?hsreq=no&store=yes",
    "ntfy://h/a/b",
    "signal://h/+15551234567/+15557654321/+15557654322",
    "ntfy://h/topic gotify://h/token",
    "ntfy://h/to\npic",
    "ntfy",
    "",
    "://h/topic",
    "ntfy://" + "h" * 3_000,
)


@pytest.mark.parametrize("schema", LOCAL)
def test_a_schema_that_is_not_on_the_list_is_refused_by_name(schema: str) -> None:
    with pytest.raises(EndpointError, match=schema):
        plugin_of(f"{schema}://host/path")


@pytest.mark.parametrize("url", HOSTILE)
def test_a_url_with_more_than_is_allowed_is_refused(url: str) -> None:
    with pytest.raises(EndpointError):
        plugin_of(url)


def test_a_misspelt_schema_names_the_right_one() -> None:
    with pytest.raises(EndpointError, match="did you mean gotify://"):
        plugin_of("gotif://h/token")


def test_refusals_do_not_repeat_what_may_be_a_secret() -> None:
    with pytest.raises(EndpointError) as refused:
        plugin_of("discord://1234567890/S3CR3T-TOKEN?template=S3CR3T-VALUE")

    assert "S3CR3T" not in str(refused.value)


@pytest.fixture
def polite() -> Iterator[Receiver]:
    with receiving(politely) as receiver:
        yield receiver


@pytest.mark.parametrize("schema", AT_HOME)
def test_a_service_at_home_is_reached_by_our_dialler_alone(polite: Receiver, schema: str) -> None:
    dials: list[Dial] = []

    outcome = sent(an_apprise(AT_HOME[schema].format(port=polite.port)), started=dials.append)

    assert (outcome.delivered, outcome.error) == (True, None)
    assert dials[0].dials == polite.connections > 0
    assert any(b"100 BTC" in got.body for got in polite.got)


@pytest.mark.parametrize("schema", AT_HOME)
def test_a_service_at_home_with_tls_trusts_the_boxs_own_authority(tmp_path: Path, schema: str) -> None:
    root, tls = make_authority(tmp_path, "127.0.0.1")
    url = AT_HOME[schema].replace("://", "s://", 1)
    with receiving(politely, tls) as receiver:
        outcome = sent(an_apprise(url.format(port=receiver.port)), a_dialler(ca_file=root))

    assert (outcome.delivered, outcome.error) == (True, None)


@pytest.mark.parametrize("schema", FAR_AWAY)
def test_a_service_far_away_goes_through_the_proxy_alone(tmp_path: Path, schema: str) -> None:
    root, tls = make_authority(tmp_path, *HOSTS)
    with receiving(politely, tls) as receiver:
        socks = Socks(receiver.port)
        outcome = sent(
            an_apprise(FAR_AWAY[schema], Reach.ONION), a_dialler(*HOSTS, proxy=socks.port, ca_file=root)
        )
        socks.close()

    assert (outcome.delivered, outcome.error) == (True, None)
    assert {host for host, _ in socks.asked} <= set(HOSTS)


def test_no_picture_is_fetched_from_a_strangers_server(polite: Receiver) -> None:
    sent(an_apprise(AT_HOME["ntfy"].format(port=polite.port)))

    assert "github" not in repr(polite.got)


def test_every_service_on_the_list_has_a_test() -> None:
    tested = {*AT_HOME, *(f"{schema}s" for schema in AT_HOME), *FAR_AWAY}

    assert set(services()) == tested


def politely(got: Got) -> Say:
    """What each of them answers when all is well."""
    if "discord" in got.headers.get("host", "") or "talk" in got.path:
        return Say(204 if "discord" in got.headers.get("host", "") else 201, b"")
    if "/.well-known/" in got.path:
        return Say(404)
    if "/_matrix/" in got.path:
        reported = {"access_token": "t", "user_id": "@u:home", "home_server": "home", "device_id": "d"}
        reported |= {"room_id": "!r:home", "event_id": "$e", "joined_rooms": [], "versions": ["v1.11"]}
        return Say(200, json.dumps({**reported, "flows": [{"type": "m.login.password"}]}).encode())
    if "/v2/send" in got.path:
        return Say(201, b"{}")
    body = (
        b"ok"
        if "slack" in got.headers.get("host", "")
        else b'{"code": 200, "status": 1, "result": "success"}'
    )
    return Say(200, body)


def test_the_first_endpoints_may_be_of_several_kinds_and_come_at_once() -> None:
    """In a process of its own: what is imported once stays imported."""
    begin = """
import importlib, sys, threading
from notifiers.services import load
sys.setswitchinterval(1e-6)
firsts = [
    lambda: load("ntfy", "NotifyNtfy"),
    lambda: load("email", "NotifyEmail"),
    lambda: importlib.import_module("notifiers.webhook"),
    lambda: importlib.import_module("notifiers.telegram"),
]
gate = threading.Barrier(len(firsts))
done = []
def run(first):
    gate.wait()
    first()
    done.append(first)
threads = [threading.Thread(target=run, args=(first,)) for first in firsts]
for one in threads: one.start()
for one in threads: one.join()
print(len(done))
"""
    ended = subprocess.run(
        [sys.executable, "-c", begin], capture_output=True, text=True, check=True, timeout=60
    )

    assert ended.stdout.strip() == "4"

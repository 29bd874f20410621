"""What stands in the place of the host in an Apprise URL: called and shown as written, or neither."""

import json
from pathlib import Path

import pytest

from app.api.models import Endpoints
from app.errors import EndpointError, TargetRefusedError
from notifiers.model import masked_url, secrets_of
from notifiers.redaction import EndpointRedactor
from notifiers.senders import check
from notifiers.services import plugin_of
from tests.notifiers.authority import make_authority
from tests.notifiers.builders import a_dialler, an_apprise, sent
from tests.notifiers.receivers import Got, Say, receiving
from tests.notifiers.stage import staged
from tests.notifiers.test_services import AT_HOME, politely

KEY = "a" * 32
ELSEWHERE = [
    "ntfy://bücher.example/topic",
    "ntfy://-box.lan/topic",
    "ntfy://1.2.3/topic",
    "ntfy://topic",
    "ntfys://topic/?priority=high",
    "ntfy://a@b@box.lan/topic",
    f"matrix://{'a' * 64}",
    f"zulip://bot@bücher/{KEY}/general",
    f"zulip://bot@{'x' * 33}/{KEY}/general",
]
TOKENS = {
    "pover://" + "u" * 30 + "@azapptoken1234567890123456789x": "azapptoken1234567890123456789x",
    "slack://xoxb-1234-1234-abcdefgh/#general": "xoxb-1234-1234-abcdefgh",
    "discord://4174216298/abcdefghijk": "4174216298",
    "ntfy://my-secret-topic": "my-secret-topic",
    f"matrix://{'b' * 64}": "b" * 64,
    "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general": "T1JJ3T3L2",
}


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_url_that_would_call_another_host_than_it_names_is_refused(url: str) -> None:
    with pytest.raises(EndpointError, match="needs a host"):
        plugin_of(url)


@pytest.mark.parametrize("url", ELSEWHERE)
def test_one_that_was_kept_before_is_not_sent_to_either(url: str) -> None:
    outcome = sent(an_apprise(url))

    assert (outcome.delivered, outcome.hosts, "needs a host" in (outcome.error or "")) == (False, (), True)


def test_a_matrix_server_that_leads_to_another_host_gets_no_login_there(tmp_path: Path) -> None:
    root, tls = make_authority(tmp_path, "127.0.0.1", "localhost")

    def elsewhere(got: Got) -> Say:
        if "/.well-known/" not in got.path:
            return politely(got)
        there = f"https://localhost:{got.headers['host'].partition(':')[2]}"
        return Say(body=json.dumps({"m.homeserver": {"base_url": there}}).encode())

    with receiving(elsewhere, tls) as receiver:
        url = f"matrixs://user:pass@127.0.0.1:{receiver.port}/%23room:home"
        outcome = sent(an_apprise(url), a_dialler(ca_file=root))

    assert (outcome.delivered, set(outcome.hosts)) == (False, {"127.0.0.1"})
    assert {got.path for got in receiver.got} == {"/.well-known/matrix/client"}
    assert "it leads to localhost" in (outcome.error or "")


def test_a_topic_without_a_host_says_how_the_public_one_is_written() -> None:
    with pytest.raises(EndpointError, match=r"ntfys://ntfy\.sh/TOPIC"):
        plugin_of("ntfy://topic")


@pytest.mark.parametrize("url", ["ntfys://ntfy.sh/topic", f"zulip://bot@chat.example.org/{KEY}/general"])
def test_a_public_host_that_is_written_is_taken(url: str) -> None:
    assert plugin_of(url)


@pytest.mark.parametrize(("url", "token"), TOKENS.items())
def test_a_token_in_the_place_of_the_host_is_not_shown(url: str, token: str) -> None:
    assert token not in masked_url(url)
    assert token not in EndpointRedactor(secrets_of(url)).text(f"no {token} here, no {token.lower()} either")


@pytest.mark.parametrize("url", AT_HOME.values())
def test_a_host_that_is_called_is_shown(url: str) -> None:
    assert "127.0.0.1:8080" in masked_url(url.format(port=8080))


async def test_no_token_in_the_place_of_the_host_is_listed(tmp_path: Path) -> None:
    async with staged(tmp_path, run=False) as stage:
        for number, url in enumerate(url for url in TOKENS if url.startswith(("pover", "slack", "discord"))):
            await stage.add(url, name=f"service {number}", kind="apprise", reach="public")
        found = await stage.alerts.listed()
    said = Endpoints(endpoints=found, total_count=len(found)).model_dump_json()

    assert (len(found), [token for token in TOKENS.values() if token in said]) == (4, [])


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ntfy://169.254.169.254/topic", "metadata"),
        ("gotify://2852039166/AbCdEfGhIjKlMnO", "metadata"),
        ("ntfy://127.0.0.2/topic", "this machine"),
        ("ntfy://93.184.216.34/topic", "set reach to public"),
        ("nctalk://user:pass@metadata.google.internal/room", "metadata"),
        (f"zulip://bot@metadata.goog/{KEY}/general", "metadata"),
    ],
)
def test_where_a_service_lies_is_checked_when_it_is_saved(url: str, words: str) -> None:
    with pytest.raises((EndpointError, TargetRefusedError), match=words):
        check(an_apprise(url), a_dialler("127.0.0.1"))


@pytest.mark.parametrize(
    ("query", "secret"),
    [("?SECRETTOKEN:", "SECRETTOKEN:"), ("?a=1&0therToken", "0therToken"), ("?k=s3cr", "s3cr")],
)
def test_a_query_is_a_secret_however_it_is_written(query: str, secret: str) -> None:
    redactor = EndpointRedactor(secrets_of(f"http://h.example/hook{query}"))

    assert secret not in redactor.text(f"answered 404 for /hook{query} ({secret})")


def test_a_short_word_of_a_path_is_no_secret_and_a_short_token_is() -> None:
    redactor = EndpointRedactor(secrets_of("https://h.example/hook/4b2c9"))

    assert redactor.text("the hook said 4b2c9") == "the hook said ***"

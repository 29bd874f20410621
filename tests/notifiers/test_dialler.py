"""Against real receivers: what is dialled, what is refused on the way, and what an answer may cost."""

import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from itertools import chain, repeat
from pathlib import Path
from queue import Queue

import pytest

from app.api.models import Reach
from app.errors import TargetRefusedError
from notifiers.dial import LARGEST_ANSWER, Dial
from notifiers.dialler import Dialler
from notifiers.http import Requests
from notifiers.proxy import Proxy
from notifiers.targets import TargetPolicy
from tests.notifiers.authority import make_authority
from tests.notifiers.builders import a_dialler, a_webhook, sent
from tests.notifiers.receivers import Say, Socks, receiving


@contextmanager
def _ending_soon() -> Iterator[Callable[[Dial], None]]:
    """What an attempt tells that it started, and which ends it 0.3 s later, from a thread beside it."""
    calls: Queue[Dial] = Queue()

    def end() -> None:
        call = calls.get()
        time.sleep(0.3)
        call.abort()

    ending = threading.Thread(target=end, daemon=True)
    ending.start()
    yield calls.put
    ending.join()


def test_a_redirect_is_not_followed() -> None:
    with receiving(lambda _got: Say(302, headers={"Location": "/elsewhere"})) as receiver:
        outcome = sent(a_webhook(receiver.url()))

        assert [got.path for got in receiver.got] == ["/hook"]
    assert (outcome.delivered, outcome.status_code, "redirect" in (outcome.error or "")) == (False, 302, True)


def test_a_name_that_changes_its_address_is_checked_at_every_attempt() -> None:
    reported = iter(["127.0.0.1", "169.254.169.254"])
    dialler = a_dialler("127.0.0.1", resolve=lambda *_: [ip_address(next(reported))])
    with receiving() as receiver:
        target = a_webhook(receiver.url(host="hook.example"), reach=Reach.PUBLIC)
        first, second = sent(target, dialler), sent(target, dialler)

    assert (first.delivered, second.delivered) == (True, False)
    assert "hook.example is 169.254.169.254" in (second.error or "")


def test_of_several_addresses_only_allowed_ones_are_dialled() -> None:
    dialler = a_dialler(
        "127.0.0.1", resolve=lambda *_: [ip_address("169.254.169.254"), ip_address("127.0.0.1")]
    )
    with receiving() as receiver:
        outcome = sent(a_webhook(receiver.url(host="nas.lan")), dialler)

    assert (outcome.delivered, outcome.hosts) == (True, ("nas.lan",))


def test_an_answer_without_end_costs_64_kb() -> None:
    with receiving(lambda _got: Say(endless=True)) as receiver:
        receiver.script.append(Say())
        sent(a_webhook(receiver.url()))  # what it imports is no part of an answer
        tracemalloc.start()
        outcome = sent(a_webhook(receiver.url()))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert (outcome.delivered, peak < 40 * LARGEST_ANSWER) == (True, True)


LONG_LINE = b"X-Filler: " + b"x" * 30_000 + b"\r\n"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n" + LONG_LINE + b"\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n" + LONG_LINE + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\n", LONG_LINE),
    ],
)
def test_what_comes_before_an_answer_without_end_costs_64_kb_too(first: bytes, then: bytes) -> None:
    with receiving(lambda _got: Say(before=chain([first], repeat(then)))) as receiver:
        outcome = sent(a_webhook(receiver.url()))

        assert receiver.sent_bytes < 20_000_000  # what the loopback holds; without a bound it is gigabytes
    assert (outcome.delivered, outcome.error) == (False, "it answers without end")


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_what_comes_before_an_answer_is_no_answer(status: str) -> None:
    before = f"HTTP/1.1 {status}\r\nX-One: 1\r\n\r\n".encode()
    with receiving(lambda _got: Say(204, b"", before=[before])) as receiver:
        outcome = sent(a_webhook(receiver.url()))

    assert (outcome.delivered, outcome.status_code) == (True, 204)


def test_an_answer_in_the_smallest_chunks_is_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 70_000
    with receiving(lambda _got: Say(before=[head, b"0\r\n\r\n"])) as receiver:
        outcome = sent(a_webhook(receiver.url()))

    assert (outcome.delivered, outcome.error) == (True, None)


@pytest.mark.parametrize(
    ("head", "outcome"),
    [
        (b"200 OK", (True, 200, False, None)),
        (b"410 Gone", (False, 410, True, None)),
        (b"429 Slow\r\nRetry-After: 7", (False, 429, False, 7)),
    ],
)
def test_a_body_that_breaks_off_takes_nothing_back(head: bytes, outcome: tuple[object, ...]) -> None:
    cut = b"HTTP/1.1 " + head + b"\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n"
    with receiving(lambda _got: Say(before=[cut])) as receiver:
        found = sent(a_webhook(receiver.url()))

    assert (found.delivered, found.status_code, found.gone, found.retry_after_s) == outcome


def test_a_dripping_answer_ends_when_its_time_is_up() -> None:
    with receiving(lambda _got: Say(dripping=True)) as receiver:
        began = time.monotonic()
        with _ending_soon() as started:
            outcome = sent(a_webhook(receiver.url()), started=started)

    assert (outcome.delivered, time.monotonic() - began < 3) == (False, True)
    assert "15 s" in (outcome.error or "")


def test_nothing_that_listens_is_told_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        outcome = sent(a_webhook(f"http://127.0.0.1:{taken.getsockname()[1]}/"))

    assert "Connection refused" in (outcome.error or "")


@pytest.mark.parametrize(
    ("reach", "ca", "delivered"),
    [(Reach.LAN, True, True), (Reach.LAN, False, False), (Reach.PUBLIC, True, False)],
)
def test_the_boxs_own_authority_counts_at_home_alone(
    tmp_path: Path, reach: Reach, *, ca: bool, delivered: bool
) -> None:
    root, tls = make_authority(tmp_path, "127.0.0.1")
    with receiving(tls=tls) as receiver:
        outcome = sent(
            a_webhook(receiver.url(scheme="https"), reach=reach), a_dialler(ca_file=root if ca else None)
        )

    assert outcome.delivered is delivered


def test_through_the_proxy_names_are_resolved_there() -> None:
    with receiving() as receiver:
        socks = Socks(receiver.port)
        outcome = sent(
            a_webhook("http://hook.example/", reach=Reach.PUBLIC),
            a_dialler(proxy=socks.port, resolve=lambda *_: pytest.fail("resolved here")),
        )
        socks.close()

    assert (outcome.delivered, socks.asked) == (True, [("hook.example", 80)])


def test_a_name_that_the_proxy_was_told_counts_as_called_whatever_came_of_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        socks = Socks(taken.getsockname()[1])
        outcome = sent(a_webhook("http://Hook.example/", reach=Reach.PUBLIC), a_dialler(proxy=socks.port))
        socks.close()

    assert (outcome.delivered, outcome.hosts) == (False, ("hook.example",))


def test_a_proxy_that_drips_ends_with_the_attempt() -> None:
    with receiving() as receiver:
        socks = Socks(receiver.port, drip_seconds=0.2)
        began = time.monotonic()
        with _ending_soon() as started:
            outcome = sent(
                a_webhook("http://hook.example/", reach=Reach.PUBLIC),
                a_dialler(proxy=socks.port),
                started=started,
            )
        seconds = time.monotonic() - began
        socks.close()

    assert (outcome.delivered, receiver.connections, seconds < 1.5) == (False, 0, True)
    assert "SPOUT_OUTBOUND_PROXY" in (outcome.error or "")


def test_a_proxy_may_be_named() -> None:
    with receiving() as receiver:
        socks = Socks(receiver.port)
        policy = TargetPolicy(proxied=True)
        dialler = Dialler(
            policy,
            proxy=Proxy("tor.example", socks.port),
            resolve=lambda *_: [ip_address("127.0.0.1")],
        )
        outcome = sent(a_webhook("http://abc.onion/", reach=Reach.ONION), dialler)
        socks.close()

    assert (outcome.delivered, socks.asked) == (True, [("abc.onion", 80)])


def test_an_onion_service_is_reached_through_the_proxy() -> None:
    with receiving() as receiver:
        socks = Socks(receiver.port)
        outcome = sent(a_webhook("http://abc.onion/", reach=Reach.ONION), a_dialler(proxy=socks.port))
        socks.close()

    assert (outcome.delivered, socks.asked) == (True, [("abc.onion", 80)])


@pytest.mark.parametrize("host", ["192.168.1.1", "[::1]", "2852039166", "0x0a000001", "localhost"])
def test_through_the_proxy_addresses_are_checked_first(host: str) -> None:
    socks = Socks(1)
    outcome = sent(
        a_webhook(f"http://{host}/", reach=Reach.PUBLIC), a_dialler("198.51.100.1", proxy=socks.port)
    )
    socks.close()

    assert (outcome.delivered, socks.asked) == (False, [])


def test_what_is_at_home_never_goes_through_the_proxy() -> None:
    socks = Socks(1)
    with receiving() as receiver:
        outcome = sent(a_webhook(receiver.url(), reach=Reach.LAN), a_dialler(proxy=socks.port))
    socks.close()

    assert (outcome.delivered, socks.asked) == (True, [])


def test_if_the_proxy_is_down_nothing_goes_direct() -> None:
    with receiving() as receiver, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        outcome = sent(a_webhook(receiver.url(), reach=Reach.PUBLIC), a_dialler(proxy=taken.getsockname()[1]))

        assert receiver.connections == 0
    assert "SPOUT_OUTBOUND_PROXY" in (outcome.error or "")


def test_the_environments_proxy_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with receiving() as receiver:
        assert sent(a_webhook(receiver.url())).delivered


def test_past_the_dialler_a_sending_thread_connects_to_nobody() -> None:
    with receiving() as receiver, a_dialler().call(Reach.LAN), pytest.raises(TargetRefusedError):
        socket.socket().connect(("127.0.0.1", receiver.port))


def test_a_sending_thread_starts_no_process() -> None:
    with a_dialler().call(Reach.LAN), pytest.raises(TargetRefusedError):
        subprocess.run(["/bin/true"], check=False)


def test_outside_of_an_attempt_everything_is_as_ever() -> None:
    with receiving() as receiver:
        with a_dialler().call(Reach.LAN):
            pass
        socket.create_connection(("127.0.0.1", receiver.port)).close()


def test_outside_of_an_attempt_a_plugin_reaches_nobody() -> None:
    with receiving() as receiver, pytest.raises(Requests().RequestException):
        Requests().get(receiver.url())


@pytest.mark.parametrize("event", ["_thread.start_new_thread", "_thread.start_joinable_thread"])
def test_a_sending_thread_starts_no_other_where_its_python_tells_of_it(event: str) -> None:
    with a_dialler().call(Reach.LAN), pytest.raises(TargetRefusedError):
        sys.audit(event)


def test_a_sending_thread_asks_for_no_name_of_an_address() -> None:
    with a_dialler().call(Reach.LAN), pytest.raises(TargetRefusedError):
        socket.getnameinfo(("127.0.0.1", 9), 0)

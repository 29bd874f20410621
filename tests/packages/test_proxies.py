"""nginx and Caddy from Debian's packages before the real program, by the snippets in docs/operations.md."""

import json
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import async_playwright
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.browser.conftest import ARGUMENTS, CHROMIUM, until
from tests.journey.spout import ROOT, SpoutProcess, free_port
from tests.journey.waiting import until as until_true

pytestmark = pytest.mark.timeout(300)
PASSWORD, NAME = "open sesame", "spout.home.arpa"
UNCHECKED = ssl._create_unverified_context()  # noqa: SLF001 - the proxy's certificate is the test's own
NGINX = """
daemon off; worker_processes 1; pid {room}/nginx.pid; error_log {room}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {room}/body; proxy_temp_path {room}/proxy; fastcgi_temp_path {room}/fastcgi;
  uwsgi_temp_path {room}/uwsgi; scgi_temp_path {room}/scgi;
  include {room}/spout.conf;
}}
"""
CADDY = "{{\n  skip_install_trust\n  admin off\n  auto_https disable_redirects\n}}\n{snippet}"
"""Beside the snippet: nothing of this machine is changed, and no other port is opened."""


@dataclass(frozen=True)
class Proxied:
    spout: SpoutProcess
    port: int

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.port}"


def snippet(kind: str, spout: int, port: int) -> str:
    """Return the block as the page has it, on other ports."""
    found = re.search(rf"```{kind}\n(.*?)```", (ROOT / "docs/operations.md").read_text("utf-8"), re.DOTALL)
    assert found
    text = found[1].replace("127.0.0.1:8411", f"127.0.0.1:{spout}")
    return text.replace("listen 443", f"listen 127.0.0.1:{port}").replace(f"{NAME} {{", f"{NAME}:{port} {{")


def nginx(room: Path, spout: int, port: int) -> list[str]:
    key, certificate = room / "spout.key", room / "spout.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
    files = ["-keyout", key, "-out", certificate]
    subprocess.run([*made, *files], check=True, capture_output=True, timeout=60)
    text = snippet("nginx", spout, port).replace("/etc/ssl", str(room))
    (room / "spout.conf").write_text(text, encoding="utf-8")
    (room / "nginx.conf").write_text(NGINX.format(room=room), encoding="utf-8")
    return [program("nginx"), "-c", str(room / "nginx.conf"), "-e", str(room / "error.log")]


def caddy(room: Path, spout: int, port: int) -> list[str]:
    text = CADDY.format(snippet=snippet("caddy", spout, port))
    (room / "Caddyfile").write_text(text, encoding="utf-8")
    return [program("caddy"), "run", "--config", str(room / "Caddyfile"), "--adapter", "caddyfile"]


def program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/bin")
    assert found, f"{name} is missing: apt-get install {name}"
    return found


@pytest.fixture(scope="module", params=[nginx, caddy], ids=["nginx", "caddy"])
def proxied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    room = tmp_path_factory.mktemp("proxied")
    settings = {"SPOUT_SOURCE": "demo", "SPOUT_PASSWORD": PASSWORD, "SPOUT_TRUSTED_PROXIES": "127.0.0.1"}
    spout = SpoutProcess(room, **settings)
    port = free_port()
    command = request.param(room, spout.port, port)
    own = {"XDG_DATA_HOME": str(room), "XDG_CONFIG_HOME": str(room), "HOME": str(room)}
    log = (room / "proxy.log").open("wb")
    try:
        spout.start(ready=False)
        spout.wait_for_pages()
        with subprocess.Popen(command, env=own, stdout=log, stderr=log) as running:
            try:
                until_true(lambda: answers(port), "the proxy answers", seconds=30)
                yield Proxied(spout, port)
            finally:
                running.terminate()
    finally:
        spout.__exit__(None, None, None)


def answers(port: int) -> bool:
    try:
        client(port).get("/healthz").raise_for_status()
    except httpx.HTTPError:
        return False
    return True


def client(port: int) -> httpx.Client:
    """Return one that finds the name on this machine, as the browser is told to."""
    transport = ToThisMachine(verify=False)
    return httpx.Client(base_url=f"https://{NAME}:{port}", transport=transport, timeout=20)


class ToThisMachine(httpx.HTTPTransport):
    """Calls 127.0.0.1, whatever the name; TLS and Host have the name."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = NAME
        request.url = request.url.copy_with(host="127.0.0.1")
        return super().handle_request(request)


def logged_in(proxied: Proxied) -> str:
    """Return the session's cookie."""
    own = {"Origin": proxied.url}
    with client(proxied.port) as http:
        answer = http.post("/login", data={"password": PASSWORD}, headers=own)
    assert answer.status_code == httpx.codes.SEE_OTHER, answer.text[:500]
    cookie = answer.headers["Set-Cookie"]
    assert "Secure" in cookie
    return str(cookie.split(";")[0])


async def test_the_operator_logs_in_and_the_page_lives(proxied: Proxied) -> None:
    async with async_playwright() as play:
        arguments = [*ARGUMENTS, f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = await (await browser.new_context(ignore_https_errors=True)).new_page()
        await page.goto(proxied.url)
        await page.fill("#password", PASSWORD)
        await page.click("button")
        await until(page, "document.documentElement.dataset.session === 'yes'")
        await browser.close()


def test_the_stream_passes(proxied: Proxied) -> None:
    created = subprocess.run(
        [*proxied.spout.command[:-1], "keys", "create", "streamer", "--scope", "read"],
        cwd=ROOT,
        env=proxied.spout.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    key = re.findall(r"\S{20,}", created.stdout)[-1]

    with socket_to(proxied, "/api/v1/stream", {"Authorization": f"Bearer {key}"}) as stream:
        stream.send('{"subscribe": {}}')
        kinds = [json.loads(stream.recv(timeout=20))["type"] for _ in range(2)]

    assert kinds == ["authenticated", "subscribed"]


def test_a_foreign_page_may_not_log_in(proxied: Proxied) -> None:
    with client(proxied.port) as http:
        answer = http.post(
            "/login", data={"password": PASSWORD}, headers={"Origin": "https://foreign.example"}
        )

    assert answer.status_code == httpx.codes.FORBIDDEN
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/ws", "/api/v1/live"])
def test_a_foreign_page_s_socket_is_refused_although_the_session_comes_with_it(
    proxied: Proxied, path: str
) -> None:
    headers = {"Cookie": logged_in(proxied)}

    with pytest.raises(InvalidStatus) as refused:
        socket_to(proxied, path, headers, origin="https://foreign.example").close()

    assert refused.value.response.status_code in {401, 403}


def test_a_client_counts_by_its_own_address(proxied: Proxied) -> None:
    """The access log has who asked, not the proxy; a client's own word for it is not believed."""
    with client(proxied.port) as http:
        http.get("/api/v1/predictions", headers={"X-Forwarded-For": "198.51.100.7"})

    assert "198.51.100.7" not in proxied.spout.log.read_text("utf-8")


def socket_to(proxied: Proxied, path: str, headers: dict[str, str], origin: str | None = None):  # noqa: ANN201
    return connect(
        f"wss://{NAME}:{proxied.port}{path}",
        sock=socket.create_connection(("127.0.0.1", proxied.port), 20),
        server_hostname=NAME,
        ssl=UNCHECKED,
        origin=origin,  # type: ignore[arg-type]
        additional_headers=headers,
        proxy=None,
        open_timeout=20,
    )

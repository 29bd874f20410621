"""Real far sides on the loopback: a web server that says what it is told to, and a SOCKS 5 proxy."""

import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any


@dataclass(frozen=True, slots=True)
class Got:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass(frozen=True, slots=True)
class Say:
    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    endless: bool = False
    dripping: bool = False
    wait_seconds: float = 0.0
    before: Iterable[bytes] = ()
    """Sent as they are before the answer; without end, if there is none of them."""


Answer = Callable[[Got], Say]


class Receiver:
    """`got` holds what came, in order; `script` is used up first, then `answer` says what is answered."""

    def __init__(self, answer: Answer | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.got: list[Got] = []
        self.script: list[Say] = []
        self.sent_bytes = 0
        self.connections = 0
        self._answer = answer or (lambda _got: Say())
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def say(self, got: Got) -> Say:
        self.got.append(got)
        return self.script.pop(0) if self.script else self._answer(got)

    def write(self, file: BufferedIOBase, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            file.write(piece)
            self.sent_bytes += len(piece)

    def url(self, path: str = "/hook", scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def close(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """A client that leaves is no error of a test."""


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            say = receiver.say(Got(self.command, self.path, headers, body, time.time()))
            if say.wait_seconds:
                receiver.stopping.wait(say.wait_seconds)
            with suppress(OSError):
                self._write(say)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _any  # noqa: N815 - the base's names

        def _write(self, say: Say) -> None:
            receiver.write(self.wfile, say.before)
            self.send_response(say.status)
            for name, value in say.headers.items():
                self.send_header(name, value)
            if not (say.endless or say.dripping):
                self.send_header("Content-Length", str(len(say.body)))
            self.end_headers()
            while say.dripping and not receiver.stopping.wait(0.02):
                self.wfile.write(b".")
                receiver.sent_bytes += 1
            while say.endless and not receiver.stopping.is_set():
                self.wfile.write(b"x" * 65_536)
                receiver.sent_bytes += 65_536
            self.wfile.write(say.body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler


@contextmanager
def receiving(answer: Answer | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver(answer, tls)
    try:
        yield receiver
    finally:
        receiver.close()


class Socks:
    """A SOCKS 5 proxy that leads every name and address to one port; `asked` says for what it was asked."""

    def __init__(self, leads_to: int, drip_seconds: float = 0.0) -> None:
        """`drip_seconds`: between the bytes of its answers."""
        self._drip_seconds = drip_seconds
        self._closing = threading.Event()
        self.asked: list[tuple[str, int]] = []
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError, ValueError, struct.error):  # who leaves in the middle
                    proxy.serve(self.request, leads_to)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def serve(self, client: socket.socket, leads_to: int) -> None:
        client.recv(2 + 255)
        self._say(client, b"\x05\x00")
        _version, _command, _zero, kind = client.recv(4)
        if kind == 3:
            host = client.recv(client.recv(1)[0]).decode()
        else:
            host = socket.inet_ntop(
                *((socket.AF_INET, client.recv(4)) if kind == 1 else (socket.AF_INET6, client.recv(16)))
            )
        self.asked.append((host, struct.unpack("!H", client.recv(2))[0]))
        with socket.create_connection(("127.0.0.1", leads_to)) as far:
            self._say(client, b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
            threading.Thread(target=_pump, args=(far, client), daemon=True).start()
            _pump(client, far)

    def _say(self, client: socket.socket, answer: bytes) -> None:
        pieces = (
            [answer[place : place + 1] for place in range(len(answer))] if self._drip_seconds else [answer]
        )
        for piece in pieces:
            if self._drip_seconds:
                self._closing.wait(self._drip_seconds)
            client.sendall(piece)

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


def _pump(reading: socket.socket, writing: socket.socket) -> None:
    with suppress(OSError):
        while piece := reading.recv(65_536):
            writing.sendall(piece)
        writing.shutdown(socket.SHUT_WR)

"""An audit hook around the threads that send: past our own dialler nothing leaves, starts or resolves.

Apprise's plugins are other people's code. Those we offer are tested to use what we hand them; should one,
some day, open a socket, a process or a thread by itself, it is refused before it happens (a thread since
Python 3.12: older ones do not tell of it).
Source: PEP 578; https://docs.python.org/3/library/audit_events.html.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import TargetRefusedError

_REFUSED = frozenset(
    (
        "socket.connect",
        "socket.sendto",
        "socket.sendmsg",
        "socket.bind",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
        "socket.getnameinfo",
        "_thread.start_new_thread",
        "_thread.start_joinable_thread",  # as it is called since Python 3.13
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.fork",
        "os.posix_spawn",
        "os.spawn",
        "pty.spawn",
        "ctypes.dlopen",
    )
)


class _Walls(threading.local):
    up = False
    gate_open = False


_walls = _Walls()
_lock = threading.Lock()
_installed = False


def install() -> None:
    """Once a process; it cannot be taken away again."""
    global _installed  # noqa: PLW0603 - as the hook itself, one for the process
    with _lock:
        if not _installed:
            sys.addaudithook(_listen)
            _installed = True


@contextmanager
def raised() -> Iterator[None]:
    """Make this thread a sending one: what the hook names is refused in it."""
    install()
    _walls.up = True
    try:
        yield
    finally:
        _walls.up = False


@contextmanager
def gate() -> Iterator[None]:
    """For the dialler alone, around a connection to what it has checked."""
    _walls.gate_open = True
    try:
        yield
    finally:
        _walls.gate_open = False


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if event in _REFUSED and _walls.up and not _walls.gate_open:
        raise TargetRefusedError(f"{event} {arguments[1:2]} past the dialler was refused")

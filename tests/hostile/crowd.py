"""Many sockets at once, from this machine."""

import contextlib
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager


def make_room_for(sockets: int) -> None:
    """Raise this process's own limit; the attacker has more descriptors than the attacked."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = sockets + 256
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def crowd(port: int, count: int, words: bytes = b"") -> Iterator[list[socket.socket]]:
    """`count` connections that say `words` as far as they are taken, and then nothing more."""
    make_room_for(count)
    standing: list[socket.socket] = []
    try:
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", port), timeout=20)
            standing.append(client)
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                client.send(words)
        yield standing
    finally:
        for client in standing:
            client.close()

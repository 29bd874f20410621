#!/bin/sh
# The image's `spout`. `is-alive` is its health check: /healthz over one plain socket, without loading the program.
set -eu
if [ "${1:-}" = is-alive ]; then
  exec python3 -I -S -c '
import os, socket, sys
try:
    with socket.create_connection(("127.0.0.1", int(os.environ.get("SPOUT_PORT") or 8411)), 3) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        sys.exit(b" 200 " not in line.recv(64))
except OSError as error:
    sys.exit(f"/healthz does not answer: {error}")
'
fi
exec python3 -m app "$@"

"""Runs in a second container of Spout's network: tries to get in without a login or a key.

Each line of the answer is `[what was tried, status, whether a cookie came, the first bytes of the body]`.
"""

import base64
import http.client
import json
import os
import sys

HOST, PROXY = os.environ["TARGET"], os.environ["PROXY"]
FORGED = {
    "nothing": {},
    "a forwarded client": {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"},
    "the proxy's name": {
        "X-Forwarded-For": PROXY,
        "X-Forwarded-Host": PROXY,
        "Forwarded": f"for={PROXY};host={PROXY}",
    },
    "loopback as Host": {"Host": "127.0.0.1:8411", "X-Real-IP": "127.0.0.1"},
    "our own Origin": {"Origin": f"http://{HOST}:8411", "Sec-Fetch-Site": "same-origin"},
    "the box's cookie": {"Cookie": "UMBREL_PROXY_TOKEN=anything; spout=anything"},
    "a user": {"X-Forwarded-User": "operator", "Remote-User": "operator", "Authorization": "Basic b3A6b3A="},
}
PATHS = (
    "/",
    "/system",
    "/wall",
    "/api/v1/predictions",
    "/api/v1/health",
    "/api/v1/settings",
    "/api/v1/keys",
    "/metrics",
)
SOCKETS = ("/ws", "/api/v1/live")
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
}


def tried(
    what: str, method: str, path: str, headers: dict[str, str], body: bytes | None = None
) -> list[object]:
    line = http.client.HTTPConnection(HOST, 8411, timeout=20)
    try:
        line.request(method, path, body=body, headers=headers)
        answer = line.getresponse()
        shown = b"" if answer.status == 101 else answer.read(4000)
        return [
            f"{method} {path} with {what}",
            answer.status,
            answer.getheader("Set-Cookie"),
            shown.decode(errors="replace"),
        ]
    finally:
        line.close()


answers = []
for what, headers in FORGED.items():
    answers += [tried(what, "GET", path, headers) for path in PATHS]
    answers += [tried(what, "GET", path, {**UPGRADE, **headers}) for path in SOCKETS]
    answers.append(tried(what, "POST", "/session", headers, b"{}"))
    answers.append(tried(what, "POST", "/login", headers, b"password=guess"))
json.dump(answers, sys.stdout)

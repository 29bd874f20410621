"""Stands in for Umbrel's app_proxy, in a container of its own: a login by cookie before one app.

As the real one: waits for APP_PORT, keeps the browser's Host and Origin, sets X-Forwarded-* on requests, none
on WebSocket upgrades, checks the login there too, strips its own cookie. A blacklist wins over the list of
paths that pass without a login. Standard library alone.
"""

import asyncio
import os
import re

HOST, PORT = os.environ["APP_HOST"], int(os.environ["APP_PORT"])
TOKEN = os.environ["TEST_TOKEN"]
LISTEN = int(os.environ.get("PROXY_PORT", "8411"))
COOKIE = "UMBREL_PROXY_TOKEN"
END = b"\r\n\r\n"


def is_listed(path: str, name: str) -> bool:
    """`/path` is that path, `/path/*` what lies below it, `/path*` what begins so."""
    for rule in re.split(r"[,\s]+", os.environ.get(name, "")):
        if rule and (path.startswith(rule[:-1]) if rule.endswith("*") else path == rule):
            return True
    return False


def needs_login(path: str) -> bool:
    return is_listed(path, "PROXY_AUTH_BLACKLIST") or not is_listed(path, "PROXY_AUTH_WHITELIST")


def passed_on(head: bytes, peer: str) -> tuple[bytes, bool]:
    """Return the request as the app gets it, and whether whoever asks is logged in or need not be."""
    first, *lines = head.decode("latin-1").split("\r\n")
    path = first.split(" ")[1].split("?")[0]
    headers = [line.split(":", 1) for line in lines if ":" in line]
    found = {name.strip().lower(): value.strip() for name, value in headers}
    cookies = [one.strip() for one in found.get("cookie", "").split(";") if one.strip()]
    logged_in = f"{COOKIE}={TOKEN}" in cookies
    kept = [(name, value.strip()) for name, value in headers if name.lower() not in {"cookie", "connection"}]
    if own := [one for one in cookies if not one.startswith(COOKIE)]:
        kept.append(("Cookie", "; ".join(own)))
    if "upgrade" in found:
        kept.append(("Connection", "Upgrade"))
    else:
        kept = [(name, value) for name, value in kept if not name.lower().startswith("x-forwarded")]
        kept += [("X-Forwarded-For", peer), ("X-Forwarded-Proto", "http")]
        kept += [("X-Forwarded-Host", found.get("host", "")), ("Connection", "close")]
    text = "\r\n".join([first, *(f"{name}: {value}" for name, value in kept)])
    return text.encode("latin-1") + END, logged_in or not needs_login(path)


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        head = (await reader.readuntil(END))[: -len(END)]
    except (asyncio.IncompleteReadError, OSError):
        writer.close()
        return
    request, may_pass = passed_on(head, writer.get_extra_info("peername")[0])
    if not may_pass:
        writer.write(
            b"HTTP/1.1 302 Found\r\nLocation: http://umbrel.local:2000/\r\nContent-Length: 0\r\n\r\n"
        )
        writer.close()
        return
    app_reader, app_writer = await asyncio.open_connection(HOST, PORT)
    app_writer.write(request)
    await asyncio.gather(pipe(reader, app_writer), pipe(app_reader, writer))


async def main() -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, PORT)
        except OSError:
            await asyncio.sleep(0.2)
        else:
            writer.close()
            break
    server = await asyncio.start_server(serve, "0.0.0.0", LISTEN)
    await server.serve_forever()


asyncio.run(main())

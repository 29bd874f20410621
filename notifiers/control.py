"""A socket in the data directory, for this machine's own user: `spout endpoints test` of a running Spout.

So that a test goes out where all else does, and the host it calls is listed with the others.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog

from app.api.models import EndpointTest

SOCKET: Final = "control.sock"
_LONGEST_LINE: Final = 1_024
_PATIENCE_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 60.0
_log = structlog.get_logger(__name__)

Test = Callable[[str], Awaitable[EndpointTest | None]]


@asynccontextmanager
async def serving(data_dir: Path, test: Test) -> AsyncIterator[None]:
    """Answer while this is open; where no socket can be made it is said once, and all else goes on."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                asked = json.loads(await reader.readline())
            tested = await test(str(asked["test"]))
            reported = {"tested": tested.body() if tested else None}
            writer.write(json.dumps(reported).encode() + b"\n")
            await writer.drain()
        except (ValueError, KeyError, TypeError, OSError) as error:  # TimeoutError is an OSError
            _log.debug("control socket", error=type(error).__name__)
        finally:
            writer.close()

    path = data_dir / SOCKET
    path.unlink(missing_ok=True)  # of a Spout that was killed: this one holds the directory's lock
    try:
        server = await asyncio.start_unix_server(answer, str(path), limit=_LONGEST_LINE)
        path.chmod(0o600)
    except OSError as error:
        _log.warning("no control socket", path=str(path), error=str(error))
        yield
        return
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def ask_running(data_dir: Path, endpoint: str) -> tuple[bool, EndpointTest | None]:
    """Have a running Spout test an endpoint, by id or name; (False, None) if none runs."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(data_dir / SOCKET))
    except OSError:
        return False, None
    try:
        writer.write(json.dumps({"test": endpoint}).encode() + b"\n")
        await writer.drain()
        async with asyncio.timeout(_ANSWER_SECONDS):
            line = await reader.readline()
    except OSError:
        return False, None
    finally:
        writer.close()
    if not line:
        return False, None
    reported = json.loads(line)["tested"]
    return True, None if reported is None else EndpointTest.model_validate(reported)

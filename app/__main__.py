"""`spout`: the commands. `run` keeps its imports few, so that the port is open at once."""

import asyncio
import os
import sys

from app.errors import SpoutError


def main() -> None:
    """Run one command; an error of ours is one line and exit code 2, never a traceback."""
    try:
        _command(sys.argv[1:])
    except SpoutError as error:
        print(f"spout: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _command(arguments: list[str]) -> None:
    if arguments == ["run"]:
        _run()
    else:
        from app.commands import app  # noqa: PLC0415 - the other commands may take their time

        app()


def _run() -> None:
    from app.appliance import run  # noqa: PLC0415 - only `run` needs it, and must start fast
    from app.settings import read_settings  # noqa: PLC0415 - as `run`

    asyncio.run(run(read_settings(os.environ), lambda url: print(f"Spout: {url}", flush=True)))
    sys.stdout.flush()
    sys.stderr.flush()
    # All is stored and closed. What may still run is an import on a thread beside: not worth waiting for,
    # and the interpreter would.
    os._exit(0)


if __name__ == "__main__":
    main()

"""`spout`: the command line. `run` imports little, so that the port opens at once."""

import os
import sys

from app.errors import SpoutError


def main() -> None:
    """Run one command; an error of ours prints one line and exits with code 2, without a traceback."""
    os.umask(0o077)  # our files are readable by us only, whichever command creates them
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

    run(os.environ, lambda url: print(f"Spout: {url}", flush=True))
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is stored and closed. Only an import on another thread may still run: not worth waiting
    # for, and the interpreter would.
    os._exit(0)


if __name__ == "__main__":
    main()

"""`spout run`, where it is asked for its help; started plainly it does not come through here."""

import os

import typer

from app.appliance import run


def run_appliance() -> None:
    """Start the appliance: it watches, keeps, shows and tells, until it is stopped (Ctrl-C or SIGTERM).

    The dashboard's address is printed as soon as it answers: http://127.0.0.1:8411/ unless told otherwise.

    It takes no options; settings are environment variables (docs/settings.md lists them all). Those to know:

    - `SPOUT_MEMPOOL_URL`: your mempool backend, http://127.0.0.1:8999 if unset. With no node there, a
      recording is played and marked DEMO.
    - `SPOUT_ELECTRS_URL`, `SPOUT_BITCOIND_URL`: your Electrum server and your node, if you want them used.
    - `SPOUT_DATA_DIR`: where everything is kept, ./data if unset.
    - `SPOUT_HOST`, `SPOUT_PORT`, `SPOUT_PASSWORD`: who may see the dashboard.
    - `SPOUT_WHALE_THRESHOLD_BTC`: from how much on it is a whale, 100 if unset.
    """
    run(os.environ, lambda url: typer.echo(f"Spout: {url}"))

#!/bin/sh
# Fetches a real Electrum server into a virtual environment of its own, .parts/electrum, for the tests.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
parts=${1:-$root/.parts/electrum}
if [ -x "$parts/bin/electrumx_server" ]; then
  exit 0
fi
python=${PYTHON:-$root/.venv/bin/python}
[ -x "$python" ] || python=python3
"$python" -m venv "$parts"
# e-x 2 refuses this bitcoind; the registry's "electrumx" is another coin's.
"$parts/bin/python" -m pip install --quiet --disable-pip-version-check e-x==1.20.0 plyvel

#!/bin/sh
# Coverage-guided fuzzing with atheris, which is installed on the first call from a lock of its own: nothing else needs
# it. run.sh [--if-possible] arguments of tests.fuzz. With --if-possible its absence is said and is no failure.
set -eu
cd "$(dirname "$0")/../.."
lock=tests/fuzz/requirements.txt
stamp=.venv/fuzzable
missing=1
if [ "${1:-}" = --if-possible ]; then
  missing=0
  shift
fi

if ! cmp -s "$lock" "$stamp"; then
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --only-binary :all: --require-hashes \
    -r "$lock" || {
    echo "No atheris could be had here ($(uname -sm), $(.venv/bin/python --version)): it has wheels for Linux on x86-64 and" >&2
    echo "Python 3.11 to 3.14 alone, or no index answered. Nothing was fuzzed led by coverage; the seeded inputs need none." >&2
    exit "$missing"
  }
  cp "$lock" "$stamp"
fi
exec .venv/bin/python -m tests.fuzz "$@"

#!/bin/sh
# The tests of the pages on the next pair of Panel and Bokeh (pair.txt), in an environment of its own, .parts/next, from
# its own lock. The pair needs Python 3.12: it is looked for, and said so if it is not there. Arguments go to pytest.
set -eu
cd "$(dirname "$0")/../.."
place=.parts/next
lock=tests/next/requirements.txt

find_python() {
  for one in python3.12 python3.13 python3.14 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python3; do
    "$one" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && echo "$one" && return 0
  done
  return 1
}

python=$(find_python) || {
  echo "make test-next: no Python 3.12 or later here, and the next pair needs one; nothing was tested" >&2
  exit 1
}
if ! cmp -s "$lock" "$place/installed"; then
  echo "Installing the next pair into $place with $("$python" --version)" >&2
  rm -rf "$place"
  "$python" -m venv "$place"
  "$place/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r "$lock"
  "$place/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
    --no-build-isolation --editable .
  cp "$lock" "$place/installed"
fi
[ $# -gt 0 ] || set -- tests/dashboard tests/browser
exec "$place/bin/python" -m pytest -q "$@"

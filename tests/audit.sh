#!/bin/sh
# Asks a vulnerability service about every locked requirement. Plain pip-audit says "none found" where it could
# ask nobody; this fails then, in words. pip-audit has an environment of its own: nothing of it is shipped.
set -eu
cd "$(dirname "$0")/.."
room=.parts/audit version=2.10.1
if [ ! -x "$room/bin/pip-audit" ]; then
  "${PYTHON:-python3}" -m venv "$room"
  "$room/bin/pip" install --quiet --disable-pip-version-check --no-input "pip-audit==$version"
fi
said=$(mktemp)
trap 'rm -f "$said"' EXIT
if "$room/bin/pip-audit" --strict --disable-pip --require-hashes --progress-spinner off \
  -r requirements.txt -r requirements-test.txt >"$said" 2>&1; then
  cat "$said"
  exit 0
fi
cat "$said"
if ! grep -q "Found [0-9]* known vulnerabilit" "$said"; then
  echo "make audit: no vulnerability service could be asked about every requirement, so nothing is known." >&2
  echo "Run it where the package index answers with its advisories; this is no finding, and no all-clear." >&2
  exit 2
fi
exit 1

#!/bin/sh
# Renews requirements.txt here: what pyproject.toml names, with the pair of pair.txt in place of its own, and for the
# rest what requirements-test.txt locks.
set -eu
cd "$(dirname "$0")/../.."
kept=.parts/next-constraints.txt
mkdir -p .parts
trap 'rm -f "$kept"' EXIT
sed -n 's/ *\\$//; /^[a-z0-9-].*==/p' requirements-test.txt | grep -vE '^(panel|bokeh)==' >"$kept"
.venv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.12 --generate-hashes \
  --no-emit-index-url --custom-compile-command "make lock" --group build --extra test \
  --constraint "$kept" --override tests/next/pair.txt -o tests/next/requirements.txt

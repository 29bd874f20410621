#!/bin/sh
# Renews requirements.txt here, from requirements.in.
set -eu
cd "$(dirname "$0")/../.."
.venv/bin/uv pip compile tests/fuzz/requirements.in --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --custom-compile-command "make lock" -o tests/fuzz/requirements.txt

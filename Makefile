# make run     install into .venv and start Spout        make test    install what the tests need, run them all
#              (in WORKERS processes: most of it waits for others)
# make install the virtual environment alone             make lint    style, types, floors
# make bench [ONLY=name,…]  the benches, bench.json      make lock    renew the locked requirements

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" --group build
INSTALLED := .venv/installed
TESTABLE := .venv/testable
ONLY ?=
TESTS ?=
WORKERS ?= 2

.PHONY: install run test lint bench lock clean
.DELETE_ON_ERROR:

install: $(INSTALLED)

run: $(INSTALLED)
	@exec $(BIN)/spout run

test: $(TESTABLE)
	@sh tests/get_parts.sh
	@$(BIN)/python -m pytest -q --numprocesses $(WORKERS) --dist loadfile $(TESTS)

lint: $(TESTABLE)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(TESTABLE)
	@$(BIN)/python -m tests.bench $(ONLY)

# Newer versions within what pyproject.toml allows; without UPGRADE=1 only what must change.
lock: $(TESTABLE)
	$(LOCK) $(if $(UPGRADE),--upgrade) -o requirements.txt
	$(LOCK) $(if $(UPGRADE),--upgrade) --extra test -c requirements.txt -o requirements-test.txt

clean:
	rm -rf .venv .parts build dist *.egg-info bench.json

# Each stamp is touched last: an install that was broken off is done again.
$(INSTALLED): requirements.txt pyproject.toml | .venv/bin/python
	@echo "Installing Spout into .venv (once; about a minute)" >&2
	@$(PIP) --require-hashes -r requirements.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(TESTABLE): requirements-test.txt $(INSTALLED)
	@echo "Installing what the tests need into .venv" >&2
	@$(PIP) --require-hashes -r requirements-test.txt
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Spout needs Python 3.11 or later as $(PYTHON); name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot make a virtual environment: on Debian, apt-get install python3-venv" >&2; exit 1; }

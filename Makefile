# make run     install into .venv and start Spout        make test    install what the tests need, run them all
#              (those that bound a duration alone, the rest in WORKERS processes: most of it waits for others)
# make test-anywhen [CASE=name]  the fast part of the tests on other days, in other zones, languages, orders
# make install the virtual environment alone             make lint    style, types, floors
# make test-browsers  every page in Firefox and WebKit   make test-next      the browser tests on the next Panel
# make coverage  what the fast part of the tests reaches, line and branch, and fails below one of FLOORS
# make mutate [MODULE=app/core/flow]  changes app/core place by place and counts what its tests notice of it: hours,
#              so by hand, a module at a time; a second call goes on where the first was broken off (docs/mutation.md)
# make soak    the seeded runs in full, of which make test does a tenth or less, then make fuzz where it can be had
# make fuzz [TARGET=name,…] [RUNS=n] [SEED=n]  what strangers send, led by what it reaches: docs/fuzzing.md
# make audit   the locked requirements against a vulnerability service, which must be within reach
# make image   the container image, with podman          make package the Umbrel packages in dist/umbrel
# make test-packages  the image and the packages, run     make gallery the pictures of the listing, from the demo
# make bench [ONLY=name,…]  the benches, bench.json      make lock    renew the locked requirements

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" --group build
INSTALLED := .venv/installed
TESTABLE := .venv/testable
MUTABLE := .venv/mutable
CHECKERS := node_modules/.installed
ONLY ?=
TESTS ?=
CASE ?= all
MODULE ?= $(addprefix app/core/,tracking flow forecasting scoring encoding alerts) app/core
WORKERS ?= 3
TARGET ?=
RUNS ?=
SEED ?=
# Percent of lines and branches, a little below what was measured last: may rise, never fall.
FLOORS := app=94.7 dashboard=95.5 notifiers=96.0

.PHONY: audit coverage fuzz install run mutate soak test test-anywhen test-browsers test-next lint schemas bench lock \
	image package gallery test-packages clean
.DELETE_ON_ERROR:

install: $(INSTALLED)

run: $(INSTALLED)
	@exec $(BIN)/spout run

# Bytecode is kept even where the environment says not to: each of three workers would compile every test, and
# each of the two hundred programs that they start all of Spout.
coverage test test-anywhen test-browsers test-packages soak fuzz: export PYTHONDONTWRITEBYTECODE :=

test: $(TESTABLE)
	@sh tests/get_parts.sh
	@$(BIN)/python -m pytest -q -m timed $(TESTS) || [ $$? = 5 ]
	@$(BIN)/python -m pytest -q -m "not timed" --numprocesses $(WORKERS) --dist loadfile \
		--no-loadscope-reorder $(TESTS)

test-anywhen: $(TESTABLE)
	@$(BIN)/python -m tests.anywhen $(CASE)

# Each starts a browser of its own, so they are called by name and are none of make test.
test-browsers: $(TESTABLE)
	@sh tests/other_browsers/get_browsers.sh
	@$(BIN)/python -m pytest -q tests/other_browsers/each_page.py

# Of app/core by its own tests alone: what only another floor's tests reach of it counts for nothing. Then the
# rest of the fast part joins them, for the whole of each package; no test runs twice. Without tests/journey,
# whose Spouts are processes of their own. The seed makes the figures the same each time: random examples would
# reach now one line more, now one less.
coverage: MEASURED := $(BIN)/coverage run -m pytest -q --hypothesis-seed 0 --numprocesses $(WORKERS) \
	--dist loadfile
coverage: $(TESTABLE)
	@$(BIN)/coverage erase
	@$(MEASURED) tests/core
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report -m --skip-covered --include 'app/core/*' --fail-under 100
	@$(MEASURED) -m "$$($(BIN)/python -c 'from tests.anywhen.running import FAST; print(FAST)')" \
		--no-loadscope-reorder --ignore tests/core --ignore tests/journey
	@$(BIN)/coverage combine -q --append
	@failed=0; for floor in $(FLOORS); do \
		part=$${floor%=*} least=$${floor#*=}; \
		printf '%s: lines and branches reached, percent, at least %s: ' "$$part" "$$least"; \
		$(BIN)/coverage report --include "$$part/*" --format total --fail-under "$$least" || failed=1; \
	done; exit $$failed

# The lowest priority, since it takes hours. -P: what is imported as `tests` is the copy that mutmut makes.
mutate: $(MUTABLE)
	@nice -n 19 $(BIN)/python -P tests/mutate.py "$(MODULE)"

# Tells what moving on to the next pair of Panel and Bokeh costs; docs/dashboard.md lists what fails there.
test-next:
	@sh tests/next/run.sh $(TESTS)

# Every seeded run in full: kills, clock jumps, lagging sources. Hours on a small machine.
soak: $(TESTABLE)
	@sh tests/get_parts.sh
	@SPOUT_SOAK=1 $(BIN)/python -m pytest -q -s -m soak --timeout 7200 $(TESTS)
	@$(if $(TESTS),:,sh tests/fuzz/run.sh --if-possible)

fuzz: $(TESTABLE)
	@sh tests/fuzz/run.sh $(if $(TARGET),--target $(TARGET)) $(if $(RUNS),--runs $(RUNS)) \
		$(if $(SEED),--seed $(SEED))

# No part of lint or CI: it needs a service on the internet, and says so where there is none.
audit:
	@PYTHON=$(PYTHON) sh tests/audit.sh

lint: $(TESTABLE) $(CHECKERS)
	$(BIN)/ruff check .
	$(BIN)/ruff check --preview --select PLW1514 .  # a file's encoding is named: the machine's own may be any
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm run --silent lint

# docs/schema/v1 from the models; refuses what would break a shape, unless ANEW names it.
schemas: $(TESTABLE)
	@$(BIN)/python -m tests.api.freeze $(ANEW)

bench: $(TESTABLE)
	@$(BIN)/python -m tests.bench $(ONLY)

# Newer versions within what pyproject.toml allows; without UPGRADE=1 only what must change.
lock: $(TESTABLE)
	$(LOCK) $(if $(UPGRADE),--upgrade) -o requirements.txt
	$(LOCK) $(if $(UPGRADE),--upgrade) --extra test -c requirements.txt -o requirements-test.txt
	$(BIN)/uv pip compile --group mutate --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) \
		-c requirements-test.txt -o requirements-mutate.txt
	sh tests/next/lock.sh
	sh tests/fuzz/lock.sh

image:
	@packaging/build.sh

package:
	@$(PYTHON) tests/packaging/lay_out.py

gallery: $(TESTABLE)
	@$(BIN)/python tests/packaging/gallery.py

# In containers (podman), behind nginx and Caddy, below systemd's eyes, and as StartOS compiles it.
test-packages: $(TESTABLE)
	@packaging/engine.sh --check
	@packaging/build.sh
	@sh tests/get_parts.sh
	@sh tests/packages/get_parts.sh
	@SPOUT_TEST_PACKAGES=1 $(BIN)/python -m pytest -q tests/packages

clean:
	rm -rf .venv .parts node_modules mutants build dist *.egg-info bench.json fuzz-findings

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

$(MUTABLE): requirements-mutate.txt $(TESTABLE)
	@echo "Installing what make mutate needs into .venv" >&2
	@$(PIP) --require-hashes -r requirements-mutate.txt
	@touch $@

# What checks the dashboard's modules: eslint and prettier; nothing of it is shipped.
$(CHECKERS): package-lock.json
	@npm ci --silent --no-audit --no-fund
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Spout needs Python 3.11 or later as $(PYTHON); name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot make a virtual environment: on Debian, apt-get install python3-venv" >&2; exit 1; }

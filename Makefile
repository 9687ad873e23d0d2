# Every target makes and reuses .venv by itself; a fresh .venv needs the network once, nothing afterwards does.
# PYTHON names the interpreter to start from (3.11 or newer): make test PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.installed
BENCH_READY := .venv/.bench-installed
BROWSER_READY := .venv/.browser-ready
CORE := .venv/core
CORE_READY := $(CORE)/.installed
ENGINES := .venv/engines
ENGINES_READY := $(ENGINES)/.installed
PIP_INSTALL := -m pip install -qq --disable-pip-version-check -c constraints.txt

# One thread a process: the tests run in two processes, and two BLAS pools on two cores only get in each other's way.
TEST_ENV := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Without this Pyright asks the network whether there is a newer one.
LINT_ENV := PYRIGHT_PYTHON_IGNORE_WARNINGS=1

# Two processes; the tests of the browser stay together in one, which makes the pages once.
WORKERS := -n 2 --dist loadgroup

# Ray and Spark are in no extra: their examples have an environment of their own.
NOT_ENGINES := --ignore=tests/scale/engines

# The rooms that need an extra; `make test` runs their tests, and a missing package there is a failure.
EXTRA_ROOMS := gaussian cli/test_cli_gaussian.py objectives training monitoring pretrained experiments browser report/figures scale io/databases \
	io/test_zarr_files.py io/test_hdf5_files.py io/test_lance_files.py

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-core test-engines bench lint picture clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

demo: $(READY)  ## diagnose something real and something made, compare, train on both (a minute)
	$(BIN)/python examples/demo.py

test: lint $(BROWSER_READY)  ## lint, types, tests, doctests, coverage: what must pass before a commit
	$(TEST_ENV) $(BIN)/python -m pytest $(WORKERS) $(NOT_ENGINES) -m "not slow" --cov --cov-report=term:skip-covered

test-all: lint $(BROWSER_READY)  ## the same with the slow calibration and memory tests
	$(TEST_ENV) $(BIN)/python -m pytest $(WORKERS) $(NOT_ENGINES) --cov --cov-report=term:skip-covered

test-core: $(CORE_READY)  ## the tests in an environment without the extras
	$(TEST_ENV) $(CORE)/bin/python -m pytest $(WORKERS) -q -p no:cacheprovider -m "not slow" tests $(EXTRA_ROOMS:%=--ignore=tests/%)

test-engines: $(ENGINES_READY)  ## the examples for Ray and Spark (needs Java 17 for Spark)
	$(TEST_ENV) $(ENGINES)/bin/python -m pytest -q -p no:cacheprovider tests/scale/engines

bench: $(BENCH_READY)  ## speed and memory beside SciPy, statsmodels and other losses, in one run
	$(BIN)/python -m benchmarks

lint: $(READY)  ## ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(LINT_ENV) $(BIN)/pyright

picture: $(READY) $(BROWSER_READY)  ## draw the README's pictures again
	$(BIN)/python docs/images/draw_terminal.py
	$(BIN)/python docs/images/draw_report.py

clean:  ## remove what the other targets made
	rm -rf .venv demo-output .pytest_cache .ruff_cache .hypothesis .coverage htmlcov

$(READY): pyproject.toml constraints.txt
	$(call new_venv,.venv)
	$(BIN)/python $(PIP_INSTALL) -e ".[dev]"
	@touch $@

# The pages are tested in a real Chromium: one that is there already, else Debian's, else Playwright's.
$(BROWSER_READY): $(READY)
	$(BIN)/python tests/browser/chromium.py
	@touch $@

# Not an extra: lightly asks for torchvision, Lightning and hydra, of which the one loss that is timed needs nothing.
# Where it cannot be had the benchmark says so and leaves it out.
$(BENCH_READY): $(READY)
	-$(BIN)/python $(PIP_INSTALL) --no-deps lightly && touch $@

$(CORE_READY): pyproject.toml constraints.txt
	$(call new_venv,$(CORE))
	$(CORE)/bin/python $(PIP_INSTALL) -e . pytest pytest-xdist hypothesis mpmath  # what the tests themselves need
	@touch $@

$(ENGINES_READY): pyproject.toml constraints.txt
	$(call new_venv,$(ENGINES))
	$(ENGINES)/bin/python $(PIP_INSTALL) -e '.[scale]' pytest ray pyspark
	@touch $@

define new_venv
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) found: install Python 3.11 or newer, or run make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11; run make PYTHON=python3.11" >&2; exit 1; }
	@test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
endef

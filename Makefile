# Bare `make` lists the verbs. Everything is installed into .venv of this checkout, nowhere else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast check lint types format test-specs test-placement test-faults test-boot benchmarks test-rgw bench-transfer bench-reads reference bench-placement lock clean

help: ## List the verbs.
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'

setup: $(STAMP) ## Install poya and its tools into .venv (done by the other verbs when needed).

$(STAMP): requirements.lock pyproject.toml scripts/bootstrap
	@PYTHON="$(PYTHON)" sh scripts/bootstrap $(VENV)
	@touch $@

demo: $(STAMP) ## Migrate the vCluster `gele` between two emulated sites, and show it.
	@$(BIN)/poya lab demo

test: $(STAMP) ## Run all checks and tests that CI runs.
	@sh scripts/test

test-fast: $(STAMP) ## Run the quick tests only.
	@$(BIN)/python -m pytest -q -m "not slow and not boot and not rgw"

check: lint types ## Lint, types and architecture, without tests.

lint: $(STAMP) ## Style and architecture.
	@$(BIN)/ruff check src tests benchmarks
	@$(BIN)/ruff format --check src tests benchmarks
	@$(BIN)/lint-imports

types: $(STAMP) ## Strict types.
	@$(BIN)/mypy

format: $(STAMP) ## Rewrite the code in the house style.
	@$(BIN)/ruff format src tests benchmarks
	@$(BIN)/ruff check --fix src tests benchmarks

test-specs: $(STAMP) ## Hold the lab against the official specifications (SPECS=DIRECTORY, needs uv).
	@PYTHONPATH=src $(BIN)/python tests/lab/specifications/run.py $(SPECS)

test-placement: $(STAMP) ## Compare placements with brute force on 500 random sites (two minutes).
	@POYA_PUZZLES=500 $(BIN)/python -m pytest -q -n 2 tests/placement/test_brute_force.py

test-faults: $(STAMP) ## The whole matrix of crashes and faults (FAULTS=10: every tenth row).
	@POYA_FAULTS=$${FAULTS:-1} $(BIN)/python -m pytest -q -n 2 tests/faults tests/journal

test-boot: $(STAMP) ## Boot a migrated image under QEMU (installs QEMU from the distribution).
	@sh scripts/test-boot

benchmarks: $(STAMP) ## Measure start-up and reads; prints ratios.
	@$(BIN)/python -m benchmarks
	@$(BIN)/python -m benchmarks.planning
	@$(BIN)/python -m benchmarks.journal

test-rgw: $(STAMP) ## Run the tests that need a real Ceph RGW (Debian: ceph-mon, ceph-osd, radosgw).
	@$(BIN)/python -m pytest -q -m rgw

bench-transfer: $(STAMP) ## Measure transfers beside other tools between two real Ceph gateways (OPTIONS=--help).
	@$(BIN)/python -m benchmarks.transfer $(OPTIONS)

bench-reads: $(STAMP) ## Measure reads of a whole machine beside httpx2 + json.
	@$(BIN)/python -m benchmarks.reads

reference: $(STAMP) ## Write docs/reference/csm.md from the docstrings.
	@$(BIN)/python scripts/csm_reference.py
bench-placement: $(STAMP) ## Choose nodes on machines of up to 10,000, beside manta's greedy way.
	@$(BIN)/python -m benchmarks.placement

lock: ## Resolve requirements.lock anew from pyproject.toml (needs uv).
	@sh scripts/lock

clean: ## Remove what the verbs made.
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

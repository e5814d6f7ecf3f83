# demo, test, soak, lint, bench, docs: each makes the environment that it needs by itself.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test soak lint bench docs clean

demo: $(VENV)/installed  ## A store full of generated records, its segments recalculated
	$(BIN)/segctl demo

test: $(VENV)/developed  ## All tests on SQLite and on a Postgres of their own
	$(BIN)/python -m pytest --cov

soak: $(VENV)/developed  ## Two daemons, imports and edits on each store, five minutes each
	$(BIN)/python -m tests.soak

lint: $(VENV)/developed  ## Format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/developed  ## The table of docs/benchmarks.md
	$(BIN)/python -m bench

docs: $(VENV)/developed  ## The pages that are made from the code
	$(BIN)/python docs/generate.py

clean:  ## Everything that the others made
	rm -rf $(VENV) build dist demo .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "segctl needs Python 3.11 or newer on PATH (or: make PYTHON=/path/to/python)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "$(PYTHON) has no venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(BIN)/python
	$(PIP) -e .
	@touch $@

$(VENV)/developed: pyproject.toml | $(BIN)/python
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/installed

# `make demo` and `make test` need nothing but python3 (3.11 or newer): make/venv.mk makes the environment for them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lint types check generate lock clean

help:  ## what can be made
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

demo: $(VENV)/.installed  ## the whole story on this machine, without any account
	@$(BIN)/python -m scripts.demo

test: $(VENV)/.installed  ## the default test suite
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: $(VENV)/.installed  ## style, and the arrows between the modules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PYTHONPATH=src:. $(BIN)/lint-imports

types: $(VENV)/.installed  ## mypy --strict
	$(BIN)/mypy

check: lint types test  ## all that a change must pass

generate: $(VENV)/.installed  ## write into documents and deployments what the tables in src/ say
	@PYTHONPATH=src $(BIN)/python -m scripts.generate

include make/venv.mk
include $(filter-out make/venv.mk,$(sort $(wildcard make/*.mk)))

lock: $(VENV)/.installed  ## compile every requirements/*.in, with hashes and without the address of an index
	$(BIN)/python -m pip install --quiet uv
	for file in src/requirements.in requirements/*.in; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header $$file -o $${file%.in}.txt || exit 1; done

clean:  ## remove what was made
	rm -rf .venv .venv-* build mutants .demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# VQScope: `make explore` and `make test` do all set-up themselves, in .venv, once.
#
#   make explore ARGS="--port 9000"             options of `vqscope explore`
#   make explore VQSCOPE_DATA=~/images          another data folder
#   make explore PYTHON=python3.12              another Python (3.11 or newer)
#   make explore TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu
#                                               smaller CPU wheels of torch: 0.2 GB instead of 3 GB on Linux
#
# pip's own variables (PIP_INDEX_URL, PIP_FIND_LINKS, PIP_CONSTRAINT …) and configuration are honoured as they are.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
WORKERS ?= 2
TORCH_INDEX_URL ?=
FIVE := ham10000,pneumoniamnist,retinamnist,breastmnist,bloodcells_pbc
ZOO ?= base paper

.DEFAULT_GOAL := help
.PHONY: help setup explore test lint format zoo bench-models bench-recipe bench-embedding bench-outliers bench-latent bench-search bench-explorer bench-soak bench-pushing screenshots api-examples bench-coverage bench-service bench-api bench-fuzz test-kills audit check-python pre-commit clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | awk -F '\t' '{printf "make %-16s%s\n", $$1, $$2}'

explore: $(VENV)/.installed  ## Set up, then open the explorer (make explore ARGS="--port 9000")
	@$(BIN)/vqscope explore $(ARGS)

test: lint  ## Set up, then lint, type-check and run all tests (make test ARGS="-k ellipse")
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint: $(VENV)/.installed-dev  ## Check style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.installed-dev  ## Put the code into the one format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# What was cut goes on where it was; what is finished in runs/zoo is not trained again: remove the run to start anew.
# (--overwrite: a run killed before its first epoch left nothing to go on with.) Weights are copied last, as a folder
# with weights counts as complete.
zoo: $(VENV)/.installed  ## Train the shipped models anew, hours (make zoo ZOO=paper)
	@set -e; for preset in $(ZOO); do \
	  run=runs/zoo/$$preset; shipped=model/zoo/$$preset; \
	  if [ -f $$run/last.ckpt ]; then $(BIN)/vqscope train --resume $$run; \
	  elif [ -f $$run/model.safetensors ]; then echo "$$run is finished: remove it to train it anew"; \
	  else $(BIN)/vqscope train --preset $$preset --datasets $(FIVE) --run-dir $$run --overwrite $(ARGS); fi; \
	  $(BIN)/vqscope evaluate $$run --datasets $(FIVE) --card; \
	  mkdir -p $$shipped; \
	  cp $$run/config.json $$run/card.json $$run/metrics.csv $$run/model.safetensors $$shipped; \
	done

bench-models: $(VENV)/.installed-bench  ## Compare our models with other libraries', an hour and a half (ARGS="--help")
	@$(BIN)/python -m tests.benchmarks.models $(ARGS)

bench-recipe: $(VENV)/.installed  ## Ablate the training recipe, hours (ARGS="--help")
	@$(BIN)/python -m tests.benchmarks.recipe $(ARGS)

bench-embedding: $(VENV)/.installed  ## Compare definitions of the embedding, ten minutes (ARGS="--help")
	@$(BIN)/python -m tests.benchmarks.embedding $(ARGS)

bench-outliers: $(VENV)/.installed  ## Find images of a data set left out of training, twenty minutes (ARGS="--help")
	@$(BIN)/python -m tests.benchmarks.outliers $(ARGS)

bench-latent: $(VENV)/.installed-dev  ## Time the latent index at the size of all of MedMNIST, minutes (ARGS="--help")
	@$(BIN)/python -m tests.benchmarks.latent $(ARGS)

bench-search: $(VENV)/.installed-bench  ## Compare engines of approximate search, twenty minutes (ARGS="--help")
	@$(BIN)/python -m tests.benchmarks.latent.engines $(ARGS)

bench-explorer: $(VENV)/.installed-dev  ## Time the explorer in a real browser, ten minutes (ARGS="--help")
	@$(BIN)/python -m tests.benchmarks.explorer $(ARGS)

screenshots: $(VENV)/.installed-dev  ## Take the documentation's picture of each page, minutes (ARGS="--help")
	@$(BIN)/python -m tests.browser.screenshots $(ARGS)

api-examples: $(VENV)/.installed-dev  ## Record what a service answers to the examples of its OpenAPI document, a minute
	@$(BIN)/python -m tests.backend.api_examples $(ARGS)

bench-soak: $(VENV)/.installed-dev  ## Ten browsers that click at random for two minutes (ARGS="--help")
	@$(BIN)/python -m tests.benchmarks.explorer.soak $(ARGS)

bench-pushing: $(VENV)/.installed-dev $(VENV)/.installed-bench  ## Compare ways of telling a page of what changes, minutes
	@$(BIN)/python -m tests.benchmarks.explorer.pushing $(ARGS)

bench-service: $(VENV)/.installed-dev  ## Load the service, and overload it, beside the bare encoder, minutes
	@$(BIN)/python -m tests.benchmarks.service $(ARGS)

bench-api: $(VENV)/.installed-dev  ## Try the whole API with 20,000 generated requests, half an hour
	@$(BIN)/python -m pytest -s -m bench tests/backend/test_contract.py $(ARGS)

bench-fuzz: $(VENV)/.installed-dev $(VENV)/.installed-bench  ## Fuzz every reader of bytes, a minute each
	@$(BIN)/python -m pytest -s -m bench tests/backend/test_fuzz.py $(ARGS)

bench-coverage: $(VENV)/.installed  ## Simulate what ellipses truly cover, five minutes (ARGS="--help")
	@$(BIN)/python -m tests.benchmarks.coverage $(ARGS)

test-kills: $(VENV)/.installed-dev  ## Kill trainings and index builds twenty times and resume them, minutes
	@$(BIN)/python -m pytest -m bench tests/faults

audit: $(VENV)/.installed  ## Check the packages for known vulnerabilities; needs the internet
	@$(BIN)/python -m pip install --group audit
	@$(BIN)/python -m pip_audit --local --skip-editable

pre-commit: $(VENV)/.installed-dev  ## Check before each commit (installs the git hook)
	@$(BIN)/pre-commit install

setup: $(VENV)/.installed-dev  ## Only set up, with what development needs

clean:  ## Remove the virtual environment and what tools left; data, runs and the cache stay
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "VQScope needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)." \
	       "Name another one: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv" >&2; exit 2; }

# A stamp is touched last: what was interrupted is done again. pip knows --group from 25.1.
$(VENV)/.made:
	@$(MAKE) --no-print-directory check-python
	@echo "Making the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --upgrade --disable-pip-version-check 'pip>=25.1'
	@touch $@

# Where TORCH_INDEX_URL names an index, torch comes from there first; the second step then finds it in place.
$(VENV)/.installed: pyproject.toml $(VENV)/.made
	@echo "Installing VQScope into $(VENV); torch is large, the first time takes minutes"
	@if [ -n "$(TORCH_INDEX_URL)" ]; then \
	  $(BIN)/python -m pip install --index-url "$(TORCH_INDEX_URL)" torch torchvision; fi
	@$(BIN)/python -m pip install -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/python -m pip install --group dev
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	@$(BIN)/python -m pip install --group bench
	@touch $@

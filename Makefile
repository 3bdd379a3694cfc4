# Two commands do all the set-up: `make demo` starts the site with demonstration data, `make test` runs every check.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Where the CPU build of PyTorch is published; only asked if the installer does not know that build already.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo test check benchmark docs clean

help:
	@echo "make setup      create $(VENV) with the yiqiao command in it"
	@echo "make demo       load the demonstration data and start the site"
	@echo "make test       install what the tests need and run everything, on SQLite and on PostgreSQL"
	@echo "make benchmark  measure speed; prints ratios, changes nothing"
	@echo "make docs       renew the generated parts of docs/ and the message catalogue"

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

# A plain `torch` may bring a CUDA build of several GB: the CPU build first, then the range for systems without one.
$(VENV)/.torch: constraints-torch.txt | $(BIN)/python
	$(PIP) install --quiet -c constraints-torch.txt torch 2>/dev/null \
	|| $(PIP) install --quiet -c constraints-torch.txt --extra-index-url $(TORCH_INDEX) torch \
	|| $(PIP) install --quiet "torch>=2.13,<2.14"
	@touch $@

$(VENV)/.setup: pyproject.toml constraints.txt $(VENV)/.torch
	$(PIP) install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/.setup-test: $(VENV)/.setup
	$(PIP) install --quiet -c constraints.txt -e '.[test]'
	@touch $@

setup: $(VENV)/.setup

setup-test: $(VENV)/.setup-test
	@tests/browser/install-browser.sh

demo: setup
	$(BIN)/yiqiao seed
	@$(BIN)/yiqiao demo-accounts
	YIQIAO_DEMO=1 $(BIN)/yiqiao serve

check: $(VENV)/.setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive backend embeddings
	$(PIP) check --quiet

test: setup-test check
	$(BIN)/pytest -n 2 --dist worksteal
	$(BIN)/pytest -n 2 --dist worksteal --database postgres tests/unit tests/web

benchmark: setup-test
	$(BIN)/python -m tests.benchmark

docs: $(VENV)/.setup-test
	$(BIN)/python -m tests.generate_docs

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache

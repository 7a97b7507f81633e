# `make demo` and `make test` set up everything they need in .venv.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml src/kfusion/__init__.py

.PHONY: demo test lint check clean

demo: $(VENV)/.run  ## run the main job on the packaged recording and portrait
	$(BIN)/kfusion demo -o out/demo

test: $(VENV)/.dev lint  ## linters, types and the whole test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python $(SOURCES)
	$(BIN)/python -m pip install -q -e .
	touch $@

$(VENV)/.dev: $(VENV)/bin/python $(SOURCES)
	$(BIN)/python -m pip install -q -e '.[train,wav2vec2,dev]'
	touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) out

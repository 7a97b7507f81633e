# `make demo` and `make test` set up everything they need in .venv.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml src/kfusion/__init__.py

.PHONY: demo test lint integrations clean

demo: $(VENV)/.run  ## run the main job on the packaged recording and portrait
	$(BIN)/kfusion demo -o out/demo

test: $(VENV)/.dev lint  ## linters, types and the whole test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

integrations: $(VENV)-integrations/bin/python  ## voice frameworks and Ray Serve against the real packages, in an environment of their own
	$(VENV)-integrations/bin/python -m pip install -q -e '.[serve,microphone,pipecat,livekit,ray]' pytest onnx
	OMP_NUM_THREADS=1 $(VENV)-integrations/bin/python -m pytest tests/integrations

$(VENV)-integrations/bin/python:
	$(PYTHON) -m venv $(VENV)-integrations

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python $(SOURCES)
	$(BIN)/python -m pip install -q -e .
	touch $@

$(VENV)/.dev: $(VENV)/bin/python $(SOURCES)
	$(BIN)/python -m pip install -q -e '.[train,wav2vec2,serve,dev]'
	touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) $(VENV)-integrations out

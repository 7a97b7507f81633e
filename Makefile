# `make demo` and `make test` set up everything they need in .venv, with any Python from 3.11 on.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml src/kfusion/__init__.py
MATRIX ?=
RUNS ?= 2000
SEED ?= 0
# PyTorch and oneDNN as on a CPU without AVX-512. Nothing else reads these, so that the tests of networks and training do.
AVX2 := ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2

.PHONY: demo test test-portable test-haswell lint integrations package matrix nasty fuzz licences clean

demo: $(VENV)/.run  ## run the main job on the packaged recording and portrait
	$(BIN)/kfusion demo -o out/demo

test: $(VENV)/.dev lint  ## linters, types and the whole test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

test-portable: $(VENV)/.dev  ## networks and training as on a CPU without AVX-512
	$(AVX2) OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 tests/models tests/training

test-haswell: $(VENV)/.dev  ## 8-bit products on an emulated CPU without VNNI; needs Debian's qemu-user
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONPATH=src:$$($(BIN)/python -c 'import site; print(site.getsitepackages()[0])') \
		qemu-x86_64 -cpu Haswell $$(readlink -f $(BIN)/python) -m pytest -p no:cacheprovider tests/training/test_quantise.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

integrations: $(VENV)-integrations/bin/python  ## voice frameworks and Ray Serve against the real packages, in an environment of their own
	$(VENV)-integrations/bin/python -m pip install -q -e '.[serve,microphone,pipecat,livekit,ray,train]' 'ray[train]' pytest
	OMP_NUM_THREADS=1 $(VENV)-integrations/bin/python -m pytest tests/integrations

package: $(VENV)/.dev  ## wheel and sdist in dist/, checked and tried in fresh environments
	$(BIN)/python tools/release/package.py

matrix: $(VENV)/.dev  ## the wheel on every Python with the lowest and the highest dependencies; MATRIX="3.11-lowest 3.12-highest" for some
	$(BIN)/python tools/release/matrix.py dist/kfusion-*.whl $(if $(MATRIX),--only $(MATRIX))

nasty: $(VENV)/.dev  ## nasty recordings, pictures and landmark files through the command line
	rm -rf out/nasty
	$(BIN)/python tools/nasty/make.py out/nasty
	$(BIN)/python tools/nasty/run.py out/nasty

fuzz: $(VENV)/.dev  ## random damage to everything that strangers send; RUNS of every target, SEED
	$(BIN)/python fuzz/run.py --runs $(RUNS) --seed $(SEED)

licences: $(VENV)/.dev  ## NOTICE and licences/DEPENDENCIES.md
	$(BIN)/python tools/licences.py

$(VENV)-integrations/bin/python:
	$(PYTHON) -m venv $(VENV)-integrations

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python $(SOURCES)
	$(BIN)/python -m pip install -q -e .
	touch $@

$(VENV)/.dev: $(VENV)/bin/python $(SOURCES)
	$(BIN)/python -m pip install -q -e '.[train,store,wav2vec2,serve,dev]'
	touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) $(VENV)-integrations out dist

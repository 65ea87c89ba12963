# Segwhy's commands. README.md says what each is for; everything they need they install.
#
#   make demo    set up, then explain a real TensorFlow crash
#   make check   set up, then all tests: the quick ones first, then those with TensorFlow
#   make bench   set up, then measure
#
# Stages: check is lint, unit, quick and slow (TensorFlow); tables (what Segwhy says of the case files), fuzz and sanitize
# stand alone. SEGWHY_ENVS: where the test environments are kept (.envs). CI=1: a missing Python is a failure.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= $(shell nproc)
SOURCES := $(shell find src python cmake docs/causes -type f 2>/dev/null) CMakeLists.txt pyproject.toml
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DELETE_ON_ERROR:
.PHONY: demo check bench install lint unit quick slow tables fuzz sanitize clean

install: $(VENV)/.installed

$(VENV)/.python:
	tools/bootstrap build
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: $(VENV)/.python $(SOURCES)
	$(PIP) install .
	touch $@

# --- the demonstration ------------------------------------------------------------------------------------------

$(VENV)/.tensorflow: $(VENV)/.python
	$(PIP) install tensorflow-cpu==2.21.0
	touch $@

demo: $(VENV)/.installed $(VENV)/.tensorflow
	tools/demo $(BIN)/segwhy

# --- the tests ----------------------------------------------------------------------------------------------------

$(VENV)/.tests: $(VENV)/.python tests/requirements.txt
	tools/bootstrap check
	$(PIP) install -r tests/requirements.txt
	touch $@

check: lint unit quick slow

lint: $(VENV)/.tests
	tools/lint

unit: $(VENV)/.tests
	cmake --preset dev
	cmake --build --preset dev -j $(JOBS)
	ctest --preset dev -j $(JOBS)

quick: $(VENV)/.installed $(VENV)/.tests
	$(BIN)/python -m pytest -q -m "not slow"

slow: $(VENV)/.installed $(VENV)/.tests
	$(BIN)/python tools/environments.py make tf-2.4.1 tf-2.8.0 tf-2.21.0
	$(BIN)/python -m pytest -q -m slow

# What Segwhy says of real crashes, where the case files are at hand (../shared/cases).
tables: $(VENV)/.installed $(VENV)/.tests
	$(BIN)/python tools/tables.py

sanitize: $(VENV)/.tests
	cmake --preset asan-ubsan
	cmake --build --preset asan-ubsan -j $(JOBS)
	ctest --preset asan-ubsan -j $(JOBS)

fuzz: $(VENV)/.tests
	cmake --preset fuzz
	cmake --build --preset fuzz -j $(JOBS)
	tools/fuzz --seconds $(or $(SECONDS),60)

bench: $(VENV)/.installed $(VENV)/.tests
	tools/bootstrap bench
	$(BIN)/python tools/environments.py make tf-2.8.0 tf-2.21.0 profilers
	$(BIN)/python bench/run.py
	$(BIN)/python bench/detection.py --sizes 24,65536

clean:
	rm -rf build $(VENV)

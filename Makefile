# Every target makes .venv and installs what it needs by itself. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find src -type f -not -path "*/__pycache__/*" -not -name "*.so") pyproject.toml hatch_build.py README.md LICENSE
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Many tests wait for processes most of the time, so two of them go on side by side, each file in one of the workers.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder
# A shell that forbids bytecode has each worker compile all tests again, every time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-fast check format bench bench-dispatch bench-overhead bench-health train train-aligner evaluate evaluate-aligner clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

demo: $(VENV)/.wheel ## four instances behind one gateway transcribe twenty recordings at once
	$(BIN)/harken demo

test: $(VENV)/.wheel $(VENV)/.dev ## the whole test suite, against the built wheel
	scripts/install-system-packages.sh
	scripts/install-node-packages.sh
	$(PYTEST)

test-fast: $(VENV)/.wheel $(VENV)/.dev ## the tests that take less than a moment each
	$(PYTEST) -m "not slow"

check: $(VENV)/.wheel $(VENV)/.dev ## lint, format, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_floors.py

format: $(VENV)/.dev ## rewrite the formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.wheel $(VENV)/.dev ## measure decoding and the engine on this machine (half an hour)
	$(BIN)/python -m benchmarks.decode
	$(BIN)/python -m benchmarks.engine

bench-dispatch: $(VENV)/.wheel $(VENV)/.dev ## the gateway beside a real nginx, under load and when instances fail (two hours and a half)
	scripts/install-system-packages.sh
	$(BIN)/python -m benchmarks.dispatch --faults all

bench-overhead: $(VENV)/.wheel $(VENV)/.dev ## what the gateway adds to a short clip, beside nginx
	scripts/install-system-packages.sh
	$(BIN)/python -m benchmarks.overhead

bench-health: $(VENV)/.wheel $(VENV)/.dev ## how soon /health is answered under full load
	$(BIN)/python -m benchmarks.health

train: $(VENV)/.wheel $(VENV)/.dev ## rebuild the digits checkpoint from nothing (an hour and a half on two cores)
	scripts/install-system-packages.sh training
	$(BIN)/python -m training.train

train-aligner: $(VENV)/.wheel $(VENV)/.dev ## rebuild the digits aligner from the digits checkpoint (an hour on two cores)
	scripts/install-system-packages.sh training
	$(BIN)/python -m training.train_aligner

evaluate-aligner: $(VENV)/.wheel $(VENV)/.dev ## word-boundary errors of the shipped aligner on voices it never heard
	scripts/install-system-packages.sh
	$(BIN)/python -m training.evaluate_aligner

evaluate: $(VENV)/.wheel $(VENV)/.dev ## digit error rates of the shipped checkpoint on voices it never heard
	scripts/install-system-packages.sh
	$(BIN)/python -m training.evaluate

clean: ## remove everything that was built
	rm -rf $(VENV) dist build

# Dependencies first, so that a change of our own code reinstalls our own wheel only.
$(VENV)/.deps: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt pip
	$(BIN)/pip install -q -c constraints.txt torch
	$(BIN)/python scripts/requirements.py | $(BIN)/pip install -q -c constraints.txt -r /dev/stdin
	@touch $@

$(VENV)/.dev: $(VENV)/.deps
	$(BIN)/pip install -q -c constraints.txt --group dev
	$(BIN)/pip install -q -c constraints.txt --no-deps dashscope
	@touch $@

$(VENV)/.wheel: $(VENV)/.deps $(SOURCES)
	rm -rf dist
	$(BIN)/pip wheel -q --no-deps --wheel-dir dist .
	$(BIN)/pip install -q --no-deps --force-reinstall dist/harken-*.whl
	@touch $@

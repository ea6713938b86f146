# Every target keeps its environment in .venv and needs nothing but python3 (3.11 to 3.13) and make.
BIN := .venv/bin
STEP := sh tools/step.sh
DATA := $(wildcard ../shared/data)
ifneq ($(DATA),)
test test-slow robust bench: export LATENS_DATA ?= $(abspath $(DATA))
endif
test test-slow robust robust-memory: export OMP_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-slow robust robust-memory check bench dist clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

venv: ## the environment alone, in .venv: about 2 minutes, once
	@PYTHON="$(PYTHON)" sh tools/bootstrap.sh

demo: venv ## train three autoencoders on handwritten digits and draw what they found, into demo/: under 1 minute
	@$(STEP) "the demo, into demo/: under 1 minute" $(BIN)/latens demo

test: venv ## the tests and the examples in the docstrings: about 10 minutes on two cores
	@$(STEP) "the tests: about 10 minutes on two cores" $(BIN)/python -m pytest -q -n 2 -m "not slow" $(ARGS)

test-slow: venv ## the tests that take minutes each: about 10 minutes
	@$(STEP) "the slow tests: about 10 minutes" $(BIN)/python -m pytest -q -n 2 -m "slow and not alone" --timeout 1200 $(ARGS)
	@$(STEP) "those that measure time, one by one: about 3 minutes" $(BIN)/python -m pytest -q -m alone --timeout 1200 $(ARGS) || test $$? -eq 5 # none chosen

robust: venv ## what must be impossible, tried many thousand times: under 60 minutes on two cores (ARGS="kills readers")
	@$(STEP) "the trials: under 60 minutes on two cores" $(BIN)/python tests/robustness $(ARGS)

robust-memory: venv ## 12 GB in Parquet and .npy learned from and encoded in 2 GB of memory: under 1 hour, 14 GB of disk in TMPDIR
	@$(STEP) "larger than memory: under 1 hour" $(BIN)/python tests/robustness/memory.py $(ARGS)

check: venv ## lint, format, types, the import contract and the rules of the craft: 1 to 2 minutes
	@$(STEP) "the checks: 1 to 2 minutes" sh tools/check.sh

bench: venv ## the speed benchmarks as one table, on an idle machine: about 10 minutes (ARGS="--device cuda", ARGS=--write)
	@$(BIN)/python -c "import pyod, skorch" 2>/dev/null || $(BIN)/python -m pip install -q -c .venv/constraints.txt -e ".[bench]"
	@$(STEP) "the speed benchmarks: about 10 minutes" $(BIN)/python benchmarks/speed $(ARGS)

dist: venv ## build wheel and sdist into dist/ and try the wheel in a clean environment: about 4 minutes
	@$(STEP) "wheel and sdist, tried in a clean environment: about 4 minutes" sh tools/dist.sh

clean: ## remove what the targets made, except .venv
	rm -rf demo dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# Everything a person or a machine does here, by one word. `make help` lists the words.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help install demo serve test accuracy unseen speed polling kills fills soak faults lint format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## make .venv and install from the hash-pinned lock

$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

demo: $(READY) ## verify a 20 L measure on the simulated rig
	$(BIN)/tankcal demo

serve: $(READY) ## the service and its page, on the simulated rig
	$(BIN)/tankcal serve

test: $(READY) ## the tests
	$(BIN)/python -m pytest

accuracy: $(READY) ## read the shared image sets, compare with their truth, renew the tables in docs/
	$(BIN)/python -m benchmarks.accuracy --write
	$(BIN)/python -m benchmarks.coverage --write

unseen: $(READY) ## lines, models, tank tables, tilted tanks at random: the share judged right; renews the table in docs/
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.unseen --write

speed: $(READY) ## time of a reading over decoding, of the calculations over bare solvers
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.reading_speed
	$(BIN)/python -m benchmarks.calibration_speed

polling: $(READY) ## what it costs to poll 50 tags at 20 Hz, over bare pymodbus reads; renews the table in docs/
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.polling --write

kills: $(READY) ## kill the service at 200 random moments of runs, renew the table in docs/ (half an hour)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.kills --write

fills: $(READY) ## fill 200 times by random plants on the simulator's clock, renew the table in docs/
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.fills --write

soak: $(READY) ## 100 measures in a row on the simulator's clock: memory, open files, overhead of each run
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.soak --write

faults: $(READY) ## every fault in every step of a run (about 20 minutes), renews the table in docs/
	$(BIN)/python -m benchmarks.faults --write

lint: $(READY) ## ruff, mypy strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## renew requirements.lock (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --extra dev --extra ocr pyproject.toml --output-file requirements.lock

clean: ## remove what the tools left behind (runs are kept)
	rm -rf $(VENV) build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

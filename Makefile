# Every target makes its own environment: Python 3.11 and make are all it needs.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PEERS := .venv/.bench
LOGS ?= workspace/tensorboard

.PHONY: demo run test check format tensorboard bench bench-peers bench-assurance clean

demo: $(READY)  ## A project with 4,200 tweets, in the browser; DEMO=penguins: one with a table
	$(BIN)/collab demo $(DEMO)

run: $(READY)  ## The app on your own workspace
	$(BIN)/collab run

test: $(READY)  ## All tests, on all cores, niced like the worker they start; says what it skipped for want of Chromium or PostgreSQL
	nice -n 19 $(BIN)/python -m pytest -n auto --dist loadscope

check: $(READY)  ## Format, lint, floors, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

tensorboard: $(READY)  ## Losses of fine-tunings, in the browser; LOGS=folder: of another workspace
	$(BIN)/tensorboard --logdir $(LOGS)

bench: $(READY)  ## One table of speeds, and build/bench.json
	$(BIN)/python -m tests.bench

bench-peers: $(PEERS)  ## Collab against other tools' own code; docs/benchmarks.md and build/peers.json
	$(BIN)/python -m tests.bench.peers prepare
	$(BIN)/python -m tests.bench.peers prepare --confirm
	$(BIN)/python -m tests.bench.peers run
	$(BIN)/python -m tests.bench.peers run --confirm
	$(BIN)/python -m tests.bench.peers report

bench-assurance: $(PEERS)  ## Are the audits' figures right as often as they say? Minutes; build/assurance.json
	$(BIN)/python -m tests.bench.peers prepare --sets r8 satellite tweets news20
	$(BIN)/python -m tests.bench.assurance --draws 1000

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(READY): pyproject.toml constraints.txt
	@echo "Setting up .venv; the first time this takes a few minutes."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --upgrade pip
	@$(BIN)/python -m pip install -qq -c constraints.txt torch
	@echo "torch is there; now the rest."
	@$(BIN)/python -m pip install -qq -c constraints.txt -e '.[postgres,dev]'
	@touch $@

$(PEERS): $(READY)
	@$(BIN)/python -m pip install -qq -c constraints.txt -e '.[bench]'
	@touch $@

clean:
	rm -rf .venv build *.egg-info

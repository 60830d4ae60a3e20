# Needs Python >= 3.11 with pip, and make. `make demo VENV=/somewhere/else` keeps the environment elsewhere.
VENV ?= .venv
PYTHON ?= $(shell for python in python3.12 python3.11 python3.13 python3.14 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := $(VENV)/bin
OUT ?= runs

.PHONY: demo test test-quick test-extras test-browser check study-corner study-shards study-reflection study-families study-proxy study-learners bench-envs bench-planning bench-capture bench-identify bench-train bench-growth bench-learners bench-demo test-faults bench-sweep clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.installed
	$(BIN)/shardsim run experiments/demo.toml --out $(OUT)/demo

# Each file to one of two workers, which makes what its tests share once, in the order of tests/conftest.py.
BY_FILE := --numprocesses 2 --dist loadfile --no-loadscope-reorder

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(BY_FILE) $(ARGS)

# All but what is marked slow: whole runs, trained agents, every shipped env.
test-quick: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(BY_FILE) -m "not slow" $(ARGS)

# Needs the extras, whose PyTorch is large: install its CPU build into $(VENV) first to keep it small.
test-extras: $(VENV)/.installed-extras
	$(BIN)/python -m pytest tests/env/test_foreign*.py tests/test_sb3.py tests/runs/test_mirrors.py $(ARGS)

# Opens the live view in the Chromium of this machine, and says so where there is none.
test-browser: $(VENV)/.installed-browser
	$(BIN)/python -m pytest tests/view/test_browser.py $(ARGS)

# Faults of all kinds, by the hundred: kills, damage, full disks, odd configs. Prints a table of counts.
KILLS ?= 180
SWEEP_KILLS ?= 20
DAMAGES ?= 500
FUZZ ?= 10000
DISK ?= 40
FULL_DISKS ?= 20
test-faults: $(VENV)/.installed-dask
	FAULTS_KILLS=$(KILLS) FAULTS_SWEEP_KILLS=$(SWEEP_KILLS) FAULTS_DAMAGES=$(DAMAGES) FAULTS_FUZZ=$(FUZZ) \
		FAULTS_DISK=$(DISK) FAULTS_FULL_DISKS=$(FULL_DISKS) $(BIN)/python -m pytest tests/runs/faults $(ARGS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

study-corner: $(VENV)/.installed
	$(BIN)/shardsim run experiments/study_corner.toml --out $(OUT)/study-corner
	$(BIN)/shardsim run experiments/study_anywhere.toml --out $(OUT)/study-anywhere
	$(BIN)/shardsim plot $(OUT)/study-corner $(OUT)/study-anywhere compare --out $(OUT)/study-corner/compare.png

# Shardness of agents with two goals, one goal and two drives, 8 seeds each.
study-shards: $(VENV)/.installed
	for config in study_corner study_anywhere two_goods; do \
		$(BIN)/shardsim run experiments/$$config.toml train.seeds=8 --until identify \
			--out $(OUT)/study-shards/$$config || exit 1; \
	done
	$(BIN)/python benchmarks/effects.py $(OUT)/study-shards/study_corner \
		$(OUT)/study-shards/study_anywhere $(OUT)/study-shards/two_goods

# Reflection of the agents of study-shards from 24 onsets each, twice: what it depends on, verdicts.
study-reflection: study-shards
	$(BIN)/python benchmarks/reflection.py $(OUT)/study-shards/study_corner \
		$(OUT)/study-shards/study_anywhere $(OUT)/study-shards/two_goods \
		--out $(OUT)/study-reflection $(ARGS)

# Shards of agents of three learners, and of recurrent networks under PPO, in two worlds, 8 seeds each.
study-learners: $(VENV)/.installed
	for config in study_corner two_goods; do \
		$(BIN)/shardsim sweep $$config train.learner=ppo,a2c,pqn --seeds 8 --until identify \
			--out $(OUT)/study-learners/$$config $(ARGS) || exit 1; \
		$(BIN)/shardsim run $$config train.network.kind=recurrent train.seeds=8 --until identify \
			--out $(OUT)/study-learners/$$config+recurrent || exit 1; \
	done
	$(BIN)/python benchmarks/learners.py $(OUT)/study-learners/study_corner* \
		$(OUT)/study-learners/two_goods*

# Every family's shipped config, one after the other: about half an hour on 2 cores.
study-families: $(VENV)/.installed
	$(BIN)/python benchmarks/families.py --out $(OUT)/families

# The corner's share against the share of training levels whose cheese lies anywhere, 4 seeds each.
PROXY_SHARES := 0.0 0.01 0.03 0.1 0.3 1.0
study-proxy: $(VENV)/.installed
	for share in $(PROXY_SHARES); do \
		$(BIN)/shardsim run experiments/study_proxy.toml env.params.anywhere_share=$$share \
			--out $(OUT)/study-proxy/$$share --until identify || exit 1; \
	done
	$(BIN)/shardsim plot $(PROXY_SHARES:%=$(OUT)/study-proxy/%) proxy-share --out $(OUT)/study-proxy/proxy-share.png

bench-envs: $(VENV)/.installed-bench
	$(BIN)/python benchmarks/envs.py $(ARGS)

bench-planning: $(VENV)/.installed
	$(BIN)/python benchmarks/planning.py $(ARGS)

# Beside PyTorch, which is large: install its CPU build into $(VENV) first to keep it small.
bench-capture: $(VENV)/.installed-bench
	$(BIN)/python benchmarks/capture.py $(ARGS)

# Beside rejax and Stable-Baselines3, whose PyTorch is large: as above. Nothing else may run meanwhile.
bench-train: $(VENV)/.installed-bench
	$(BIN)/python benchmarks/train.py $(ARGS)

# Returns of our learners beside those of rejax and Stable-Baselines3; PyTorch as above.
bench-learners: $(VENV)/.installed-bench
	$(BIN)/python benchmarks/learner_curves.py $(ARGS)

bench-growth: $(VENV)/.installed
	$(BIN)/python benchmarks/train_growth.py $(ARGS)

bench-identify: $(VENV)/.installed
	$(BIN)/python benchmarks/identify.py $(ARGS)

# The whole demo twice, from a cold and from a warm compile cache; nothing else may run beside it.
bench-demo: $(VENV)/.installed
	$(BIN)/python benchmarks/demo.py $(ARGS)

# A sweep of 3 x 3 points beside single runs, killed on the way; nothing else may run beside it.
bench-sweep: $(VENV)/.installed-dask
	$(BIN)/python benchmarks/sweep.py $(ARGS)

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache .cache

# A venv without ensurepip (Debian splits it off) is filled by the pip outside it.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "shardsim needs Python >= 3.11 on the PATH, or: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) 2>/dev/null || $(PYTHON) -m venv --clear --without-pip $(VENV)

PIP = $$([ -x $(BIN)/pip ] && echo "$(BIN)/python -m pip" || echo "$(PYTHON) -m pip --python $(BIN)/python")

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -e ".[dev]"
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-extras: pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -e ".[dev,minigrid,navix,xland,sb3,tensorboard,wandb]"
	@touch $@ $(VENV)/.installed $(VENV)/.installed-dev

$(VENV)/.installed-browser: pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -e ".[dev,browser]"
	@touch $@ $(VENV)/.installed $(VENV)/.installed-dev

$(VENV)/.installed-dask: pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -e ".[dev,dask]"
	@touch $@ $(VENV)/.installed $(VENV)/.installed-dev

$(VENV)/.installed-bench: pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -e ".[bench]"
	@touch $@ $(VENV)/.installed

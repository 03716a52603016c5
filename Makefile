# Self-documenting verbs; the logic is in scripts/ and in the programs. Try `make`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PY := .venv/bin/python
ARGS ?=

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: setup-run ## Serve the example fleet on http://127.0.0.1:8080 until Ctrl-C (ARGS="--help" shows flags)
	@exec .venv/bin/turnfleet run crds/examples/one-machine --state .run --geo .run/geo $(ARGS)

# Many tests wait for programs, so more of them run than there are cores, mixed with those that compute
# (tests/conftest.py). None of these programs compiles anew what another compiled, or reads the system's certificate
# authorities, of which no test trusts one: that takes a fifth of a relay's start.
WORKERS ?= 8
PYTEST := PYTHONDONTWRITEBYTECODE= SSL_CERT_FILE=/dev/null $(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not alone"
# Tests that measure come after them. ARGS may name only tests of one kind: that the other has none is no failure.
ALONE := $(PY) -m pytest -m alone
NONE_IS_WELL := [ $$? -eq 5 ]

.PHONY: test
test: setup-test ## Run every test with real coturn and Chromium
	@$(PYTEST) $(ARGS) || $(NONE_IS_WELL)
	@$(ALONE) $(ARGS) || $(NONE_IS_WELL)

.PHONY: coverage
coverage: setup-test ## Run every test and show which branches none of them takes
	@$(PYTEST) --cov --cov-report=term $(ARGS)

.PHONY: test-e2e
test-e2e: setup-e2e ## Boot a real Kubernetes and show that everything works in it (needs root and Go)
	@$(PY) -m pytest tests/e2e -o timeout=900 -o timeout_func_only=true $(ARGS)

.PHONY: cluster
cluster: setup-e2e ## Leave a Kubernetes of four nodes running to play with, or renew its images
	@$(PY) -m tests.e2e.cluster up

.PHONY: cluster-down
cluster-down: setup-e2e ## Take away what `make cluster` left running
	@$(PY) -m tests.e2e.cluster down

.PHONY: images
images: setup-e2e ## Build the images of operator and relay without a container engine
	@$(PY) -m tests.e2e.cluster images

.PHONY: lint
lint: setup-test ## Check style, types and the layering of imports
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-timing 2>/dev/null || .venv/bin/lint-imports

.PHONY: format
format: setup-test ## Put the code into shape
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

.PHONY: golden
golden: setup-test ## Write the golden plans of tests/golden/cluster anew; the diff is what changes
	@$(PY) -m tests.support.clusterplans

.PHONY: geo
geo: setup-run ## Fetch the country database, so that clients are placed by address
	@$(PY) -m turnfleet.geo.fetch .run/geo

.PHONY: bench
bench: setup-bench ## Measure the endpoint beside an aiohttp hello-world (ARGS="--write docs/benchmarks.md")
	@$(PY) -m tests.bench.bench_answers $(ARGS)

.PHONY: bench-operator
bench-operator: setup-e2e ## Measure the operator on a real API server, 1,000 regions (ARGS="--regions 100")
	@$(PY) -m tests.bench.bench_operator $(ARGS)

.PHONY: bench-rotation
bench-rotation: setup-e2e ## Measure a rotation at 200 relays (ARGS="--write docs/bench-rotation.md")
	@$(PY) -m tests.bench.rotation $(ARGS)

.PHONY: bench-balance
bench-balance: setup-bench ## Measure how evenly relays are used (ARGS="--write docs/bench-balance.md")
	@$(PY) -m tests.bench.balance $(ARGS)

.PHONY: bench-prior
bench-prior: setup-bench ## Judge estimates by a measured mesh of yours (ARGS="FOLDER --write docs/bench-prior.md")
	@$(PY) -m tests.bench.prior $(ARGS)

.PHONY: bench-learning
bench-learning: setup-bench ## Measure what learning costs (ARGS="--write docs/bench-learning.md")
	@$(PY) -m tests.bench.learning $(ARGS)

.PHONY: bench-steering
bench-steering: setup-bench ## Judge learning by a measured mesh of yours (ARGS="FOLDER --write docs/bench-steering.md")
	@$(PY) -m tests.bench.steering $(ARGS)

.PHONY: soak
soak: setup-bench ## Kill and start relays at random and watch every answer (ARGS="--duration 3600")
	@$(PY) -m tests.bench.soak $(ARGS)

.PHONY: faults
faults: setup-test ## Break a relay in every way and measure how soon it tells (ARGS="--write docs/faults.md")
	@$(PY) -m tests.bench.faults $(ARGS)

.PHONY: soak-calls
soak-calls: setup-e2e ## Hold calls while a cluster's fleet is operated (ARGS="--calls 10-40" is short)
	@$(PY) -m tests.calls $(ARGS)

.PHONY: clean
clean: ## Remove what the other verbs made
	rm -rf .venv .run .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

.PHONY: setup-run setup-test setup-bench setup-e2e
setup-run setup-test setup-bench setup-e2e: setup-%:
	@scripts/setup $*

# Two commands do everything on a fresh machine: make up, make test. `make help` lists all targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

STACK ?= dev
SANDBOX ?= embedded
PLUGINS ?= auto
export PLUGINS

PY := .venv/bin/python
ifeq ($(SANDBOX),embedded)
# The sandbox's PATH, cluster, Docker host and state, for the commands after it.
ENTER = environment="$$($(PY) -m sandbox env)"; eval "$$environment";
else
ENTER =
endif

# Every deployment is judged by these; what they refuse is not deployed.
PACKS = --policy-pack policies/security

.PHONY: help up preview destroy down test lint types unit conformance sandbox-test drill-data bench graph snapshot schema lock venv \
	vendor sandbox

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | column -t -s "$$(printf '\t')"

up: sandbox ## deploy STACK=dev (SANDBOX=embedded: on this machine; SANDBOX=none: on your cluster), then show what runs
	@$(ENTER) pulumi up --stack $(STACK) --yes $(PACKS)
	@$(ENTER) $(PY) -m tools.summary $(STACK)

preview: sandbox ## show what `make up` would change, and what the policy packs say of it
	@$(ENTER) pulumi preview --stack $(STACK) $(PACKS)

destroy: venv ## remove everything that STACK=dev deployed; the sandbox stays
	@$(ENTER) pulumi destroy --stack $(STACK) --yes --skip-preview

down: venv ## take the sandbox down and leave nothing of it but the cache
	@$(PY) -m sandbox down

test: lint types unit conformance sandbox-test ## everything that .ci/run asks for; ends with the sandbox down
	@$(PY) -m sandbox down

lint: venv ## style, import contracts
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	.venv/bin/lint-imports

types: venv ## pyright, strict
	$(PY) -m pyright

unit: venv vendor ## unit and property tests, with mocks (bound: 60 s)
	$(PY) -m pytest tests/unit tests/policies -n 2 -q

conformance: sandbox ## generated configuration against the programs that read it; plugins through the engine
	@$(ENTER) $(PY) -m pytest tests/conformance -n 2 -q

sandbox-test: sandbox ## the stack for real: deploy, break, mend, destroy
	@$(PY) -m pytest tests/sandbox -q --timeout 2400

drill-data: sandbox ## break the data layer and restore it, in the sandbox: DRILLS=--short for what CI runs
	@$(PY) -m tests.drills $(DRILLS)

bench: venv ## how long: from nothing, warm, no-op, preview
	@$(PY) -m tests.bench

graph: venv vendor ## the declared graph of STACK=dev: services, tiers, zones, who may talk to whom
	@$(PY) -m tools.graph $(STACK)

snapshot: venv vendor ## write the committed lists of resources anew, after a wanted change of names or types
	@REFRESH_SNAPSHOT=1 $(PY) -m pytest tests/unit -q -k graph_is_the_committed

schema: venv ## write schema/ anew, after a change of the settings
	@$(PY) -m tools.schema

lock: ## refresh the locks of the Python packages (needs uv)
	tools/lock

venv:
	@tools/venv

# With the environment that is there, ours or that of `pulumi install`.
vendor: ## the CRDs of add-ons, from the pinned Go modules (git-ignored, checked by catalog/crds.lock)
	@[ -e .venv ] || tools/venv
	@$(PY) -m tools.vendor

sandbox: venv vendor
ifeq ($(SANDBOX),embedded)
	@$(PY) -m sandbox up
endif

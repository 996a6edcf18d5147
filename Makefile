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

.PHONY: help up destroy down test lint types unit conformance sandbox-test bench graph lock venv sandbox

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | column -t -s "$$(printf '\t')"

up: sandbox ## deploy STACK=dev (SANDBOX=embedded: on this machine; SANDBOX=none: on your cluster), then show what runs
	@$(ENTER) pulumi up --stack $(STACK) --yes --skip-preview
	@$(ENTER) $(PY) -m tools.summary $(STACK)

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

unit: venv ## unit and property tests, with mocks (bound: 60 s)
	$(PY) -m pytest tests/unit -n 2 -q

conformance: sandbox ## generated configuration against the programs that read it; plugins through the engine
	@$(ENTER) $(PY) -m pytest tests/conformance -n 2 -q

sandbox-test: sandbox ## the stack for real: deploy, break, mend, destroy
	@$(PY) -m pytest tests/sandbox -q

bench: venv ## how long: from nothing, warm, no-op, preview
	@$(PY) -m tests.bench

graph: venv ## write the committed resource graphs anew, after a wanted change of names or types
	@REFRESH_GRAPH=1 $(PY) -m pytest tests/unit -q -k graph

lock: ## refresh the locks of the Python packages (needs uv)
	tools/lock

venv:
	@tools/venv

sandbox: venv
ifeq ($(SANDBOX),embedded)
	@$(PY) -m sandbox up
endif

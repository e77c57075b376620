# Two commands matter: `make demo` and `make test`. `make help` lists the rest.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-browser setup-test console build demo demo-clean journey footprint bench-ingest bench-verdict test test-rust test-console \
        test-browser kills chaos fuzz lint openapi screenshots release

# Incremental files double the size of a build that is made once.
export CARGO_INCREMENTAL ?= $(if $(CI),0,1)
CONSOLE := web/dist/index.html
CONSOLE_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -path web/screenshots -prune -o -path web/test-results -prune -o -type f -print 2>/dev/null)

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

setup: ## install what the build and the demo need (PostgreSQL 15, hypopg, libclang)
	@packaging/setup/install.sh

setup-browser:
	@packaging/setup/install.sh --test

setup-test: setup-browser
	@cargo nextest --version >/dev/null 2>&1 || { echo >&2 "• installing cargo-nextest, which runs the tests (some minutes, once)"; cargo install --locked --quiet cargo-nextest; }
	@packaging/setup/embedded-postgres.sh

web/node_modules/.package-lock.json: web/package-lock.json
	@echo >&2 "• console: installing npm packages from the lock file"
	@cd web && npm ci --no-audit --no-fund --loglevel=error

$(CONSOLE): web/node_modules/.package-lock.json $(CONSOLE_SOURCES)
	@echo >&2 "• console: building"
	@cd web && npm run --silent build

console: $(CONSOLE) ## build the console

build: setup $(CONSOLE) ## build everything for the demo and the tests
	@echo >&2 "• building (the first time takes some minutes)"
	@cargo build --workspace --bins

demo: build ## controller, sample shop, agent and workload on this machine; Ctrl-C stops all of it
	@exec target/debug/querysmith-demo up

demo-clean: ## remove what the demo left
	@if [ -x target/debug/querysmith-demo ]; then target/debug/querysmith-demo clean; else rm -rf "/var/tmp/querysmith-demo-$$(id -u)"; fi

journey: build ## the demo without a person: prints its figures as JSON, exit 0 only if all held
	@exec target/debug/querysmith-demo journey

ab-live: build ## two settings tried in turns on a live server: one that hurts, one that does nothing, as JSON (half an hour)
	@exec target/debug/querysmith-demo ab-live

footprint: build ## what the agent costs at 5,000 statements, as JSON
	@echo >&2 "• building the agent as it is shipped"
	@cargo build --profile agent -p querysmith-agent
	@exec target/debug/querysmith-demo footprint --agent target/agent/querysmith-agent

bench-ingest: setup ## what one controller takes in per second against a plain COPY, as JSON
	@cargo bench --quiet -p querysmith-controller --bench ingest

bench-verdict: setup ## error rates and power of A/B trials on thousands of simulated ones, as JSON; exit 0 only if the bars hold
	@cargo bench --quiet --profile dev -p querysmith-advice --bench verdict

test: setup-test lint test-rust test-console test-browser ## lint, unit, integration against real servers, fuzz, console, browser
	@echo "all tests passed"

lint: $(CONSOLE)
	@echo >&2 "• lint"
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets --quiet -- -D warnings

test-rust: build
	@echo >&2 "• Rust: unit and integration tests against private PostgreSQL servers"
	@cargo nextest run --workspace --no-fail-fast
	@$(MAKE) --no-print-directory fuzz

kills: build ## agent and controller killed twenty times by turns: what was lost or stored twice, as JSON
	@cargo nextest run -p querysmith-tests --no-capture -E 'test(telemetry_survives_kills)'

chaos: build ## the agent killed 872 times at 109 points on a server under load, its controller away: what went wrong, as JSON (9 min)
	@cargo nextest run --profile chaos -p querysmith-agent --run-ignored only --no-capture -E 'test(=apply::chaos::chaos)'

fuzz: ## a minute of fuzzing of what the wire decodes
	@tests/fuzz/run.sh 60

test-console: web/node_modules/.package-lock.json ## unit tests of the console
	@echo >&2 "• console: unit tests"
	@cd web && npm run --silent lint && npm run --silent test

test-browser: setup-browser build ## a real browser against a real controller, agent and database
	@echo >&2 "• browser: the journey of a DBA"
	@exec target/debug/querysmith-demo browser

openapi: build ## write web/openapi.json and the console's client from the code
	@target/debug/querysmith-controller openapi > web/openapi.json
	@cd web && npm run --silent generate

screenshots: setup-browser build ## every page, light and dark, wide and narrow, into web/screenshots
	@exec target/debug/querysmith-demo browser --screenshots

release: setup $(CONSOLE) ## the programs as they are shipped, in target/agent and target/release
	@cargo build --profile agent -p querysmith-agent
	@cargo build --release -p querysmith-controller

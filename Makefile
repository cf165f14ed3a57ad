# Every command of the project; `make` alone lists them. CI runs the same ones (.ci/run).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# A toolchain that `make setup` has just installed is not on the caller's PATH yet.
export PATH := $(PATH):$(HOME)/.cargo/bin
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
# Tests, examples and the bench find the product here.
export APPSERVER_BIN_DIR := $(TARGET)/release

PREFIX ?= /usr/local
PHP_EXTENSION_DIR = $(shell php-config8.2 --extension-dir)
# Folders of `make install`, below DESTDIR when a package is made.
BIN = $(DESTDIR)$(PREFIX)/bin
SHARE = $(DESTDIR)$(PREFIX)/share/appserver
EXTENSION = $(DESTDIR)$(PHP_EXTENSION_DIR)
STRIP_OPTION = $(if $(STRIP),--strip)
# Inputs per fuzz target of a bounded run, and the seed that makes it repeatable.
FUZZ_RUNS ?= 200000
FUZZ_SEED ?= 1

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  %-16s %s\n", $$1, $$2 }'

# --- set-up and build ---------------------------------------------------------------------------

.PHONY: setup
setup: ## Install what building and testing needs (Debian 12; sudo only if not root)
	@scripts/setup build test

# One cargo invocation, because cargo unifies features over it: appserver.so must never link libphp
# (scripts/check-linkage looks).
.PHONY: build
build: ## Build target/release/{appserver,appserver-php,appserver.so}
	@scripts/setup build
	cargo build --release --locked -p appserver-sidecar -p appserver-executor -p appserver
	@install -C -m 0755 $(APPSERVER_BIN_DIR)/libappserver_ext.so $(APPSERVER_BIN_DIR)/appserver.so

# Executors load the appserver.so beside them, or the one that APPSERVER_EXTENSION names. Beside them is a
# link, so that callers and executors never have two versions of it.
.PHONY: install
install: build ## Install into PREFIX (default /usr/local) and PHP's extension folder; STRIP=1 without debug info
	install -d $(BIN) $(SHARE) $(EXTENSION)
	install -m 0755 $(STRIP_OPTION) -t $(BIN) $(APPSERVER_BIN_DIR)/appserver $(APPSERVER_BIN_DIR)/appserver-php
	install -m 0755 $(STRIP_OPTION) -t $(EXTENSION) $(APPSERVER_BIN_DIR)/appserver.so
	ln -sfn $(PHP_EXTENSION_DIR)/appserver.so $(BIN)/appserver.so
	install -m 0644 -t $(SHARE) stubs/appserver.stub.php

.PHONY: uninstall
uninstall: ## Remove what `make install` installed (same PREFIX)
	rm -f $(BIN)/appserver $(BIN)/appserver-php $(BIN)/appserver.so $(EXTENSION)/appserver.so
	rm -rf $(SHARE)

.PHONY: clean
clean: ## Remove everything that was built
	cargo clean

# --- use ----------------------------------------------------------------------------------------

.PHONY: demo
demo: build ## Set up, build, and count the words of Debian's licence texts over several executors
	@scripts/demo

# --- tests --------------------------------------------------------------------------------------

.PHONY: test
test: setup build ## Set up, build, and pass every test: Rust, PHP, end to end, the library
	@scripts/test

.PHONY: test-rust
test-rust: build ## Rust tests of every crate, end-to-end ones included
	@scripts/setup test
	cargo nextest run --workspace --locked

.PHONY: test-php
test-php: build ## The .phpt suite by PHP's run-tests.php, against a real sidecar
	@php-tests/run

.PHONY: test-fpm
test-fpm: build ## The same suite inside PHP-FPM
	@scripts/setup test
	@php-tests/run --fpm

.PHONY: test-library
test-library: build ## The tests of php/, with SQLite, PostgreSQL, MariaDB, Symfony Messenger and Laravel's queues
	@scripts/setup test
	@scripts/test-library

.PHONY: test-valgrind
test-valgrind: build ## The extension's part of the suite under valgrind
	@scripts/setup valgrind
	@php-tests/run --valgrind

.PHONY: fuzz
fuzz: ## Feed FUZZ_RUNS mutated inputs to each decoder (bounded, repeatable: FUZZ_SEED)
	@scripts/setup build
	cargo run --release --locked -p appserver-fuzz -- --runs $(FUZZ_RUNS) --seed $(FUZZ_SEED)

# --- checks -------------------------------------------------------------------------------------

.PHONY: lint
lint: ## rustfmt, clippy, cargo-deny, php -l, Psalm over php/ and proxies; warnings are errors
	@scripts/setup build lint
	@scripts/lint

.PHONY: stubs
stubs: build ## Compare stubs/appserver.stub.php with the built extension
	@scripts/check-stubs

.PHONY: docs
docs: ## Rewrite the tables of docs/ that stand in the code as well
	@php scripts/docs.php --write

.PHONY: proof-jobs
proof-jobs: build ## Kill a worker 1,000 times (KILLS) while many queue jobs: none that was acknowledged is lost
	@scripts/setup test
	APPSERVER_PROOF_KILLS=$${KILLS:-1000} cargo nextest run --locked -p appserver-e2e \
	    -E 'test(no_acknowledged_job_is_lost)' --no-capture

.PHONY: proof-deploy
proof-deploy: build ## Deploys under load that nobody notices, 100 of each kind; the figures go to docs/proof-deploy.md
	@scripts/setup test
	@scripts/proof-deploy

# --- measurements -------------------------------------------------------------------------------

.PHONY: bench
bench: build ## Measure against the floor and peers (Gearman, PHP-FPM, Redis, APCu, …); one table, and JSON in bench/results
	@scripts/setup bench
	cargo build --release --locked -p appserver-bench
	$(APPSERVER_BIN_DIR)/appserver-bench

.PHONY: bench-check
bench-check: build ## Measure, and fail when a ratio is below what is needed
	@scripts/setup bench
	cargo build --release --locked -p appserver-bench
	$(APPSERVER_BIN_DIR)/appserver-bench --check

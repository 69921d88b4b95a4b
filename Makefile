# Two commands do everything: `make verify` and `make test`. Both set up what is missing first.
PYTHON ?= python3
BIN := .venv/bin
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: verify test check setup bench clean

verify: system .venv/installed ## Check every claim about Binder on the embedded device.
	$(BIN)/binder-harness verify

test: setup ## Run this project's own tests, those of two files at a time.
	$(BIN)/pytest -n 2 --dist loadfile

check: .venv/for-development ## Style and types.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

setup: system .venv/for-development

# Asks apt for nothing when nothing is missing.
.PHONY: system
system:
	@command -v $(PYTHON) > /dev/null || { $(AS_ROOT) apt-get update && $(AS_ROOT) apt-get install -y python3; }
	@missing="$$($(PYTHON) -m emulator.base.prerequisites)"; \
	$(PYTHON) -c 'import ensurepip' 2> /dev/null || missing="$$missing python3-venv"; \
	if [ -n "$${missing# }" ]; then \
		echo "installing $$missing"; \
		$(AS_ROOT) apt-get update && \
		$(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $$missing; \
	fi

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --editable .
	touch $@

# What the tests and checks need beside it.
.venv/for-development: .venv/installed
	$(BIN)/pip install --disable-pip-version-check --editable '.[dev]'
	touch $@

bench: setup ## Measure what is fast, beside what it could be at best.
	$(BIN)/python -m bench --json bench.json

clean: ## Remove the virtual environment; the cache of kernels and programs stays.
	rm -rf .venv

# `make verify` and `make test` install what is missing first.
PYTHON ?= python3
BIN := .venv/bin
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
SCRIPTS := $(shell find device_agents docs emulator harness -name '*.sh' -not -path 'docs/_build/*')
C_SOURCES := $(shell find device_agents -name '*.[ch]' -o -name '*.cpp')

.PHONY: verify
verify: system .venv/installed ## Judge every claim about Binder on the embedded device.
	$(BIN)/binder-harness verify

# Half of the time is waiting, for devices and other programs: four files at a time occupy two processors. The files
# that take longest come first, so that all workers end at the same time.
.PHONY: test
test: setup ## Run this project's own tests, four files at a time.
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder tests/emulator tests/device tests/unit/test_*.py tests/unit/[a-z]*/

.PHONY: test-long
test-long: setup ## Run what takes longer than CI has: every claim on a userdebug build, newer kernels, the driver in Rust.
	$(BIN)/pytest -n 2 --dist loadfile -m long

.PHONY: test-java
test-java: setup ## Run the tests with AOSP's framework in Java, which is compiled first: ten minutes.
	$(BIN)/pytest -s tests/java

.PHONY: test-unit
test-unit: setup ## Run the tests that need no device: under a minute.
	$(BIN)/pytest -n 2 --dist loadfile tests/unit

.PHONY: coverage
coverage: setup ## Run the tests that need no device, and show which lines they do not cover.
	$(BIN)/pytest -n 2 --dist loadfile tests/unit --cov --cov-report=term

.PHONY: check
check: .venv/for-development ## Check style, types and spelling.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@$(BIN)/clang-format --dry-run --Werror $(C_SOURCES)
	@$(BIN)/shellcheck --shell=sh $(SCRIPTS)
	$(BIN)/codespell
	$(BIN)/mypy

.PHONY: docs
docs: .venv/for-development ## Build the documentation as a site, in docs/_build.
	$(BIN)/sphinx-build -W --keep-going -n -b html docs docs/_build

SCREENSHOTS := build/screenshots

.PHONY: screenshots
screenshots: setup ## Look at the report in Chromium: its tests, and pictures at three widths, light and dark.
	@command -v chromium > /dev/null || { $(AS_ROOT) apt-get update && $(AS_ROOT) apt-get install -y chromium; }
	$(BIN)/pip install --disable-pip-version-check --editable '.[screenshots]'
	mkdir -p $(SCREENSHOTS)
	$(BIN)/binder-harness verify -o $(SCREENSHOTS)/run.json > /dev/null
	@# Status 1: the driver in Rust behaves otherwise than expected, which is to be seen, too.
	$(BIN)/binder-harness matrix -o $(SCREENSHOTS)/matrix.json > /dev/null || [ $$? = 1 ]
	$(BIN)/pytest tests/browser --documents $(SCREENSHOTS) --screenshots $(SCREENSHOTS)
	@echo "The pictures are in $(SCREENSHOTS)."

.PHONY: format
format: .venv/for-development ## Format Python, C and C++ as `make check` requires.
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/clang-format -i $(C_SOURCES)

.PHONY: bench
bench: setup ## Run the benchmarks: six minutes. BEFORE=FILE shows the bench.json of an earlier run beside them.
	$(BIN)/pip install --disable-pip-version-check --quiet --editable '.[bench]'
	$(BIN)/python -m bench --json bench.json $(if $(BEFORE),--before $(BEFORE))

.PHONY: test-guest
test-guest: setup ## Judge every claim on the machine itself, inside a Debian guest: ten minutes.
	$(BIN)/pytest -s tests/guest

.PHONY: soak
soak: setup ## Hit runs with faults, and keep a device idle: hours; it goes on where it was ended.
	$(BIN)/python -m tests.soak
	$(BIN)/python -m tests.soak.idle

.PHONY: fuzz
fuzz: setup ## Fuzz every parser, and the agents in C with sanitizers: a minute for each.
	$(BIN)/pip install --disable-pip-version-check --quiet --editable '.[fuzz]'
	$(BIN)/python -m tests.fuzz

.PHONY: clean
clean: ## Remove the virtual environment; the cache of kernels and programs stays.
	rm -rf .venv

.PHONY: help
help: ## List the targets.
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s%s\n", $$1, $$2 }'

.PHONY: setup
setup: system .venv/for-development

# Runs apt only when something is missing.
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

# Adds what the tests and checks need.
.venv/for-development: .venv/installed
	$(BIN)/pip install --disable-pip-version-check --editable '.[dev]'
	touch $@

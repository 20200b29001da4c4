# All paths are relative and all programs are run as modules: a space in the folder's name, which
# make cannot quote and the first line of a script cannot hold, then does no harm.

VENV := .venv
RUN := $(VENV)/bin/python -m
INSTALLED := $(VENV)/.installed

# The first of these that is Python 3.11 or later is used; `make PYTHON=…` names another.
PYTHON ?= python3.11 python3.12 python3.13 python3 python

.DEFAULT_GOAL := help
.PHONY: help install demo test bench storm lint

help:
	@echo 'make demo      search and cluster real text in an embedded PostgreSQL'
	@echo 'make test      check and test everything'
	@echo 'make lint      check only'
	@echo 'make bench     print the benchmark table'
	@echo 'make storm     writers write while workers die, for 200,000 operations; print what came of it'
	@echo 'make install   make .venv only; the others do it too'

install: $(INSTALLED)

demo: $(INSTALLED)
	@$(RUN) sqlembed demo

# Processes side by side have a server each; one that is given has roles that all would share.
SIDE_BY_SIDE := $(if $(SQLEMBED_TEST_DATABASE_URL),,--numprocesses auto --dist worksteal)

test: lint
	$(RUN) pytest $(SIDE_BY_SIDE)

bench: $(INSTALLED)
	@$(RUN) tests.benchmarks

storm: $(INSTALLED)
	@$(RUN) tests.storm

lint: $(INSTALLED)
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(VENV)/bin/python -c 'from importlinter.cli import lint_imports_command as run; run()' --no-logo
	$(RUN) mypy

$(INSTALLED): pyproject.toml constraints.txt
	@set -e; \
	if ! $(VENV)/bin/python -m pip --version >/dev/null 2>&1; then \
	    for python in $(PYTHON); do \
	        "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	        new_enough=$$python; \
	        "$$python" -c 'import venv, ensurepip' 2>/dev/null || continue; \
	        found=$$python; \
	        break; \
	    done; \
	    if [ -z "$$found" ] && [ -n "$$new_enough" ]; then \
	        echo "$$new_enough cannot make virtual environments; on Debian and Ubuntu:" >&2; \
	        echo '    apt-get install python3-venv' >&2; \
	        exit 1; \
	    fi; \
	    if [ -z "$$found" ]; then \
	        echo 'sqlembed needs Python 3.11 or later, and none of these is it: $(PYTHON)' >&2; \
	        echo 'If it is somewhere else: make PYTHON=/path/to/python' >&2; \
	        exit 1; \
	    fi; \
	    "$$found" -m venv --clear $(VENV); \
	fi
	$(RUN) pip install --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	@touch $@

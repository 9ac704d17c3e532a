# Everything a reader or developer needs; each verb only calls the tools. Needs make and Python 3.11.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help book test refresh lint results clean

BIN := .venv/bin
INSTALLED := .venv/installed

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

# The first of these commands that is Python 3.11.
PYTHON ?= $(shell for python in python3.11 python3 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo $$python && break; done)

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 not found: install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	"$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable ".[book,test,pipeline]"
	@touch $@

# The pages come from a copy of book/ with freshly executed chapters, so that no committed file changes.
book: $(INSTALLED) ## Execute every chapter, then build the book into book/_build/html
	$(BIN)/python -m simplexnas.notebooks execute
	rm -rf book/_build
	$(BIN)/jupyter-book build _book --path-output book -W -n --keep-going
	@echo "open book/_build/html/index.html"

# Among the tests: pairs of notebook and script agree, notebooks give their stored outputs, the book builds with -W -n.
# Two processes, each with whole files: the cells of a notebook belong together.
test: lint ## Every gate: lint, tests, notebooks, book
	$(BIN)/python -m pytest --nbval --numprocesses 2 --dist loadscope

lint: $(INSTALLED) ## Lint, and check the format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

refresh: $(INSTALLED) ## Write numbers into the pages, execute the chapters and write their notebooks into book/
	$(BIN)/python -m simplexnas.report.numbers refresh
	$(BIN)/python -m simplexnas.notebooks refresh

results: $(INSTALLED) ## Train the published families and what the book's tables are made of, where missing (resumes)
	$(BIN)/snakemake --cores all --rerun-incomplete

clean: ## Remove what was built; keeps .venv and everything under data/
	rm -rf _book book/_build build dist .pytest_cache .ruff_cache .hypothesis .benchmarks out.ipynb _screenshots
	find . -path ./.venv -prune -o -name __pycache__ -prune -exec rm -rf {} +

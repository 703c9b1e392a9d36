# make demo     see a real site made fast, and a tour of each feature (CHECK=1: fetch its pages, press
#               every button of the tour, print the times, and stop)
# make test     everything that has to pass: lint, types, docs, tests, Django's own cache tests
#
# Nothing needs to be installed first but Python 3.10 or later; PYTHON=python3.12 names another.
# Environments are made here (.venv*) and made anew when pyproject.toml changes.

PYTHON ?= python3
CHECK ?=
PORT ?=

.DEFAULT_GOAL := help
.PHONY: help demo test lint typing packaging docs bench clean python

help:
	@echo "make demo      a real site on this package, with a tour; PORT=8001, CHECK=1 to check and stop"
	@echo "               MERIDIAN_STORE=redis://localhost:6379/0 puts its cache elsewhere"
	@echo "make test      everything that has to pass"
	@echo "make lint      ruff: faults and form"
	@echo "make typing    mypy and pyright"
	@echo "make packaging build releases, install and try them"
	@echo "make docs      the pages, into .cache/docs"
	@echo "make bench     measure, side by side with others"
	@echo "make clean     remove environments and caches"
	@echo "PYTHON=...     another interpreter than python3"

python:
	@scripts/need_python.sh "$(PYTHON)"

demo: python
	@"$(PYTHON)" scripts/venv.py .venv-demo --group demo \
	    $(if $(MERIDIAN_STORE),--extra all 'psycopg[binary]>=3.2',--extra encryption)
	@.venv-demo/bin/python example_project/manage.py demo $(if $(CHECK),--check) $(if $(PORT),--port $(PORT))

test: python
	@"$(PYTHON)" scripts/test_all.py

lint typing packaging docs: python
	@"$(PYTHON)" scripts/test_all.py $@

bench: python
	@"$(PYTHON)" scripts/venv.py .venv-bench --extra all --group bench
	@.venv-bench/bin/python -m benchmarks

clean:
	rm -rf .venv .venv-newest .venv-demo .venv-bench .cache .tox .pytest_cache .mypy_cache .ruff_cache \
	    build dist docs/_build htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

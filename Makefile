.DEFAULT_GOAL := help
PYTHON := .venv/bin/python

help: ## Show what can be made
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

setup: .venv ## Make .venv with the locked development dependencies

.venv: requirements-dev.lock
	python3 -m venv .venv
	.venv/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements-dev.lock
	touch .venv

quick: ## Static checks and the tests that need no Docker
	./check --quick

check: ## Everything CI runs, in the same order
	./check

fix: .venv ## Let ruff repair and format what it can
	.venv/bin/ruff check --fix --quiet
	.venv/bin/ruff format --quiet

docs: .venv ## Write docs/reference from the code
	$(PYTHON) -m instancectl.cli.reference write

wheel: .venv ## Build the wheel into dist/
	$(PYTHON) -m build --wheel --no-isolation

lock: ## Resolve the dependencies anew and pin them (needs uv)
	for name in requirements requirements-dev; do \
	  group=$$(test $$name = requirements || echo --group dev); \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --no-emit-index-url --upgrade --custom-compile-command 'make lock' \
	    pyproject.toml $$group --output-file $$name.lock || exit 1; \
	done

images: ## Build the images of the testbed
	python3 tests/testbed/build.py --default

.PHONY: help setup quick check fix docs wheel lock images

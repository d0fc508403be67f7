# Everything a newcomer types. Needs Python 3.11 or later and make; the rest is installed on first use.

PORT     ?= 8000
DEMO     ?= 1
AGENCIES ?= 1
ROLE     ?= enterprise
PARTY    ?=
TARGET   ?= host
STAGE    ?= prod
export PORT DEMO AGENCIES ROLE PARTY

PYTHON ?= python3
PY     := .venv/bin/python
TOOLS  := .venv-tools/bin
READY  := .venv/.ready
LINTERS:= .venv-tools/.ready
PIP    := -m pip install --quiet --disable-pip-version-check --no-deps --requirement

MESSAGES ?= 10000

.PHONY: help run test soak check lint types drift template bench build deploy token clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

run: $(READY)  ## the whole window on this machine: PORT=8000 DEMO=0 AGENCIES=0
	@$(PY) -m infra.run

test: $(READY)  ## all tests
	@$(PY) -m pytest

check: lint types drift test  ## the whole gate

lint: $(READY) $(LINTERS)  ## style of the code, and of the template as SAM will expand it
	@$(PY) -m ruff check .
	@$(TOOLS)/cfn-lint --regions cn-northwest-1 --template template.yaml
	@mkdir -p .build && $(TOOLS)/python infra/synth/expanded.py > .build/expanded.json
	@$(TOOLS)/cfn-lint --regions cn-northwest-1 --template .build/expanded.json

types: $(READY)  ## types
	@$(PY) -m mypy infra functions layers/common/python tests

drift: $(READY)  ## generated files are what the code says, published versions what they were
	@$(PY) -m infra.pinyin --check
	@$(PY) -m infra.touched --check
	@$(PY) -m infra.synth --check
	@$(PY) -m infra.readme --check
	@$(PY) -m infra.change_control --check

template: $(READY)  ## write template.yaml, docs/openapi.json, the README's table, and what searches and forms look up
	@$(PY) -m infra.pinyin
	@$(PY) -m infra.touched
	@$(PY) -m infra.synth
	@$(PY) -m infra.readme

soak: $(READY)  ## ten thousand messages under every fault at once, and all properties on all their examples: hours
	@THOROUGH=1 $(PY) -m pytest
	@PYTHONPATH=.:functions:layers/common/python $(PY) -m tests.soak --messages $(MESSAGES)

bench: build  ## the benchmark table
	@$(PY) -m tests.bench

build: $(READY)  ## the staged packages in .build: TARGET=host, or lambda to deploy
	@$(PY) -m infra.packaging $(TARGET)

deploy: TARGET = lambda
deploy: build  ## to AWS, with infra/parameters/<STAGE>.json; needs the SAM command line
	@sam deploy --parameter-overrides $$($(PY) -c 'import json; print(*(f"{k}={v}" for k, v in json.load(open("infra/parameters/$(STAGE).json")).items()))')

token: $(READY)  ## a token of the running local window: ROLE=enterprise PARTY=<uscc>
	@$(PY) -m infra.token

clean:  ## leave nothing but the repository
	@rm -rf .venv .venv-tools .build .mypy_cache .ruff_cache .pytest_cache .hypothesis .local

$(READY): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed") if sys.version_info < (3, 11) else None'
	@test -x $(PY) || { echo "creating .venv (once)" >&2; $(PYTHON) -m venv .venv; }
	@$(PY) $(PIP) requirements/dev.txt >&2
	@touch $@

$(LINTERS): requirements/tools.txt
	@test -x $(TOOLS)/python || { echo "creating .venv-tools (once)" >&2; $(PYTHON) -m venv .venv-tools; }
	@$(TOOLS)/python $(PIP) requirements/tools.txt >&2
	@touch $@

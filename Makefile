# Needs make and Python >= 3.11 (or uv), nothing else. Everything it makes lies in .venv/, .venv-spark/, build/ and shop/.
SHELL = /bin/sh
.NOTPARALLEL:
.DEFAULT_GOAL = help
.PHONY: help demo test check long bench clean setup lint

ENGINE ?= duckdb
BIN = .venv/bin
# make demo ENGINE=spark: the same on Spark, in the environment that has it.
ifneq ($(filter-out duckdb,$(ENGINE)),)
HAS = .venv-spark/bin
RUNS = COTERIE_ENGINE=$(ENGINE) $(HAS)
else
HAS = $(BIN)
RUNS = $(HAS)
endif
DEMO ?= shop
WORKERS ?= auto

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' Makefile

demo: ## set up, make a demo shop, find its segments, say where to look
	@scripts/setup run
	@if [ "$(ENGINE)" != duckdb ]; then CI=true scripts/spark >/dev/null; fi
	@if [ -e "$(DEMO)/coterie.yaml" ]; then \
	  echo "$(DEMO)/ is already there and is used as it is (remove it to start over)."; \
	else $(BIN)/coterie demo "$(DEMO)"; fi
	@$(RUNS)/coterie run --dir "$(DEMO)"
	@$(RUNS)/coterie segments --dir "$(DEMO)"
	@echo
	@echo "Where to look:"
	@printf '  %-45s %s\n' \
	  "$(DEMO)/coterie.yaml" "what was said about this shop: sources, traits, segments" \
	  "$(HAS)/coterie segments --dir $(DEMO)" "the segments again; with a name after 'segment', one of them" \
	  "$(HAS)/coterie --help" "everything else: count, why, sql, export, doctor"

test: setup ## everything in 'check' and every test but the long ones
	@scripts/postgres
	@scripts/chromium
	@scripts/node_clients
	@$(MAKE) --no-print-directory lint
	$(BIN)/pytest -n $(WORKERS)
	@if [ "$$(scripts/spark)" = ready ]; then .venv-spark/bin/pytest -m "spark and not long and not bench"; \
	else [ "$(CI)" != true ]; fi

check: setup lint ## lint, format, types, floors and the quick tests
	$(BIN)/pytest -n $(WORKERS) -m "not long and not bench and not postgres and not browser and not spark"

long: setup ## the long tests, sized by N (make long N=20000); figures go to build/figures.jsonl
	@scripts/postgres
	@scripts/chromium
	@scripts/node_clients
	COTERIE_N=$(or $(N),20000) HYPOTHESIS_PROFILE=explore $(BIN)/pytest -m "(long or bench) and not spark"
	@if [ "$$(scripts/spark)" = ready ]; then \
	  COTERIE_N=$(or $(N),20000) .venv-spark/bin/pytest -m "(long or bench) and spark"; else [ "$(CI)" != true ]; fi

bench: setup ## measure speed and memory into build/figures.jsonl; ONLY=name for one; ENGINE=spark for those of Spark too
	@if [ "$(ENGINE)" != duckdb ]; then CI=true scripts/spark >/dev/null; fi
	$(RUNS)/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(N),--size $(N))

clean: ## remove what building and testing left behind (not .venv, not the demo)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks scripts -name __pycache__ -type d -exec rm -rf {} +

setup:
	@scripts/setup dev

# All four, also when one finds something.
lint:
	@failed=; \
	for tool in "ruff check ." "ruff format --check ." "mypy" "lint-imports --no-cache --no-logo"; do \
	  echo "$$tool"; $(BIN)/$$tool || failed="$$failed [$$tool]"; \
	done; \
	if [ -n "$$failed" ]; then echo "Not clean:$$failed" >&2; exit 1; fi

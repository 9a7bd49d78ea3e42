# Everything that one does with this project. Each target makes what it needs first.
# Settings: PYTHON (a Python 3.13), API_PORT, AWS_PORT, DATABASE_URL, REDIS_URL, ALLOWED_ORIGINS, ALLOW_DROP; see README.md.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run demo test build lint format types template unit stack-tests fuzz bench bench-auth bench-prices bench-alerts prove-prices mutants-prices prove-alerts mutants-alerts invoke admin rotate-keys clean distclean

BOOTSTRAP := localstack/bootstrap.sh
DEV := .local/envs/dev/bin
LOCALSTACK := .local/envs/localstack/bin
STACK := env PYTHONPATH=localstack $(DEV)/python -m goldalert_local
SAM := PATH="$(CURDIR)/.local/envs/tools/bin:$$PATH" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 .local/envs/sam/bin/sam
PYTEST := -m pytest --quiet

help: ## list every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## start everything and serve the API at http://localhost:8000 until Ctrl-C
	@$(BOOTSTRAP) dev localstack lambda redis
	@$(STACK) up run

demo: ## play the main job on a stack of its own, from registration to the mail
	@$(BOOTSTRAP) dev localstack lambda redis
	@$(STACK) exec demo -- $(DEV)/python -m goldalert_local.demo

test: lint types template unit stack-tests ## run every check and every test

build: ## stage the functions and the layer in .build (PLATFORM=local|x86_64|arm64)
	@$(BOOTSTRAP) dev
	@$(DEV)/python infra/build.py --platform $(or $(PLATFORM),local)

lint: ## check style and the direction of imports
	@$(BOOTSTRAP) dev
	$(DEV)/ruff check .
	$(DEV)/ruff format --check .
	PYTHONPATH=functions:shared_layer $(DEV)/lint-imports

format: ## format the code and mend what can be mended
	@$(BOOTSTRAP) dev
	$(DEV)/ruff format .
	$(DEV)/ruff check --fix .

types: ## check types
	@$(BOOTSTRAP) dev
	$(DEV)/mypy functions shared_layer localstack infra

template: build ## check the template, and that sam can build it
	@$(BOOTSTRAP) sam
	$(SAM) validate --lint --template infra/template.yaml
	$(SAM) build --template infra/template.yaml >.build/sam.log 2>&1 || { cat .build/sam.log; exit 1; }

unit: ## run the tests that need no stack
	@$(BOOTSTRAP) dev localstack lambda redis
	$(DEV)/python $(PYTEST) -n 2 tests/unit tests/contract tests/architecture tests/integration --ignore tests/unit/localstack/plugin
	no_proxy=127.0.0.1,localhost $(LOCALSTACK)/python $(PYTEST) --confcutdir tests/unit/localstack tests/unit/localstack/plugin

stack-tests: ## run the tests that need a stack, on one of their own, and those of its restart
	@$(BOOTSTRAP) dev localstack lambda redis
	@$(STACK) exec test -- $(DEV)/python $(PYTEST) -n 2 --dist loadfile tests/e2e tests/security
	@$(STACK) exec test --keep -- $(DEV)/python $(PYTEST) tests/e2e_restart

fuzz: ## try EXAMPLES made-up inputs of each route (300), other ones each time, on a stack of its own
	@$(BOOTSTRAP) dev localstack lambda redis
	@FUZZ_EXAMPLES=$(or $(EXAMPLES),300) $(STACK) exec test -- $(DEV)/python $(PYTEST) -n 2 tests/security/test_bad_input.py

bench: bench-auth bench-prices bench-alerts ## measure everything

bench-auth: ## measure the authorizer and logins on this machine
	@$(BOOTSTRAP) dev redis
	@PYTHONPATH=functions:shared_layer:localstack $(DEV)/python -m tests.bench.auth

bench-prices: ## measure reading prices over a year of ticks, and write bench/results/prices.json
	@$(BOOTSTRAP) dev redis
	@PYTHONPATH=functions:shared_layer:localstack $(DEV)/python -m tests.bench.prices

bench-alerts: ## measure ticks over up to 5,000,000 alerts (SIZES="10000 100000": fewer), write bench/results/alerts.json and docs/alert-matching.png
	@$(BOOTSTRAP) dev redis
	@PYTHONPATH=functions:shared_layer:localstack $(DEV)/python -m tests.bench.alerts $(if $(SIZES),--sizes $(SIZES))

prove-prices: ## play CASES made-up markets (1000000) with bad sources, and write bench/results/prove-prices.json
	@$(BOOTSTRAP) dev
	@PYTHONPATH=functions:shared_layer $(DEV)/python -m tests.proof.prices --cases $(or $(CASES),1000000)

mutants-prices: ## invert each guard of the price's rules, and see that a test fails
	@$(BOOTSTRAP) dev
	@PYTHONPATH=functions:shared_layer $(DEV)/python -m tests.proof.mutants prices

prove-alerts: ## do EXAMPLES random things (2000) to the alert engine and to a model of it, and kill workers at each statement (SEED=...: repeat)
	@$(BOOTSTRAP) dev
	@$(DEV)/python -m tests.proof.alerts --examples $(or $(EXAMPLES),2000) $(if $(SEED),--seed $(SEED))

mutants-alerts: ## invert each guard of the alerts' rules, and see that a test fails
	@$(BOOTSTRAP) dev
	@PYTHONPATH=functions:shared_layer $(DEV)/python -m tests.proof.mutants alerts

invoke: ## invoke a function of the running stack: FUNCTION=alert-service-on-price-updated EVENT=events/invocations/...json
	@$(STACK) invoke $(FUNCTION) $(EVENT)

admin: ## make an admin on the running stack, and print a one-time link for their password: EMAIL=...
	@$(if $(EMAIL),,$(error say whom: make admin EMAIL=you@example.com))
	@$(STACK) admin '$(EMAIL)'

rotate-keys: ## sign access tokens with a new key, without a failed request (STAGE=prod: on AWS)
	@$(BOOTSTRAP) dev
	@$(if $(STAGE),$(DEV)/python infra/rotate_keys.py $(STAGE),$(STACK) rotate-keys)

clean: ## remove state and builds; the environments stay
	@for lock in .local/stacks/*.lock; do \
		pid=$$(cat "$$lock" 2>/dev/null) || continue; \
		if kill -0 "$$pid" 2>/dev/null; then \
			echo "error: stack $$(basename "$$lock" .lock) is running (process $$pid): stop it first" >&2; exit 1; \
		fi; \
	done
	rm -rf .local/stacks .build .aws-sam

distclean: clean ## remove the environments, too
	rm -rf .local

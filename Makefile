# Every target has a help line; `make` prints them.
SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/lithify

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Patch a real kube-apiserver and read its first audit events (no cluster needed beforehand)
	@scripts/demo.sh

.PHONY: test
test: check deny bed ## Everything: lints, unit, fixture and property tests, the real cluster, a fuzzing run
	@scripts/test.sh

.PHONY: check
check: ## Fast: formatting, clippy, unit tests
	@cargo fmt --check
	@cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	@cargo clippy --package lithify --no-default-features --locked -- -D warnings
	@cargo test --package lithify --lib --quiet --locked
	@cargo test --package lithify-probe --lib --quiet --locked
	@cargo test --package lithify-webhook --lib --quiet --locked

.PHONY: deny
deny: ## Licences, duplicates, yanked crates
	@scripts/deny.sh

.PHONY: bed
bed: ## Build the test bed's Kubernetes binary (cached; 6 to 8 minutes the first time)
	@scripts/install-packages.sh
	@scripts/guest-kernels.sh
	@tests/cluster/build.sh

.PHONY: bpf
bpf: ## Rebuild the probe's kernel half (needs clang-14; building the rest does not)
	@scripts/bpf.sh

.PHONY: bench
bench: ## Compare with peers; ratios within one run
	@cargo bench --locked

.PHONY: fuzz
fuzz: ## Fuzz each target for a minute (EACH=600 for longer)
	@scripts/fuzz.sh $(or $(EACH),60)

.PHONY: bless
bless: ## Rewrite the expected outputs of the fixtures; read the diff before you commit
	@LITHIFY_BLESS=1 cargo test --workspace --locked
	@git diff --stat -- fixtures

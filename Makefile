# Countersign. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO    ?= go
BIN   := bin
TOOL  := $(GO) tool -modfile=tools/go.mod
FUZZ  ?= 60s
MUTANTS ?=
DEVICES ?= 5000000
ROUNDS  ?= 5
# Generated files keep the form their generator gives them.
SOURCES = $$(git ls-files '*.go' ':!registration/rpc/core')

.DEFAULT_GOAL := help

## help: list the targets
.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST) | awk -F': ' '{printf "  make %-10s %s\n", $$1, $$2}'

## build: compile the server, the core and the command-line client into ./bin
.PHONY: build
build:
	@mkdir -p $(BIN)
	@CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/ ./cmd/...

## demo: play the main job on real input, in the terminal, without any service
.PHONY: demo
demo: build
	@scripts/demo.sh $(BIN)

## run: start a server with a seeded partner and tenant, and print what to try
.PHONY: run
run: build
	@scripts/run.sh $(BIN)

## setup: install what the tests need from the system's packages
.PHONY: setup
setup:
	@scripts/setup.sh

## test: everything, on PostgreSQL and SQLite, race detector on
.PHONY: test
test: setup check
	@# The end-to-end stories take the longest, mostly waiting: they begin first, beside the rest.
	@$(GO) test -race -shuffle=on -timeout 20m ./internal/e2e ./...

## clients: OAuth clients that others have written, installed from their packages, against a server
.PHONY: clients
clients: setup
	@$(GO) test -v -run TestClientsOfOthers ./internal/e2e

## check: formatting, linters, import rules, documents up to date
.PHONY: check
check:
	@test -z "$$($(TOOL) gofumpt -l $(SOURCES))" || { $(TOOL) gofumpt -l $(SOURCES); echo "run: make fmt"; exit 1; }
	@$(GO) vet ./...
	@$(TOOL) staticcheck ./...
	@$(TOOL) golangci-lint run ./...
	@$(GO) -C tools/protogen run . -check ../..
	@$(MAKE) --no-print-directory check-docs
	@$(GO) test -run 'TestEach|TestBoxes|TestModels|TestGorm|TestProducts' ./internal/archtest
	@echo ok

## fmt: format the code
.PHONY: fmt
fmt:
	@$(TOOL) gofumpt -w $(SOURCES)

## proto: generate the Go code of the core's network contract
.PHONY: proto
proto:
	@$(GO) -C tools/protogen run . ../..

## docs: generate the API description and the list of error codes
.PHONY: docs
docs:
	@$(TOOL) swag init --quiet --parseInternal --dir gateway,gateway/wire --generalInfo doc.go --outputTypes json,yaml --output docs
	@$(GO) test -run TestDocument_isBuiltFromSwagger ./internal/openapi -update
	@$(GO) test -run TestErrorsPage ./gateway/wire -update

## check-docs: fail when the generated documents are not what the code says
.PHONY: check-docs
check-docs:
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	$(TOOL) swag init --quiet --parseInternal --dir gateway,gateway/wire --generalInfo doc.go --outputTypes json,yaml --output "$$tmp"; \
	diff -u docs/swagger.json "$$tmp/swagger.json" && diff -u docs/swagger.yaml "$$tmp/swagger.yaml" || { echo "run: make docs"; exit 1; }
	@$(GO) test -run 'TestDocument|TestErrorsPage' ./internal/openapi ./gateway/wire

## release: the programs for Linux, macOS and Windows as archives with checksums, into ./dist
.PHONY: release
release:
	@$(GO) run ./internal/release/cmd -out dist -version "$$(git describe --tags --always --dirty)" -epoch "$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}"

## fuzz: each fuzzer for a minute (FUZZ=10s for less)
.PHONY: fuzz
fuzz:
	@scripts/fuzz.sh $(FUZZ)

## mutants: break each guarantee in turn and see a named test fail (MUTANTS=match for some of them)
.PHONY: mutants
mutants:
	@$(GO) run ./internal/mutants/cmd -only '$(MUTANTS)'

## bench: speed and size as ratios, one line per figure, into docs/performance.md (ONLY=C2 for some, DEVICES=500000 for a quick run)
.PHONY: bench
bench:
	@mkdir -p $(BIN)
	@$(GO) build -o $(BIN)/loadgen ./internal/loadgen/cmd
	@CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/countersignd ./cmd/countersignd
	@$(BIN)/loadgen -gateway $(BIN)/countersignd -only "$(ONLY)" -devices $(DEVICES) -rounds $(ROUNDS) -page docs/performance.md -report $(BIN)/performance.html

## bench-go: the benchmarks of the hot paths
.PHONY: bench-go
bench-go:
	@$(GO) test -run '^$$' -bench . -benchmem ./...

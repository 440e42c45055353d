# Everything a contributor runs. `make test` is all that CI runs.
GO            ?= go
TOOLS         := $(CURDIR)/.tools
STATICCHECK   := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI      := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VERSION       ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS       := -s -w -X github.com/prometheus/common/version.Version=$(VERSION)
FUZZTIME      ?= 10s
SEEDS         ?= 1000
export CGO_ENABLED ?= 0

.PHONY: build test lint vet unit simulate model fuzz bench idle docs setup clean

build: ## both binaries static, into bin/
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

test: setup build vet lint unit simulate ## all that CI runs

setup: ## what the tests need beside Go
	@./scripts/setup.sh

vet:
	$(GO) vet ./...
	GOBIN=$(TOOLS) $(GO) install $(STATICCHECK)
	$(TOOLS)/staticcheck ./...

lint: ## skipped with a message where the linter cannot be installed
	@if GOBIN=$(TOOLS) $(GO) install $(GOLANGCI); then $(TOOLS)/golangci-lint run ./...; \
	else echo "lint: golangci-lint could not be installed here; vet and staticcheck ran"; fi

unit: ## with the race detector where there is a C compiler
	@if CGO_ENABLED=1 $(GO) build -race -o /dev/null ./cmd/poller 2>/dev/null; then \
		CGO_ENABLED=1 $(GO) test -race ./...; \
	else echo "unit: no C compiler, so without the race detector"; $(GO) test ./...; fi

simulate: ## whole pollers under SEEDS kinds of trouble in simulated time; SEED=n replays one
	@./scripts/simulate.sh $(SEEDS) $(SEED)

model: ## every variant of the protocol's model, with Spin (docs/model)
	@./scripts/model.sh

fuzz: ## every fuzz target for FUZZTIME each
	@./scripts/fuzz.sh $(FUZZTIME)

bench: build ## every benchmark; the figures of the README
	@./scripts/bench.sh

idle: build ## what an idle poller costs on this host
	@./scripts/idle.sh

docs: ## what follows from tables: docs/*.md and the README's meters
	UPDATE_GOLDEN=1 $(GO) test -count=1 ./cmd/poller -run Documentation

clean:
	rm -rf bin .tools

#!/usr/bin/env bash
# The figures of the README: every benchmark once, then what a whole cycle and an idle
# poller cost. Takes some minutes.
set -eu
cd "$(dirname "$0")/.."
go test -run '^$' -bench . -benchmem ./... 2>&1 | grep -E '^(Benchmark|pkg:|cpu:|FAIL|---|panic)' || true
make -s idle

#!/usr/bin/env bash
# Runs whole pollers under so many kinds of trouble in simulated time, and prints what was
# lost and doubled. usage: simulate.sh SEEDS [SEED]; with SEED only that one, with its story
# if it fails.
set -eu
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if RINGMETER_SEEDS=$1 RINGMETER_SEED=${2:-} ${GO:-go} test -count=1 -v ./internal/simulation >"$log" 2>&1; then
	grep -hE 'runs, lost' "$log" | sed 's/^ *[a-z_]*\.go:[0-9]*: //' | sort
else
	grep -vE '^ *(=== |--- PASS)' "$log" || true
	exit 1
fi

#!/usr/bin/env bash
# Runs every benchmark and measures an idle poller, prints the figures, and puts those that
# the README quotes between its bench marks.
set -eu
cd "$(dirname "$0")/.."
out=$(mktemp)
table=$(mktemp)
trap 'rm -f "$out" "$table"' EXIT

go test -run '^$' -bench . -benchmem ./... | grep -E '^(Benchmark|pkg:|cpu:|--- |FAIL|panic)' | tee "$out"
idle=$(./scripts/idle.sh)
echo "$idle"

{
	echo "$(sed -n 's/^cpu: //p' "$out" | head -n 1), $(nproc) cores, $(go env GOVERSION):"
	echo
	echo "| what | figures |"
	echo "|---|---|"
	quote() { # benchmark, description
		awk -v name="^Benchmark$1(-[0-9]+)?$" -v what="$2" '$1 ~ name {
			line = ""
			for (i = 3; i < NF; i += 2) line = line (line ? ", " : "") $i " " $(i + 1)
			print "| " what " | " line " |"
		}' "$out"
	}
	quote EncodeSign20Keys 'encode and sign one sample with 20 metadata keys'
	quote Decode100Samples 'decode a message of 100 samples without touching their metadata'
	quote Match100Meters50Patterns 'match 100 meters against 50 patterns'
	quote Cycle 'a cycle of 10 000 resources × 10 meters, over the bus to `test://`'
	echo "| ${idle%%:*} | ${idle#*: } |"
} >"$table"
awk -v table="$table" '
	/<!-- bench -->/ { print; while ((getline line < table) > 0) print line; skip = 1 }
	/<!-- \/bench -->/ { skip = 0 }
	!skip' README.md >"$out" && cat "$out" >README.md

#!/usr/bin/env bash
# Runs every benchmark and measures an idle poller, prints the figures, and puts those that
# the README quotes between its bench marks.
set -eu
cd "$(dirname "$0")/.."
out=$(mktemp)
table=$(mktemp)
trap 'rm -f "$out" "$table"' EXIT

go test -p 1 -run "^$" -bench . -benchmem -count 3 ./... | grep -E '^(Benchmark|pkg:|cpu:|--- |FAIL|panic)' | tee "$out"
idle=$(./scripts/idle.sh)
echo "$idle"

{
	echo "$(sed -n 's/^cpu: //p' "$out" | head -n 1), $(nproc) cores, $(go env GOVERSION):"
	echo
	echo "| what | figures |"
	echo "|---|---|"
	quote() { # benchmark, description: the median of its runs
		grep -E "^Benchmark$1(-[0-9]+)?[[:space:]]" "$out" | sort -k3,3n | awk -v what="$2" '
			{ lines[NR] = $0 }
			END {
				count = split(lines[int((NR + 1) / 2)], f)
				for (i = 3; i < count; i += 2) text = text (text ? ", " : "") f[i] " " f[i + 1]
				print "| " what " | " text " |"
			}'
	}
	quote EncodeSign20Keys/ten_meters_a_resource 'encode and sign one sample with 20 metadata keys'
	quote Decode100Samples/one_meter_a_resource 'decode a message of 100 samples without touching their metadata, each of another resource'
	quote Decode100Samples/ten_meters_a_resource 'the same, ten meters of each resource'
	quote Match100Meters50Patterns 'match 100 meters against 50 patterns'
	quote Cycle 'a cycle of 10 000 resources × 10 meters, over the bus to `test://`'
	echo "| ${idle%%:*} | ${idle#*: } |"
} >"$table"
awk -v table="$table" '
	/<!-- bench -->/ { print; while ((getline line < table) > 0) print line; skip = 1 }
	/<!-- \/bench -->/ { skip = 0 }
	!skip' README.md >"$out" && cat "$out" >README.md

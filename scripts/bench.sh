#!/usr/bin/env bash
# Runs every benchmark and measures an idle poller, prints the figures, and puts those that
# the README quotes between its bench marks: the median of COUNT runs of BENCHTIME each.
# usage: bench.sh [COUNT [BENCHTIME [SECONDS-OF-IDLING]]]
set -eu
cd "$(dirname "$0")/.."
count=${1:-3}
benchtime=${2:-300ms}
seconds=${3:-60}
out=$(mktemp)
table=$(mktemp)
trap 'rm -f "$out" "$table"' EXIT

go test -p 1 -run "^$" -bench . -benchmem -count "$count" -benchtime "$benchtime" ./... |
	grep -E '^(Benchmark|pkg:|cpu:|--- |FAIL|panic)' | tee "$out"
if grep -qE '^(FAIL|panic)' "$out"; then
	echo "bench: a benchmark failed; the README keeps its figures" >&2
	exit 1
fi
idle=$(./scripts/idle.sh "$seconds")
echo "$idle"

# median FOLDER.BENCHMARK UNIT: of its runs.
median() {
	awk -v name="$1" -v unit="$2" '
		/^pkg: / { folder = $2; sub(/^github.com\/ringmeter\/ringmeter\/?/, "", folder) }
		/^Benchmark/ {
			bench = $1
			sub(/^Benchmark/, "", bench)
			sub(/-[0-9]+$/, "", bench)
			if (folder "." bench == name) for (i = 3; i < NF; i += 2) if ($(i + 1) == unit) print $i
		}' "$out" | sort -g | awk -v name="$1 $2" '
		{ values[NR] = $1 }
		END {
			if (!NR) { print "bench: there is no figure " name > "/dev/stderr"; exit 1 }
			print values[int((NR + 1) / 2)]
		}'
}

# row DESCRIPTION FOLDER.BENCHMARK UNIT...
row() {
	local what=$1 bench=$2 unit value text=
	shift 2
	for unit in "$@"; do
		value=$(median "$bench" "$unit")
		text="$text${text:+, }$value $unit"
	done
	echo "| $what | $text |"
}

# ring MEMBERS: what a view costs.
ring() {
	local fresh join leave
	fresh=$(median "partition.Ring/members=$1/fresh" ns/op)
	join=$(median "partition.Ring/members=$1/change" ms/join)
	leave=$(median "partition.Ring/members=$1/change" ms/leave)
	echo "| the ring of $1 members | $(awk "BEGIN { printf \"%.3g\", $fresh / 1e6 }") ms from nothing, $join ms when one joins, $leave ms when one leaves |"
}

# movement MEMBERS: how good it is.
movement() {
	local join leave most least
	join=$(median "partition.Movement/members=$1" x-join)
	leave=$(median "partition.Movement/members=$1" x-leave)
	most=$(median "partition.Movement/members=$1" max/avg)
	least=$(median "partition.Movement/members=$1" min/avg)
	echo "| movement and balance among $1 members (ideal: 1) | a join moves $join of what has to, a leave $leave; the largest share is $most of the average, the smallest $least |"
}

{
	echo "$(sed -n 's/^cpu: //p' "$out" | head -n 1), $(nproc) cores, $(go env GOVERSION):"
	echo
	echo "| what | figures |"
	echo "|---|---|"
	row 'encode and sign one sample with 20 metadata keys' metering.EncodeSign20Keys/ten_meters_a_resource ns/op MB/s B/op allocs/op
	row 'decode a message of 100 samples without touching their metadata, each of another resource' metering.Decode100Samples/one_meter_a_resource ns/op MB/s samples/s B/op allocs/op
	row 'the same, ten meters of each resource' metering.Decode100Samples/ten_meters_a_resource ns/op MB/s samples/s B/op allocs/op
	row 'match 100 meters against 50 patterns' metering.Match100Meters50Patterns ns/op matches/s B/op allocs/op
	row 'a cycle of 10 000 resources × 10 meters, over the bus to `test://`' cmd/poller.Cycle ns/op peak-RSS-MB samples/s B/op allocs/op
	echo "| ${idle%%:*} | ${idle#*: } |"
	row 'owner of a resource among 10 members' partition.Owner/serial ns/op B/op allocs/op
	row 'the same on all cores at once' partition.Owner/parallel ns/op B/op allocs/op
	row 'a share of 1 000 000 resources' partition.Split ms/1M-keys B/op allocs/op
	for members in 3 10 100 1000; do ring "$members"; done
	for members in 3 10 30 100; do movement "$members"; done
	for members in 3 100 1000; do
		row "a heartbeat over Redis among $members members" "partition/redis.Beat/members=$members" p50-µs p99-µs redis-µs/op
	done
	row "Redis' own time to claim and finish 1000 partitions of a cycle" partition/redis.Cycle redis-µs/1000-partitions
} >"$table"
awk -v table="$table" '
	/<!-- bench -->/ { print; while ((getline line < table) > 0) print line; skip = 1 }
	/<!-- \/bench -->/ { skip = 0 }
	!skip' README.md >"$out" && cat "$out" >README.md

#!/usr/bin/env bash
# What an idle poller costs: runs it as it comes, then prints how soon its first samples
# were there, its resident memory, and the processor time it used over a minute
# (idle.sh [SECONDS]).
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
poller=$PWD/bin/poller
cd "$(mktemp -d)" # where no pipeline.yaml lies, so that the embedded one is used
started=$(date +%s%N)
"$poller" run --web.listen-address=127.0.0.1:18977 2>log &
pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; rm -rf "$PWD"' EXIT
until curl -sf http://127.0.0.1:18977/metrics | grep -q '^hardware_memory_total'; do
	kill -0 "$pid" 2>/dev/null || { cat log >&2; exit 1; }
	sleep 0.02
done
first=$((($(date +%s%N) - started) / 1000000))
sleep 5 # the start is not idling

ticks() { awk '{print $14 + $15}' "/proc/$pid/stat"; }
before=$(ticks)
sleep "$seconds"
after=$(ticks)
rss=$(awk '/^VmRSS/ {print $2}' "/proc/$pid/status")
awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" -v seconds="$seconds" -v rss="$rss" -v first="$first" 'BEGIN {
	printf "an idle poller at a 10 s interval: first samples after %d ms, %.1f MiB resident, %.2f %% of a core over %d s\n",
		first, rss / 1024, 100 * ticks / hz / seconds, seconds
}'

#!/usr/bin/env bash
# What an idle poller costs: runs it as it comes, then prints its resident memory and the
# processor time it used over a minute (idle.sh [SECONDS]).
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
log=$(mktemp)
cd "$(mktemp -d)" # where no pipeline.yaml lies, so that the embedded one is used
"$OLDPWD"/bin/poller run --web.listen-address=127.0.0.1:0 2>"$log" &
pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; rm -f "$log"' EXIT
sleep 5 # the start is not idling

ticks() { awk '{print $14 + $15}' "/proc/$pid/stat"; }
before=$(ticks)
sleep "$seconds"
after=$(ticks)
hz=$(getconf CLK_TCK)
awk -v ticks=$((after - before)) -v hz="$hz" -v seconds="$seconds" -v pid="$pid" 'BEGIN {
	while ((getline line < ("/proc/" pid "/status")) > 0) if (line ~ /^VmRSS/) { split(line, f, " "); rss = f[2] }
	printf "idle poller, 10 s interval: %.1f MiB resident, %.2f %% of a core over %d s\n",
		rss / 1024, 100 * ticks / hz / seconds, seconds
}'

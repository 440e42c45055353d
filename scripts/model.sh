#!/usr/bin/env bash
# Checks every variant of the model of the claim protocol, docs/model/claim.pml, with Spin:
# the rules as they are must hold, and each must be seen to fail where it is broken.
# Installs Spin as root on Debian; elsewhere says that it is missing.
#
# model.sh          checks all; fails when a result is another than expected
# model.sh WORD     checks the variants whose line contains WORD
# model.sh -t WORD  also shows the steps that lead to each violation
set -eu
cd "$(dirname "$0")/.."

# What is expected, the property, the options of the model, what they stand for.
variants() {
	cat <<-'END'
	# Claims, with leases that run out at any time and deaths.
	holds    once     -DEXPIRIES=3 -DKILLS=1 -DFENCE=1                  # fenced: published once
	holds    once     -DEXPIRIES=2 -DKILLS=1 -DFENCE=1 -DCLAIM=0        # the fence alone is enough for that
	violated once     -DEXPIRIES=3 -DKILLS=1                            # a check is no fence
	holds    once     -DEXPIRIES=3 -DKILLS=1 -DSPARE=1                  # but only between check and done
	violated once     -DEXPIRIES=3 -DKILLS=1 -DSPARE=1 -DCHECK=0        # and without a check at any time
	holds    once     -DEXPIRIES=2 -DP=2 -DSPARE=1                      # the same with two partitions
	holds    bounded  -DEXPIRIES=2 -DKILLS=1                            # each mishap doubles once at most
	violated bounded  -DEXPIRIES=2 -DKILLS=1 -DCLAIM=0 -DCHECK=0        # without claims it is any number
	holds    single   -DEXPIRIES=2 -DKILLS=1                            # one sure holder
	violated single   -DEXPIRIES=2 -DKILLS=1 -DCLAIM=0                  # without claims there are two
	holds    progress -DEXPIRIES=2 -DKILLS=1                            # nothing is lost while one lives
	holds    progress -DEXPIRIES=2 -DKILLS=1 -DFENCE=1                  # fenced neither
	violated progress -DKILLS=2                                         # all die: lost
	# Three workers.
	holds    once     -DW=3 -DC=1 -DEXPIRIES=1 -DKILLS=2 -DFENCE=1      # fenced: published once
	holds    single   -DW=3 -DC=1 -DEXPIRIES=1 -DKILLS=2                # one sure holder
	holds    progress -DW=3 -DC=1 -DEXPIRIES=1 -DKILLS=2                # nothing is lost while one lives
	# Polls that fail.
	holds    once     -DFAILS=2 -DEXPIRIES=2 -DFENCE=1                  # handed back, published once
	holds    progress -DFAILS=1 -DKILLS=1 -DEXPIRIES=1                  # the second attempt publishes
	violated progress -DFAILS=2                                         # two failures: given up
	holds    progress -DFAILS=2 -DTRIES=3                               # a third attempt would publish
	# The coordinator goes away and comes back.
	holds    once     -DP=2 -DOUTAGES=1 -DSTEAL=1                       # published once,
	holds    progress -DP=2 -DOUTAGES=1 -DSTEAL=1                       # and nothing is lost
	holds    progress -DP=2 -DOUTAGES=1                                 # without stealing neither
	holds    once     -DP=2 -DOUTAGES=1 -DW=3                           # three workers: published once
	violated once     -DP=2 -DOUTAGES=1 -DGRACE=0                       # rescue before all are back
	violated once     -DP=2 -DOUTAGES=1 -DBACKFILL=0                    # no back-fill
	violated once     -DP=2 -DOUTAGES=1 -DBACKFILL=2 -DSTEAL=1          # back-fill of what is done alone
	violated once     -DP=2 -DOUTAGES=1 -DPAUSED=0 -DSTEAL=1            # work between back-fill and beat is doubled,
	violated progress -DP=2 -DOUTAGES=1 -DPAUSED=0                      # and what is noted then is open for ever
	violated once     -DP=2 -DOUTAGES=1 -DEARLY=0 -DSTEAL=1             # own work after the time to steal
	holds    once     -DP=2 -DOUTAGES=1 -DFAILS=1                       # a poll fails: published once,
	holds    progress -DP=2 -DOUTAGES=1 -DFAILS=1                       # and nothing is lost
	violated once     -DP=2 -DOUTAGES=1 -DFAILS=1 -DONCE=0              # own work that was handed back
	# It has lost its memory.
	holds    once     -DP=2 -DOUTAGES=1 -DAMNESIA=1 -DSTEAL=1           # published once,
	holds    progress -DP=2 -DOUTAGES=1 -DAMNESIA=1                     # and nothing is lost
	violated once     -DP=2 -DOUTAGES=1 -DAMNESIA=1 -DBACKFILL=0        # no back-fill
	# A lease has run out before: views differ.
	holds    once     -DP=2 -DOUTAGES=1 -DEXPIRIES=1 -DSPARE=1          # published once,
	holds    progress -DP=2 -DOUTAGES=1 -DEXPIRIES=1 -DSPARE=1          # and nothing is lost
	holds    once     -DP=2 -DOUTAGES=1 -DEXPIRIES=1 -DSPARE=1 -DFENCE=1   # fenced as well
	holds    once     -DP=2 -DOUTAGES=1 -DEXPIRIES=1 -DSPARE=1 -DAMNESIA=1 # with amnesia as well
	violated once     -DP=2 -DOUTAGES=1 -DEXPIRIES=1 -DSPARE=1 -DFENCED=0  # who had no lease goes on
	violated once     -DP=2 -DOUTAGES=1 -DEXPIRIES=1 -DSPARE=1 -DCLEAN=0   # in a cycle with a gap in the lease
	violated once     -DP=2 -DOUTAGES=1 -DEXPIRIES=1 -DSPARE=1 -DAGREED=0  # by the last pin, not the newest view
	violated once     -DP=2 -DOUTAGES=1 -DEXPIRIES=1 -DSPARE=1 -DSTRICT=0  # claims in a cycle begun in the grace
	violated once     -DP=2 -DOUTAGES=1 -DEXPIRIES=1 -DSPARE=1 -DAMNESIA=1 -DDOUBT=0 # back-fill of doubtful claims
	# Known limits.
	violated once     -DP=2 -DOUTAGES=1 -DEXPIRIES=2 -DSPARE=1          # two changes of view between pin and outage
	violated once     -DP=2 -DOUTAGES=1 -DKILLS=1 -DSPARE=1             # who dies takes its journal along
	violated progress -DP=2 -DOUTAGES=1 -DKILLS=1 -DSTEAL=1             # who dies then leaves its share of that cycle
	holds    progress -DOUTAGES=1 -DKILLS=1 -DREBORN=0                  # unless others may take that after the grace
	holds    bounded  -DP=1 -DOUTAGES=1 -DEXPIRIES=1 -DKILLS=1          # each mishap doubles once at most
	END
}

# check FILE LINE: runs one variant in a directory of its own and writes the result to FILE.
check() {
	local file=$1 expected property title options result states fair=() optimise=-O1 model=$PWD/docs/model/claim.pml
	title=${2#*# }
	read -r expected property options <<<"${2%%#*}"
	[ "$expected" = violated ] && optimise=-O0 # few states: it is the compiler that takes time
	mkdir "$file.d"
	cd "$file.d"
	# shellcheck disable=SC2086 # options are words
	spin -a $options "$model" >log 2>&1 && cc -w $optimise -DNFAIR=3 -DMEMLIM=1000 -o pan pan.c >>log 2>&1 || { cat log >"$file"; rm -rf "$file.d"; return; }
	[ "$property" = progress ] && fair=(-f)
	./pan -a -n "${fair[@]}" -m20000 -N "$property" >>log 2>&1 || true
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' log)
	if ! grep -q '^State-vector.*errors: ' log || grep -q 'max search depth too small' log; then
		result=unclear
	elif grep -q '^State-vector.*errors: 0$' log; then
		result=holds
		grep -q 'Search not completed' log && result=unclear
	else
		result=violated
	fi
	printf '%-4s %-8s expected %-8s %-8s %9s states  %s (%s)\n' \
		"$([ "$result" = "$expected" ] && echo ok || echo FAIL)" "$result" "$expected" "$property" "$states" "$title" "$options" >"$file"
	if [ "$result" = violated ] && { [ -n "$TRAIL" ] || [ "$expected" = holds ]; }; then
		# shellcheck disable=SC2086
		spin -t -k claim.pml.trail -p $options "$model" 2>&1 | sed -nE '/CYCLE/p; s/^ *[0-9]+:\tproc +([0-9]+) \((\w+):.*claim.pml:([0-9]+).*\[([a-ik-z]\w*(\[.*\])? = .*)\]$/     \2 (process \1) line \3: \4/p' >>"$file" || true
	fi
	[ "$result" = unclear ] && cat log >>"$file"
	rm -rf "$file.d"
}

if [ "${1:-}" = check ]; then
	check "$2" "$3"
	exit
fi

export TRAIL=
if [ "${1:-}" = -t ]; then
	TRAIL=yes
	shift
fi
if ! command -v spin >/dev/null || ! command -v cc >/dev/null; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "model: installing spin and gcc"
		export DEBIAN_FRONTEND=noninteractive
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends spin gcc libc6-dev; } >/dev/null || true
	fi
	if ! command -v spin >/dev/null || ! command -v cc >/dev/null; then
		echo "model: spin or a C compiler is missing and could not be installed, so the model was not checked" >&2
		exit 0
	fi
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=100
while read -r line; do
	number=$((number + 1))
	if [ "${line:0:1}" = '#' ]; then
		echo "$line" >"$work/$number"
	elif [[ $line == *"${1:-}"* ]]; then
		echo >>"$work/total"
		printf '%s\0%s\0' "$work/$number" "$line"
	fi
done < <(variants) | xargs -0 -r -n2 -P2 "$PWD/scripts/model.sh" check || true
cat "$work"/[0-9]*
total=$(cat "$work/total" 2>/dev/null | wc -l)
good=$(cat "$work"/[0-9]* | grep -c '^ok ' || true)
echo "model: $good of $total as expected"
[ "$good" = "$total" ] && [ "$total" -gt 0 ]

#!/usr/bin/env bash
# Installs what the tests use beside Go: a C compiler for the race detector and promtool
# for /metrics. As root on Debian it installs them; elsewhere it says what is missing.
set -eu

missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v promtool >/dev/null || missing+=(prometheus)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "setup: installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	# The packages start no service here: the tests run the programs themselves.
	policy=/usr/sbin/policy-rc.d
	[ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; trap 'rm -f "$policy"' EXIT; }
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null ||
		echo "setup: ${missing[*]} could not be installed" >&2
else
	echo "setup: install these Debian packages, or their like, for the full test: ${missing[*]}" >&2
fi

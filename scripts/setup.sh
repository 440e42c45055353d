#!/usr/bin/env bash
# Installs what the tests use beside Go: a C compiler, for the race detector. As root on
# Debian it installs it; elsewhere it says what is missing, and the tests run without.
set -eu

command -v cc >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "setup: installing gcc"
	export DEBIAN_FRONTEND=noninteractive
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev; } >/dev/null ||
		echo "setup: gcc could not be installed; the tests run without the race detector" >&2
else
	echo "setup: there is no C compiler, so the tests run without the race detector; on Debian install gcc and libc6-dev" >&2
fi

#!/usr/bin/env bash
# Installs what the tests use beside Go: a C compiler, for the race detector, and the
# servers of Redis. As root on Debian it installs what is missing; elsewhere it says what
# that is. Without a compiler the tests run without the race detector; without the servers
# the tests of the coordinator and the bus over Redis fail.
set -eu

packages=
command -v cc >/dev/null || packages="gcc libc6-dev"
command -v redis-server >/dev/null || packages="$packages redis-server"
command -v redis-sentinel >/dev/null || packages="$packages redis-sentinel"
[ -n "$packages" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "setup: not installed:$(printf ' %s' $packages); on Debian run scripts/setup.sh as root" >&2
	exit 0
fi

echo "setup: installing$(printf ' %s' $packages)"
export DEBIAN_FRONTEND=noninteractive
# The tests start servers of their own; those of the distribution stay off: a policy of
# 101 keeps packages from starting them, and a site's own policy is left alone.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
fi
# shellcheck disable=SC2086 # a list of words
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $packages; } >/dev/null ||
	echo "setup: could not be installed:$(printf ' %s' $packages)" >&2
if command -v systemctl >/dev/null; then # nor after the next boot
	systemctl disable --quiet redis-server redis-sentinel 2>/dev/null || true
fi

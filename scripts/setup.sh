#!/usr/bin/env bash
# Installs what the tests need and the machine lacks. Where it may not install,
# it says exactly what to install and fails.
set -euo pipefail

missing=()

postgres_present() {
	command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ||
		{ command -v pg_config >/dev/null 2>&1 && [ -x "$(pg_config --bindir)/initdb" ]; }
}

redis_present() {
	command -v redis-server >/dev/null 2>&1 || command -v valkey-server >/dev/null 2>&1
}

# Either will do; a system has the one or the other.
redis_package() {
	if ! apt-cache show redis-server >/dev/null 2>&1 && apt-cache show valkey-server >/dev/null 2>&1; then
		echo valkey-server
	else
		echo redis-server
	fi
}

browser_present() {
	local name
	[ -n "${COUNTERSIGN_TEST_BROWSER:-}" ] && return 0
	for name in chromium chromium-browser google-chrome google-chrome-stable chrome "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
		command -v "$name" >/dev/null 2>&1 && return 0
	done
	return 1
}

command -v go >/dev/null 2>&1 || { echo "setup: install Go 1.26 or newer first (https://go.dev/dl)" >&2; exit 1; }
postgres_present || missing+=(postgresql)
browser_present || missing+=(chromium) # the tests of the pages
redis_present || missing+=("$(redis_package)")
command -v node >/dev/null 2>&1 || missing+=(nodejs) # the tests of the pages' policy
command -v npm >/dev/null 2>&1 || missing+=(npm)
command -v curl >/dev/null 2>&1 || missing+=(curl) # examples of the documents are run
command -v cc >/dev/null 2>&1 || missing+=(gcc libc6-dev) # the race detector is linked with it

# Google's CSP evaluator, OAuth clients of others and a linter of API descriptions, as their lock files have them.
install_packages() {
	local name at
	for name in csp clients openapi; do
		at="$(dirname "$0")/../tools/$name"
		[ "$at/node_modules/.package-lock.json" -nt "$at/package-lock.json" ] && continue
		npm ci --prefix "$at" --silent --no-audit --no-fund >/tmp/countersign-npm.log 2>&1 || {
			tail -20 /tmp/countersign-npm.log >&2
			echo "setup: the packages of tools/$name could not be installed; run: npm ci --prefix tools/$name" >&2
			exit 1
		}
	done
}

[ ${#missing[@]} -eq 0 ] && { install_packages; exit 0; }

say_and_fail() {
	echo "setup: these packages are missing and could not be installed: ${missing[*]}" >&2
	echo "setup: on Debian or Ubuntu run: sudo apt-get install ${missing[*]}" >&2
	exit 1
}

command -v apt-get >/dev/null 2>&1 || say_and_fail
run=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null || say_and_fail
	run=(sudo -n)
fi

echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
{ "${run[@]}" apt-get update -qq && "${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/tmp/countersign-setup.log 2>&1 || {
	tail -20 /tmp/countersign-setup.log >&2
	say_and_fail
}
install_packages

#!/usr/bin/env bash
# Runs every fuzzer of the module for the time given, one after the other.
set -euo pipefail
time=${1:-60s}
clean=0 all=0
while IFS=: read -r file name; do
	all=$((all + 1))
	dir=./$(dirname "$file")
	echo "fuzz $name in $dir for $time"
	if go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 10x "$dir"; then clean=$((clean + 1)); fi
done < <(git ls-files '*_test.go' | xargs grep -noE '^func Fuzz[A-Za-z0-9_]+' | sed -E 's/^([^:]+):[0-9]+:func (.*)$/\1:\2/')
echo "clean $clean of $all"
[ "$clean" -eq "$all" ]

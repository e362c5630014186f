#!/bin/bash
# Runs every micro bench of a build at full size, one after the other: bench/run.sh BUILD [NAME...]
set -euo pipefail
build=$(realpath "${1:?usage: bench/run.sh BUILD [NAME...]}")
shift
for program in "$build"/bench/*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    name=$(basename "$program")
    [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
    echo "== $name"
    "$program"
done

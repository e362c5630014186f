#!/bin/bash
# Runs the benches of a build, one after the other, and writes what they print to bench/results:
#
#     bench/run_all.sh [--small] BUILD [NAME...]
#
# A name is a program of bench/micro, a script of bench/job, or serve: bench_store, job. With --small nothing is
# written, for such numbers mean nothing.
set -euo pipefail
small=
if [ "${1:-}" = --small ]; then
    small=--small
    shift
fi
build=$(realpath "${1:?usage: bench/run_all.sh [--small] BUILD [NAME...]}")
shift
cd "$(dirname "$0")/.."
failed=0

wanted() {
    [ $# -eq 1 ] || [[ " ${*:2} " == *" $1 "* ]]
}

head_of_page() {
    echo "# $1"
    echo
    echo "- machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(nproc) cores," \
         "$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB, Linux $(uname -r)"
    echo "- date: $(date +%F); commit $(git describe --always --dirty 2>/dev/null || echo unknown);" \
         "load at the start $(cut -d' ' -f1-3 /proc/loadavg)"
    echo "- command: \`bench/run_all.sh BUILD $1\`; $(cc --version | head -1)"
    echo
}

micro() {
    local name=$1 page=bench/results/$1.md
    echo "== $name"
    if [ -n "$small" ]; then
        "$build/bench/$name" --small || failed=1
        return
    fi
    { head_of_page "$name"; echo '```'; } > "$page.new"
    if "$build/bench/$name" | tee -a "$page.new"; then
        echo '```' >> "$page.new"
        mv "$page.new" "$page"
    else
        rm -f "$page.new"
        failed=1
    fi
}

job() {
    echo "== $1"
    local results=()
    [ -n "$small" ] || results=(--results "bench/results/$1.md")
    python3 "bench/job/$1.py" $small --build "$build" "${results[@]}" || failed=1
}

serve() {
    echo "== serve"
    if [ -n "$small" ]; then
        python3 bench/serve/serve.py --small --build "$build" || failed=1
    else
        python3 bench/serve/peers.py install || echo "not all peers could be installed"
        python3 bench/serve/serve.py --all --build "$build" || failed=1
    fi
}

mkdir -p bench/results
if wanted job "$@" && ! bench/peers.sh; then
    echo "the Python peers could not be installed: the job is measured without them"
fi
for program in "$build"/bench/bench_*; do
    name=$(basename "$program")
    [ -f "$program" ] && [ -x "$program" ] && wanted "$name" "$@" && micro "$name"
done
for name in start memory job; do
    wanted "$name" "$@" && job "$name"
done
wanted serve "$@" && serve
exit $failed

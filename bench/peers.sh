#!/bin/bash
# Makes the environment of the Python peers in build/venv, outside of git: bench/peers.sh. Needs a package index.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=build/venv
if [ -x $venv/bin/python ] && $venv/bin/python -c 'import polars, lightgbm, numpy, pyarrow' 2>/dev/null; then
    exit 0
fi
python3 -m venv $venv
$venv/bin/pip install --quiet --disable-pip-version-check -r bench/job/requirements.txt

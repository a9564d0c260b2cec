#!/usr/bin/env bash
# A ladder trained through Slurm by an external PyTorch script, from the plan to the report.
#
#   examples/sweep/walkthrough.sh TEXT FOLDER
#
# TEXT is a file to train on. Needs sbatch, `isoflop` (or ISOFLOP) and a Python with torch:
# python3, or PYTHON, by its full path, for jobs start in the login environment. LADDER says which
# runs, as `isoflop sweep plan` takes them; TARGET are the FLOPs of the run to forecast.
set -euo pipefail
text=$(realpath "$1") here=$(cd "$(dirname "$0")" && pwd)
isoflop=${ISOFLOP:-isoflop} python=${PYTHON:-$(command -v python3)}
mkdir -p "$2" && cd "$2"

# 1. The plan, to read and edit: three sizes at each of three budgets. The script is copied beside it, and
#    its contents are part of what a run is.
cp "$here/pytorch_loop.py" .
read -ra ladder <<<"${LADDER:---isoflop 1e12,3e12,1e13 --sizes 3}"
"$isoflop" sweep plan "${ladder[@]}" --executor slurm \
    --set context=64 --set data="$text" -o ladder.toml -- \
    "$python" pytorch_loop.py {spec} {result} {curve} {checkpoint}

# 2. The runs, as jobs of Slurm. The same command goes on after whatever may end it.
"$isoflop" sweep run ladder.toml

# 3. How it went, without asking Slurm.
"$isoflop" sweep status ladder.sweep

# 4. The law, the forecast of a larger run, and the report.
"$isoflop" fit ladder.sweep/results.db --save fit.json
"$isoflop" predict fit.json --flops "${TARGET:-1e15}"
"$isoflop" report ladder.sweep/results.db -o report.html

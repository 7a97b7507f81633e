#!/usr/bin/env bash
# Score the packaged weights, and a research model if one is given, on every test set, into benchmarks/evaluation/.
#
# Usage: benchmarks/evaluate.sh PREPARED_GRID PREPARED_LRWAR [RESEARCH_MODEL]
set -euo pipefail
cd "$(dirname "$0")/.."
grid=$1 lrwar=$2 research=${3:-}

score() {  # NAME MODEL DATA FLAGS...
  local name=$1 model=$2 data=$3
  shift 3
  kfusion evaluate "$model" --data "$data" "$@" -o "benchmarks/evaluation/$name" > /dev/null
}

score grid-s1-validation default "$grid" --split val
score grid-s1-validation-frame-0 default "$grid" --split val --identity frame-0
score grid-unseen-speakers default "$grid" --split test
score lrwar-zero-shot default "$lrwar" --split test
if [ -n "$research" ]; then
  score lrwar-research "$research" "$lrwar" --split test
  score grid-unseen-speakers-research "$research" "$grid" --split test
fi
python benchmarks/summary.py > benchmarks/EVALUATION.md

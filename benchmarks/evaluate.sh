#!/usr/bin/env bash
# Score the packaged weights on every test set, into benchmarks/evaluation/.
# The page also shows the noise floors that benchmarks/noise_floor.py left in benchmarks/noise_floor/*.json.
#
# Usage: benchmarks/evaluate.sh PREPARED_GRID PREPARED_LRWAR [PREPARED_RAVDESS PREPARED_FACEGOOD]
set -euo pipefail
cd "$(dirname "$0")/.."
grid=$1 lrwar=$2 ravdess=${3:-} facegood=${4:-}

score() {  # NAME MODEL DATA FLAGS...
  local name=$1 model=$2 data=$3
  shift 3
  kfusion evaluate "$model" --data "$data" "$@" -o "benchmarks/evaluation/$name" > /dev/null
}

score grid-s1-validation default "$grid" --split val
score grid-s1-validation-frame-0 default "$grid" --split val --identity frame-0
score grid-unseen-speakers default "$grid" --split test
score lrwar-zero-shot default "$lrwar" --split test
score grid-s1-validation-live live "$grid" --split val
score grid-unseen-speakers-live live "$grid" --split test
score lrwar-zero-shot-live live "$lrwar" --split test
if [ -n "$ravdess" ]; then
  score ravdess-zero-shot default "$ravdess" --split test
  score ravdess-zero-shot-live live "$ravdess" --split test
fi
if [ -n "$facegood" ]; then
  score facegood-held-out default "$facegood" --split test
  score facegood-held-out-live live "$facegood" --split test
fi
rm -f benchmarks/evaluation/ravdess-*/figure.png  # its licence goes along with its faces
python benchmarks/summary.py > docs/measured/evaluation.md

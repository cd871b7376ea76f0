#!/usr/bin/env bash
# Opens the traces of a profile's folder in every viewer and ends with an error when one complains.
# usage: . .ci/viewers.sh && profilers/chrome/viewers/check.sh FOLDER
set -euo pipefail
folder=$(realpath "$1")
scripts=$(dirname "$(realpath "$0")")
: "${STROBE_VIEWERS:?source .ci/viewers.sh first}"
export NODE_PATH=$STROBE_VIEWERS/node_modules
# HolisticTraceAnalysis takes every .json and .gz of a folder for a trace, so it gets one that holds nothing else.
ranks=$(mktemp -d)
trap 'rm -rf "$ranks"' EXIT
cp "$folder"/*.pt.trace.json.gz "$ranks/"
status=0
check() {
  local name=$1 out
  shift
  if out=$("$@" 2>&1); then echo "ok    $name"; else echo "FAIL  $name"; printf '%s\n' "$out"; status=1; fi
}
check perfetto node "$scripts/perfetto.mjs" "$STROBE_VIEWERS/perfetto" "$folder"/*.pt.trace.json.gz "$folder"/merged/*.gz
check catapult node "$scripts/catapult.mjs" "$STROBE_VIEWERS/trace_viewer_full.html" "$folder"/*.pt.trace.json.gz "$folder"/merged/*.gz
check speedscope node "$scripts/speedscope.mjs" "$folder"/*.pt.trace.json.gz "$folder"/merged/*.gz
check tensorboard "$STROBE_VIEWERS/venv/bin/python" "$scripts/tensorboard.py" "$ranks"
check holistic "$STROBE_VIEWERS/venv/bin/python" "$scripts/holistic.py" "$ranks"
exit $status

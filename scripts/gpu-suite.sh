#!/usr/bin/env bash
# Everything that needs a GPU, unattended, in under nine minutes: the device tests, the engine's benchmark of both sizes,
# and which kernels a step spends its time in. What matters most comes first. A step that fails or takes too long does
# not stop the others; each leaves what it has in $OUT as soon as it has it, and the end says how each of them went.
#
# Usage: [OUT=folder] [PYTHON=python3] gpu-suite.sh [--device cuda] [--quick]
#   --quick   the same steps with a network of some thousand weights: does the suite itself work here?
# Needs torch, transformers and Harken's own packages; no network, and no installation of Harken.
set -uo pipefail
cd "$(dirname "$0")/.."

device=cuda quick=0
while [ $# -gt 0 ]; do
    case $1 in
    --device) device=$2 && shift ;;
    --quick) quick=1 ;;
    *) echo "unknown: $1" >&2 && exit 2 ;;
    esac
    shift
done
python=${PYTHON:-python3}
out=${OUT:-benchmarks/results/gpu}
mkdir -p "$out"
out=$(cd "$out" && pwd)
: >"$out/suite.log"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONPATH="$PWD/src:$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
deadline=$((SECONDS + ${SUITE_SECONDS:-530}))
summary=() failed=0

# step NAME SECONDS COMMAND…: run it for at most so long, its output on the screen and in $OUT/suite.log.
step() {
    local name=$1 limit=$2 began=$SECONDS status
    shift 2
    local left=$((deadline - SECONDS))
    [ "$limit" -gt "$left" ] && limit=$left
    if [ "$limit" -lt 5 ]; then
        summary+=("$name: left out, no time") && failed=1
        return
    fi
    echo "== $name (at most $limit s)" | tee -a "$out/suite.log"
    timeout --kill-after=5 "$limit" "$@" 2>&1 | tee -a "$out/suite.log"
    status=${PIPESTATUS[0]}
    case $status in
    0) summary+=("$name: well, $((SECONDS - began)) s") ;;
    124 | 137) summary+=("$name: stopped after $limit s") && failed=1 ;;
    *) summary+=("$name: ended with $status after $((SECONDS - began)) s") && failed=1 ;;
    esac
}

environment() {
    "$python" - <<'PY'
import importlib.util, platform
import torch
print("Python", platform.python_version(), "torch", torch.__version__, "CUDA", torch.version.cuda)
print("GPU:", torch.cuda.get_device_name() if torch.cuda.is_available() else "none")
wanted = ("transformers", "triton", "safetensors", "tokenizers", "structlog", "numpy", "soundfile", "soxr", "typer",
          "fastapi", "uvicorn", "aiohttp", "av", "onnxruntime", "limits", "sqlalchemy", "httpx", "pytest", "pytest_timeout",
          "hypothesis")
missing = [name for name in wanted if importlib.util.find_spec(name) is None]
print("not installed:", ", ".join(missing) or "nothing")
PY
    command -v nvidia-smi >/dev/null && nvidia-smi
    return 0
}

# The files with device tests alone: collecting all tests would import packages that such a machine may lack. Where the
# packages behind pytest's settings are missing, the tests run without these.
device_tests() {
    local files flags=(-q)
    mapfile -t files < <(grep -rlE 'mark\.gpu' tests --include='test_*.py')
    if ! "$python" -c 'import hypothesis, pytest_timeout' 2>/dev/null; then
        flags+=(-c /dev/null --rootdir . --noconftest --import-mode=importlib -o "markers=gpu slow")
    fi
    "$python" -m pytest "${flags[@]}" -m gpu "${files[@]}"
}
export -f environment device_tests
export python

engine=("$python" -m benchmarks.engine --device "$device" --work "$work" --out "$out")
profile=("$python" -m benchmarks.engine.profile --device "$device" --work "$work")
large=1.7b small=0.6b
if [ "$quick" -eq 1 ]; then
    engine+=(--quick) profile+=(--at-a-time 2 --seconds 2 --steps 2 --rows 5)
    large=tiny small=tiny
else
    engine+=(--duration 3)
fi

step environment 60 bash -c environment
step tests 75 bash -c device_tests
step engine-large 200 "${engine[@]}" --model "$large" --only limit,throughput,rival --budget 75
step engine-small 75 "${engine[@]}" --model "$small" --only limit,throughput --budget 30
step profile-large 60 "${profile[@]}" --model "$large"
step profile-small 40 "${profile[@]}" --model "$small" --rows 15
step rest-small 75 "${engine[@]}" --model "$small" --only quantization,startup --budget 35
step rest-large 60 "${engine[@]}" --model "$large" --only startup --kinds bfloat16

echo
echo "== the suite took $SECONDS s; results in $out"
printf '%s\n' "${summary[@]}" | tee "$out/summary.txt"
exit "$failed"

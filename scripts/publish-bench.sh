#!/usr/bin/env bash
# The report that is published: four digits instances behind a gateway on free ports, swept to the knee; writes JSON, CSV
# and a page. Runs some three minutes, on a machine that does nothing else.
# Usage: scripts/publish-bench.sh [FOLDER [SECONDS]]; into benchmarks/results/bench, 15 s a step, without.
set -euo pipefail

cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
results=${1:-benchmarks/results/bench}
seconds=${2:-15}
place=$(mktemp -d)
gateway=

leave() {
    if [ -n "$gateway" ]; then kill "$gateway" 2>/dev/null && wait "$gateway" || true; fi
    rm -rf "$place"
}
trap leave EXIT

mkdir -p "$results"
# No upload is the same as another, so the cache would only cost; it is off so that nobody has to believe that.
HARKEN_STATE_FOLDER=$place/state HARKEN_CACHE_BYTES=0 python -m harken up --model digits --instances 4 --threads 1 \
    --port 0 --first-port 0 --log-level warning >"$place/announced" &
gateway=$!
for _ in $(seq 240); do
    server=$(grep -o 'http://[^"]*' "$place/announced" | head -1 || true)
    if [ -n "$server" ] && [ "$(curl -s "$server/health" | grep -o '"state": *"ready"' | wc -l)" -eq 4 ]; then break; fi
    kill -0 "$gateway" || exit 1
    sleep 0.5
done

python -m harken bench --server "$server" --sweep concurrency --duration-s "$seconds" --warm-up 40 --target-s 0.5 --classes 2:16,10:3,30:1 \
    --title "Four digits instances behind one gateway" \
    --save "$results/digits.json" --csv "$results/digits.csv" --html "$results/digits.html"

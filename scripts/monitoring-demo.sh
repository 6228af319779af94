#!/usr/bin/env bash
# A real cluster under load, watched by a real Prometheus with the exported files; prints what that answers, and stops all.
# Usage: monitoring-demo.sh [SECONDS [INSTANCES]]: of load before the questions (default: 45), and how many (default: 2).
# Needs Debian's prometheus and curl; uses free ports and a temporary folder; ends by itself.
set -euo pipefail

cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
seconds=${1:-45} instances=${2:-2} clients=4
for program in harken prometheus promtool curl; do
    command -v "$program" >/dev/null || { echo "$program is not installed." >&2; exit 1; }
done
folder=$(mktemp -d)
export HARKEN_STATE_FOLDER=$folder/state
started=()
stop() {
    [ "${#started[@]}" -eq 0 ] || kill "${started[@]}" 2>/dev/null || true
    wait
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT TERM

free_port() { # the first of $1 ports that nobody has now
    python3 - "$1" <<'PYTHON'
import socket, sys
while True:
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        port = first.getsockname()[1]
    try:
        for number in range(port, port + int(sys.argv[1])):
            with socket.socket() as one:
                one.bind(("127.0.0.1", number))
    except (OSError, OverflowError):
        continue
    print(port)
    break
PYTHON
}
until_ok() { # until a command succeeds, for at most two minutes
    for _ in $(seq 240); do
        "${@:2}" >/dev/null 2>&1 && return
        for pid in "${started[@]}"; do kill -0 "$pid" || break 2; done
        sleep 0.5
    done
    echo "Not within two minutes, or something has ended: $1" >&2
    exit 1
}

port=$(free_port "$((instances + 2))")
url=http://127.0.0.1:$port
prometheus=http://127.0.0.1:$((port + 1 + instances))
cat >"$folder/harken.toml" <<TOML
[gateway]
port = $port
name = "demo"
[fleet]
first_port = $((port + 1))
instances = $instances
[instance]
model = "digits"
device = "cpu"
[cache]
bytes = 0 # the same few recordings come again and again, and each is to be recognised
TOML

echo "== harken up, $instances instances of the digits model"
harken up --config "$folder/harken.toml" --log-level warning >/dev/null &
started+=("$!")
until_ok "the gateway is ready" curl -sf "$url/health"

echo "== harken export monitoring"
harken export monitoring --config "$folder/harken.toml" --interval-s 1 --output "$folder"
promtool check config "$folder/prometheus.yml"
prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" \
    --web.listen-address="${prometheus#http://}" --log.level=warn &
started+=("$!")
until_ok "Prometheus is ready" curl -sf "$prometheus/-/ready"

echo "== $clients clients for $seconds s"
samples=$(python3 -c 'from importlib.resources import files; print(files("harken") / "samples")')
classes=(live interactive batch)
ends=$((SECONDS + seconds))
clients_pids=()
for client in $(seq "$clients"); do
    (
        while [ "$SECONDS" -lt "$ends" ]; do
            for sample in "$samples"/*.wav; do
                [ "$SECONDS" -lt "$ends" ] || break
                curl -s -m 60 -o /dev/null -H "X-Harken-Priority: ${classes[client % 3]}" -F "audio=@$sample" "$url/asr" || true
                curl -s -m 60 -o /dev/null -F "file=@$sample" -F stream=true "$url/v1/audio/transcriptions" || true
            done
            curl -s -m 60 -o /dev/null -F "audio=@$folder/harken.toml" "$url/asr" || true # a client's mistake
        done
    ) &
    clients_pids+=("$!")
done
servers=("${started[@]}")
started+=("${clients_pids[@]}")
wait "${clients_pids[@]}"
started=("${servers[@]}")

ask() {
    echo "-- $1"
    promtool query instant "$prometheus" "$1" | sed 's/ @\[.*//' | sed 's/^/   /'
}
echo "== what Prometheus knows"
ask 'up'
ask 'harken_info'
ask 'harken_ready'
ask 'sum by (outcome) (harken_requests_total)'
ask 'sum by (class) (rate(harken_requests_total{outcome="done"}[30s]))'
ask 'sum(rate(harken_recording_audio_seconds_sum[30s]))'
ask 'cluster_class:harken_request_seconds:p95_5m'
ask 'histogram_quantile(0.95, sum by (stage, le) (rate(harken_stage_seconds_bucket[30s])))'
ask 'sum by (target) (rate(harken_try_audio_seconds_total{outcome="done"}[30s]))'
ask 'sum by (target) (rate(harken_engine_busy_seconds_total[30s]))'
ask 'harken_target_memory_bytes'
ask 'cluster_instance:harken_queue_used:ratio'
ask 'cluster:harken_budget_burn:rate5m'
ask 'harken_cpu_busy_ratio'
ask 'count(ALERTS{alertstate="firing"}) or vector(0)'

echo "== an instance is killed"
kill -9 "$(curl -s "$url/health" | python3 -c 'import json, sys; print(json.load(sys.stdin)["instances"][0]["pid"])')"
until_ok "it is seen" bash -c "promtool query instant $prometheus 'min_over_time(harken_target_ready{target=\"asr-1\"}[1m]) == 0' | grep -q asr-1"
ask 'min_over_time(harken_target_ready[30s])'
until_ok "it is back" bash -c "promtool query instant $prometheus 'harken_target_restarts_total{target=\"asr-1\"} == 1 and harken_target_ready == 1' | grep -q asr-1"
ask 'harken_target_restarts_total'
ask 'harken_target_ready'
echo "== everything stops"

#!/usr/bin/env bash
# A Ray cluster of a head and two nodes on this machine, instances on both nodes, one node killed under load; prints
# /health before and after, and what the load saw. Exit code 0 when no request failed.
# Usage: ray-demo.sh [SECONDS]: of load (default: 40). Needs harken[ray]; ends by itself, with all that it started.
set -euo pipefail

cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
seconds=${1:-40}
for program in harken curl python; do
    command -v "$program" >/dev/null || { echo "$program is not installed." >&2; exit 1; }
done
folder=$(mktemp -d)
export HARKEN_STATE_FOLDER=$folder/state RAY_TMPDIR=$folder RAY_USAGE_STATS_ENABLED=0 HARKEN_CACHE_BYTES=0
started=()
stop() {
    # The gateway first: its instances are to leave in order, while their nodes are there.
    for ((number = ${#started[@]} - 1; number >= 0; number--)); do
        kill "${started[number]}" 2>/dev/null || true
        wait "${started[number]}" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT TERM

# Nodes come by "add ADDRESS CPUS" and go by "kill ADDRESS"; all go when the input ends.
cat >"$folder/nodes.py" <<'PYTHON'
import logging, os, sys
import psutil
from ray.cluster_utils import Cluster

logging.disable(logging.WARNING)
cluster = Cluster(
    initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, "node_ip_address": "127.0.0.2"}
)
print(cluster.address, flush=True)
raylets = {}
for line in sys.stdin:
    do, address, *cpus = line.split()
    if do == "add":
        node = cluster.add_node(num_cpus=int(cpus[0]), node_ip_address=address)
        raylets[address] = node.all_processes["raylet"][0].process.pid
    else:
        raylet = psutil.Process(raylets[address])
        for process in (raylet, *raylet.children(recursive=True)):
            process.kill()
    print("done", flush=True)
cluster.shutdown()
os._exit(0)
PYTHON
mkfifo "$folder/orders" "$folder/answers"
python "$folder/nodes.py" <"$folder/orders" >"$folder/answers" 2>"$folder/nodes.log" &
started+=("$!")
exec 3>"$folder/orders" 4<"$folder/answers"
nodes() { # have something done to the cluster
    echo "$*" >&3
    read -r <&4
}
until_healthy() {
    for _ in $(seq 180); do
        curl -sf "$url/health" >/dev/null && [ "$(curl -s "$url/health" | grep -o '"state": "ready"' | wc -l)" -eq "$1" ] && return
        sleep 0.5
    done
    echo "Not within 90 s: $1 instances that are ready" >&2
    exit 1
}
show() {
    curl -s "$url/health" | python -c '
import json, sys
health = json.load(sys.stdin)
print("  /health:", health["status"])
for one in health["instances"]:
    print("   ", one["name"], one["state"], one["url"], "restarts", one["restarts"], one["detail"])'
}

echo "== a Ray cluster: a head without CPUs, and two nodes of two"
read -r address <&4
nodes add 127.0.0.3 2
nodes add 127.0.0.4 2
echo "  its head is at $address"

echo "== harken up --fleet ray, two instances of the digits model"
mkfifo "$folder/up"
harken up --fleet ray --set "ray.address=$address" --model digits --instances 2 --port 0 --log-level warning >"$folder/up" &
started+=("$!")
read -r line <"$folder/up"
url=$(python -c 'import json, sys; print(json.loads(sys.argv[1])["url"])' "$line")
until_healthy 2
show

echo "== load for $seconds s; after a quarter of it, the node 127.0.0.4 is killed"
harken bench --server "$url" --duration-s "$seconds" --concurrency 3 >"$folder/bench.txt" 2>&1 &
bench=$!
sleep $((seconds / 4))
nodes kill 127.0.0.4
sleep 3
show
outcome=0
wait "$bench" || outcome=$?
cat "$folder/bench.txt"
until_healthy 2
echo "== afterwards"
show
echo "== exit code of harken bench (0: no request failed): $outcome"
exit "$outcome"

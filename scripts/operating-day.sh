#!/usr/bin/env bash
# A day of an operator in some minutes, with the digits model: doctor, up, verify, load, autoscale, roll, kill, backup,
# restore. Prints each command and what it says; ends with 0 only if every one of them did what it should.
# Usage: scripts/operating-day.sh [PORT]. Everything it writes is in a temporary folder, and gone afterwards.
set -euo pipefail

cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
port=${1:-17860}
place=$(mktemp -d)
export HARKEN_STATE_FOLDER=$place/state HARKEN_GATEWAY_PORT=$port HARKEN_CACHE_BYTES=0 COLUMNS=140
server=http://127.0.0.1:$port
gateway=

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
run() {
    printf '$ %s\n' "$*"
    "$@" 2>&1
}
# Asked without a Python of its own: a poll that loads a core would keep the CPU's rule from ever scaling down.
ready() {
    curl -s -H "Authorization: Bearer ${HARKEN_API_KEY:-}" "$server/health" | grep -o '"state": *"ready"' | wc -l || true
}
until_ready() { # -ge|-eq COUNT: wait for at least, or exactly, so many ready instances
    for _ in $(seq 300); do
        [ "$(ready)" "$1" "$2" ] && return
        sleep 0.5
    done
    echo "not ready in minutes: $(ready) instances, wanted $1 $2" >&2
    return 1
}
leave() {
    if [ -n "$gateway" ]; then kill "$gateway" 2>/dev/null && wait "$gateway" || true; fi
    rm -rf "$place"
}
trap leave EXIT
up() { # starts the gateway; its log goes to the state folder
    printf '$ harken up %s &\n' "$*"
    harken up "$@" >"$place/announced" 2>"$place/stderr" &
    gateway=$!
}

cat >"$place/harken.toml" <<TOML
[gateway]
port = $port

[fleet]
instances = 1
first_port = 0

[instance]
model = "digits"
aligner = "digits-aligner"

[autoscale]                  # the guide's rule, and its day in a minute
mode = "on"
signals = "cpu"
cpu_share = 0.5
min = 1
max = 3
up_after_s = 10
up_pause_s = 5
down_after_s = 5
down_pause_s = 10
interval_s = 0.5
TOML
export HARKEN_CONFIG=$place/harken.toml
unset HARKEN_GATEWAY_PORT

say "Is this machine fit for it?"
run harken doctor

say "Up, and verified"
up
until_ready -ge 1
run harken keys add team-a
key=$(harken keys add team-b --admin 2>/dev/null | grep -o 'hk_[A-Za-z0-9_-]*')
export HARKEN_API_KEY=$key
run harken verify --server "$server"

say "Load comes, instances appear"
printf '$ harken bench --server %s --requests 5000 --concurrency 6 &\n' "$server"
harken bench --server "$server" --requests 5000 --concurrency 6 >"$place/bench" 2>&1 &
bench=$!
until_ready -ge 2
run harken autoscale
run harken status --server "$server"

say "A new model, while the load goes on"
model=$(python -c 'import importlib.resources as r; print(r.files("harken") / "checkpoints" / "digits")')
cp -r "$model" "$place/digits-2"
run harken roll --model "$place/digits-2" --watch 5

say "An instance is killed, while the load goes on"
shown=$(harken status --server "$server" --json)
victim=$(grep -o '"pid": [0-9]*' <<<"$shown" | head -1 | grep -o '[0-9]*')
run kill -9 "$victim"
wait "$bench" && echo "$ # the load is over:" && cat "$place/bench"
until_ready -ge 1
run harken logs --crashes

say "The load is gone, and the instances with it"
until_ready -eq 1
run harken status --server "$server"
run harken autoscale
run harken logs --summary

say "A backup, checked and restored into an empty place"
run harken jobs submit src/harken/samples/english-01.wav --server "$server" --wait
run harken backup "$place/backup.tar.gz"
run harken backup --verify "$place/backup.tar.gz"
kill "$gateway" && wait "$gateway"
gateway=
run harken restore "$place/backup.tar.gz" --to "$place/restored"
export HARKEN_STATE_FOLDER=$place/restored
up --autoscale off
until_ready -ge 1
run harken keys list
run harken jobs list --server "$server"
run harken verify --server "$server"
say "Everything did what it should."

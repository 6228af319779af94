#!/usr/bin/env bash
# The deployment guide's architecture from one harken.toml: nginx on 7860 over four instances that supervisord keeps.
# Usage: guide-architecture.sh [FOLDER]: everything is kept there (default: ./guide); a harken.toml that is there is used.
# Runs as an ordinary user, needs Debian's nginx and supervisor, and runs until Ctrl-C.
set -euo pipefail

PATH=$(realpath "$(dirname "$0")/..")/.venv/bin:$PATH:/usr/sbin # a checkout's own harken first; nginx, also for those who are not root
folder=$(realpath -m "${1:-guide}")
mkdir -p "$folder"
if [ ! -e "$folder/harken.toml" ]; then
    cat >"$folder/harken.toml" <<'TOML'
[fleet]
instances = 4
weights = "3,3,2,2"

[instance]
model = "digits"
TOML
fi

harken export nginx --config "$folder/harken.toml" --body-mb 100 --standalone "$folder" --output "$folder/nginx.conf"
harken export supervisor --config "$folder/harken.toml" --standalone "$folder" --output "$folder/supervisord.conf"

supervisord -c "$folder/supervisord.conf" &
supervisor=$!
nginx -e "$folder/nginx.log" -c "$folder/nginx.conf" &
nginx=$!
trap 'kill $nginx $supervisor 2>/dev/null; wait' EXIT
trap 'exit 130' INT TERM

url=$(sed -n 's/^ *listen \(.*\);/http:\/\/\1/p' "$folder/nginx.conf" | head -1)
echo "Waiting for the instances behind $url ..."
ready=0
while [ "$ready" -lt 10 ]; do # ten looks in a row: each shows another instance
    kill -0 $supervisor $nginx || { echo "One of them has ended; see $folder" >&2; exit 1; }
    if curl -sf -o /dev/null "$url/health"; then ready=$((ready + 1)); else ready=0; sleep 0.5; fi
done
supervisorctl -c "$folder/supervisord.conf" status || true
echo "Ready:  curl -F audio=@recording.wav -F language=auto $url/asr"
wait

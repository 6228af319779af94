#!/usr/bin/env bash
# Installs the system packages that tests, benchmarks and training scripts use: a C compiler, Chromium, curl, dnsmasq, iproute2, nginx, node,
# openssl, PostgreSQL, Prometheus, Redis, supervisor, speech synthesisers.
# Harken itself needs none of them. Runs as root or with sudo; otherwise it says what is missing and stops.
# Usage: install-system-packages.sh [training|deploy]; "training" adds the voices that `make train` learns from, "deploy" what
# scripts/run_dockerfile.py and its like do in place of Docker. (kubectl is a wheel: Debian's knows no kustomize components.)
set -euo pipefail

PATH=$PATH:/usr/sbin # where nginx is, also for those who are not root
declare -A package_of=([cc]="gcc libc6-dev" [chromium]="chromium fonts-noto-cjk" [curl]=curl [dnsmasq]=dnsmasq-base [ip]=iproute2 [nginx]=nginx [espeak-ng]=espeak-ng [flite]=flite [node]=nodejs [npm]=npm [redis-server]=redis-server [supervisord]=supervisor [openssl]=openssl [promtool]=prometheus [systemd-analyze]=systemd)
package_of[pg_createcluster]=postgresql # the server's own programs are in no path; tests start servers of their own
if [ "${1:-}" = training ]; then
    package_of[text2wave]="festival festvox-kdlpc16k festvox-us-slt-hts"
fi
if [ "${1:-}" = deploy ]; then
    package_of[debootstrap]=debootstrap
fi
missing=()
for program in "${!package_of[@]}"; do
    if ! command -v "$program" >/dev/null; then
        read -ra packages <<<"${package_of[$program]}"
        missing+=("${packages[@]}")
    fi
done
[ "${#missing[@]}" -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "Missing: ${missing[*]}. Install them with your system's package manager, then run this again." >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
    as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo)
else
    echo "Missing: ${missing[*]}. Run as root: apt-get install ${missing[*]}" >&2
    exit 1
fi
echo "Installing system packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null

#!/usr/bin/env bash
# Installs OpenAI's Node SDK for the conformance tests, exactly as locked, below tests/conformance.
# Needs node and npm (scripts/install-system-packages.sh).
set -euo pipefail
cd "$(dirname "$0")/../tests/conformance"
if [ node_modules/.package-lock.json -nt package-lock.json ]; then
    exit 0
fi
npm ci --silent --no-audit --no-fund
touch node_modules/.package-lock.json

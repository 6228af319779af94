#!/usr/bin/env bash
# Installs what tests use of npm, exactly as locked: OpenAI's Node SDK below tests/conformance, and axe-core, which looks
# for what keeps people from using a page, below tests/web; published schemas of files in deploy/, below tests/deploy.
# Needs node and npm (scripts/install-system-packages.sh).
set -euo pipefail
cd "$(dirname "$0")/../tests"
for folder in conformance deploy web; do
    if [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ]; then
        continue
    fi
    npm ci --prefix "$folder" --silent --no-audit --no-fund
    touch "$folder/node_modules/.package-lock.json"
done

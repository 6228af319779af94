#!/usr/bin/env bash
# Rewrites constraints.txt from what is installed in .venv: run it after changing a dependency and testing with it.
set -euo pipefail
cd "$(dirname "$0")/.."
{
    echo "# Exact versions for development and continuous integration; written by scripts/lock.sh."
    .venv/bin/pip list --format=freeze --exclude harken --disable-pip-version-check | sed 's/+cpu$//' | LC_ALL=C sort -f
} >constraints.txt

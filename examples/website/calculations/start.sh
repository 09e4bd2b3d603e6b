#!/usr/bin/env bash
# CodeDeploy: the new version is in place, start it.
set -euo pipefail
cd "${CALCULATIONS:-/srv/calculations}"
nohup python3 serve.py >serve.log 2>&1 &
echo $! >serve.pid

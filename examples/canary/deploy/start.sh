#!/usr/bin/env bash
# CodeDeploy: the new version is in place, start it.
set -euo pipefail
cd "${FLAGS_HOME:-/srv/flags}"
nohup python3 -m flags_service 8100 features.json >serve.log 2>&1 &
echo $! >serve.pid

#!/usr/bin/env bash
# CodeDeploy: the new version is in place, start it. INSTANCE_ROOT is set where a folder stands for the instance.
set -euo pipefail
cd "${FLAGS_HOME:-${INSTANCE_ROOT:-}/srv/flags}"
nohup python3 -m flags_service "${PORT:-8100}" features.json >serve.log 2>&1 &
echo $! >serve.pid

#!/usr/bin/env bash
# CodeDeploy: the new version is in place, start it. INSTANCE_ROOT is set where a folder stands for the instance.
set -euo pipefail
cd "${CALCULATIONS:-${INSTANCE_ROOT:-}/srv/calculations}"
nohup python3 serve.py "${PORT:-8090}" >serve.log 2>&1 &
echo $! >serve.pid

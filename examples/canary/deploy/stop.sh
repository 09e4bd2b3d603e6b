#!/usr/bin/env bash
# CodeDeploy: stop the old version, if there is one.
set -euo pipefail
pid_file=${FLAGS_HOME:-${INSTANCE_ROOT:-}/srv/flags}/serve.pid
if [ -f "$pid_file" ]; then
  kill "$(cat "$pid_file")" 2>/dev/null || true
  rm -f "$pid_file"
fi

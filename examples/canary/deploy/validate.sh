#!/usr/bin/env bash
# CodeDeploy: does it answer? Else the deployment is rolled back.
set -euo pipefail
port=8100
if [ -n "${INSTANCE_ROOT:-}" ]; then
  # A rehearsal: what a hook starts ends with the hook, so it is started once more, where nothing else listens.
  port=$((20000 + $$ % 20000))
  PORT=$port "$(dirname "$0")/start.sh"
fi
for _ in $(seq 20); do
  answer=$(python3 -c 'import sys, urllib.request as u; print(u.urlopen(f"http://127.0.0.1:{sys.argv[1]}/dark-mode/anna").read().decode().strip())' "$port" 2>/dev/null) && break
  sleep 0.5
done
[ "${answer:-}" = on ] || { echo "dark-mode is ${answer:-unknown} instead of on" >&2; exit 1; }

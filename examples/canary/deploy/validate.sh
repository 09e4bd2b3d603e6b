#!/usr/bin/env bash
# CodeDeploy: does it answer? Else the deployment is rolled back.
set -euo pipefail
for _ in $(seq 20); do
  answer=$(python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:8100/dark-mode/anna").read().decode().strip())' 2>/dev/null) && break
  sleep 0.5
done
[ "${answer:-}" = on ] || { echo "dark-mode is ${answer:-unknown} instead of on" >&2; exit 1; }

#!/usr/bin/env bash
# CodeDeploy: does it calculate? Else the deployment is rolled back.
set -euo pipefail
for _ in $(seq 20); do
  answer=$(python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:8090/shipping?kilograms=2").read().decode().strip())' 2>/dev/null) && break
  sleep 0.5
done
[ "${answer:-}" = 7.30 ] || { echo "2 kg cost ${answer:-nothing} instead of 7.30" >&2; exit 1; }

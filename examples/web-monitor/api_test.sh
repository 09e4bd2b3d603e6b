#!/usr/bin/env bash
# Asks the running monitor what a client would ask. Without MONITOR_URL, or with `local`, it starts one on a free port.
set -euo pipefail
cd "$(dirname "$0")"

if [ -z "${MONITOR_URL:-}" ] || [ "$MONITOR_URL" = local ]; then
  port_file=$(mktemp)
  python3 serve.py 0 >"$port_file" &
  server=$!
  trap 'kill "$server" 2>/dev/null || true; rm -f "$port_file"' EXIT
  for _ in $(seq 50); do
    [ -s "$port_file" ] && break
    sleep 0.1
  done
  MONITOR_URL=http://127.0.0.1:$(cat "$port_file")
fi

python3 - "$MONITOR_URL" <<'PY'
import json
import sys
import urllib.request

with urllib.request.urlopen(sys.argv[1], timeout=10) as answer:
    looks = json.load(answer)
assert answer.status == 200, answer.status
assert isinstance(looks, list), looks
print(f"{sys.argv[1]} watches {len(looks)} sites, none is down")
PY

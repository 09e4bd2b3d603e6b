#!/usr/bin/env bash
# Starts the API on a free port and asks it what a client would ask.
set -euo pipefail
cd "$(dirname "$0")"

port_file=$(mktemp)
python3 -m hw_api.server 0 >"$port_file" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$port_file"' EXIT

for _ in $(seq 50); do
  [ -s "$port_file" ] && break
  sleep 0.1
done
port=$(cat "$port_file")

ask() {
  python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())' \
    "http://127.0.0.1:$port$1"
}
expect() {
  answer=$(ask "$1")
  if [ "$answer" != "$2" ]; then
    echo "GET $1 answered $answer instead of $2" >&2
    exit 1
  fi
  echo "GET $1: $answer"
}

expect /health '{"status": "ok"}'
expect '/fill?level=10&amount=5' '{"allowed": true}'
expect '/fill?level=10&amount=1e9' '{"allowed": false}'

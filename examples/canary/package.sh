#!/usr/bin/env bash
# Packs what goes to the servers (with CodeDeploy's appspec.yml at the root) and the flags for AppConfig: out/.
set -euo pipefail
cd "$(dirname "$0")"
rm -rf out
mkdir -p out
cp -r flags_service features.json out/
cp deploy/* out/
find out -name __pycache__ -prune -exec rm -rf {} +
python3 -m json.tool features.json >/dev/null
ls out

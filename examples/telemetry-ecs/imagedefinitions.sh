#!/usr/bin/env bash
# Says which image the container of the ECS service gets: imagedefinitions.sh CONTAINER IMAGE.
set -euo pipefail
cd "$(dirname "$0")"
python3 - "$1" "$2" >imagedefinitions.json <<'PY'
import json
import sys

print(json.dumps([{"name": sys.argv[1], "imageUri": sys.argv[2]}]))
PY
cat imagedefinitions.json

#!/usr/bin/env bash
# Fills the pages with the prices, and packs the calculation service: out/pages, out/calculations.
set -euo pipefail
cd "$(dirname "$0")"

# CodeBuild unpacks the second input beside the source and says where.
prices=${CODEBUILD_SRC_DIR_Prices:-.}/prices.json
[ -f "$prices" ] || prices=prices.example.json

rm -rf out
mkdir -p out
python3 render.py "$prices" out/pages
cp -r calculations out/calculations
echo "built with $prices"

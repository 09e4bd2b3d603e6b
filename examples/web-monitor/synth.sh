#!/usr/bin/env bash
# Writes what is deployed: out/assembly (CloudFormation) and out/code (the function).
set -euo pipefail
cd "$(dirname "$0")"
rm -rf out
python3 synth.py out
ls out/*

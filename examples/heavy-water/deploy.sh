#!/usr/bin/env bash
# Puts a release where HW_RELEASES says: a folder, or s3://bucket/prefix.
set -euo pipefail
cd "$(dirname "$0")"

releases=${HW_RELEASES:?where do releases go? a folder or s3://bucket/prefix}
version=${CODEBUILD_RESOLVED_SOURCE_VERSION:-local}
archive=$(mktemp)
trap 'rm -f "$archive"' EXIT
tar -czf "$archive" hw_api

case $releases in
  s3://*)
    aws s3 cp "$archive" "$releases/hw-api-$version.tar.gz"
    ;;
  *)
    mkdir -p "$releases"
    cp "$archive" "$releases/hw-api-$version.tar.gz"
    ln -sfn "hw-api-$version.tar.gz" "$releases/current"
    ;;
esac
echo "released hw-api $version to $releases"

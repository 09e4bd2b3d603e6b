#!/usr/bin/env bash
# Tells CloudFront that the pages are new. DISTRIBUTION is its id, or `none` where the bucket is served directly.
set -euo pipefail
if [ "${DISTRIBUTION:-none}" = none ]; then
  echo "no distribution, nothing to invalidate"
  exit 0
fi
aws cloudfront create-invalidation --distribution-id "$DISTRIBUTION" --paths '/*' --query Invalidation.Id --output text

#!/usr/bin/env bash
# The walk alone, over edges in memory: no store, no decoder.
set -euo pipefail
exec "$(dirname "$BACKTRAIL")/bench_walk"

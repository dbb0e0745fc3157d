#!/bin/sh
# The project's own recording, scored with its ground truth: every view of the chain is a match and
# above all others, and nothing else is one.
#   recording.sh SPOOR-EVAL
set -eu
"$1" --idle 3 --json recording tests/data/chain v5 | python3 -c '
import json, sys
told = json.load(sys.stdin)["v5"]
rows = [row for row in told["chains"] if row["method"] == "evidence"]
assert rows
for row in rows:
    assert row["views"] == row["matches"] > 0, row
    assert row["false_matches"] == row["false_above"] == 0, row
    assert row["lowest_true"] > 3 > row["best_false"], row
assert told["strangers"]["pairs"] > 0 and told["strangers"]["E2"] == 0, told["strangers"]
'

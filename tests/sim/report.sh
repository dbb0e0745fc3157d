#!/bin/sh
# A report has its table, a line for each cell, and plots that an XML reader accepts.
#   report.sh SPOOR-SIM
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$1" --report "$dir/made" --quick --queries 1 2>"$dir/log" || { cat "$dir/log"; exit 1; }
cd "$dir/made"
python3 - <<'END'
import glob, json
import xml.etree.ElementTree as tree

plots = sorted(glob.glob("*.svg"))
assert len(plots) == 6, plots
for plot in plots:
    assert tree.parse(plot).getroot().tag == "{http://www.w3.org/2000/svg}svg", plot
runs = [json.loads(line) for line in open("results.jsonl")]
table = [line for line in open("report.md") if line.startswith("| ") and line[2].isdigit()]
assert len(runs) == len(table) == 30, (len(runs), len(table))
for run in runs:
    cdf = run["delay_cdf_ms"]
    assert len(cdf) == 101 and cdf[0] >= 0, run
    heard = [at for at in cdf if at >= 0]
    assert heard == sorted(heard), run
    assert run["violations"] == 0, run["violation_texts"]
for plot in plots:
    assert plot in open("report.md").read(), plot
END
if "$1" --report /dev/null/nowhere --quick >"$dir/out" 2>&1; then exit 1; fi
grep -q "cannot make /dev/null/nowhere" "$dir/out"

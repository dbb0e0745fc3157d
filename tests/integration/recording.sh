#!/usr/bin/env bash
# A recorded chain, traced: every other view of it ranks above every unrelated connection, the path
# reads from attacker to victim, the gateway without a node is a gap.
#
#   HA (R1) -> HS1 (R2) -> HS2 (R3, no node) -> HV (R4)
#
#   recording.sh DIR NODE TARGET PEER FILE   FILE: the path's hosts, then its gaps, then the views'
#                                            sources and destinations, without ports
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
recording=$1
[ -d "$recording" ] || { echo "skipped: no $recording here"; exit 77; }

loopback_open
trap finish EXIT
idle=$(sed -n 's/.*"tcp=\([0-9]*\)".*/\1/p' "$recording/truth.json" | head -n 1)
for file in "$recording"/*_v5.pcap.gz; do
	name=$(basename "$file" _v5.pcap.gz)
	node_init "$name" --idle-timeout "${idle}s" --keep forever
	node_start "$name"
	check "$name imports its capture" 0 "flows" spoor_at "$name" import "$file"
done
await "everybody knows everybody" node_knows "$2" $((${#number[@]} - 1))
began=$(date +%s%N)
check "the trace finds its target" 0 '"path"' spoor_at "$2" trace "$3" --peer "$4" --json
took=$((($(date +%s%N) - began) / 1000000))
echo "        answered in $took ms"
spoor_at "$2" trace "$3" --peer "$4" --json >"$dir/report.json"
check "the report is what really happened" 0 "all true" \
	python3 tests/integration/judge.py "$recording/truth.json" "$5" "$dir/report.json"

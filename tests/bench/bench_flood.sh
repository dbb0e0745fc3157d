#!/usr/bin/env bash
# What a real node has left of a core while strangers send it 100,000 forged datagrams a second, and
# whether it still answers: JSON lines.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=build/release/bin
# shellcheck source=tools/loopback.sh
. tools/loopback.sh
trap loopback_close EXIT
loopback_open
for name in R1 R2; do
	node_init "$name"
	node_start "$name"
done
await "R1 and R2 know each other" node_knows R1 1

processor_s() { # of R1, user and system
	awk -v tick="$(getconf CLK_TCK)" '{ print ($14 + $15) / tick }' "/proc/${pid[R1]}/stat"
}
seconds=5
for kind in garbage data init knock; do
	before=$(processor_s)
	sent=$("$bin/flooder" "$net.1" "$kind" 100000 "$seconds")
	after=$(processor_s)
	awk -v kind="$kind" -v sent="$sent" -v spent="$(awk "BEGIN { print $after - $before }")" -v s=$seconds 'BEGIN {
		printf "{\"bench\":\"flood\",\"what\":\"%s: core left at %.0f/s\",\"value\":%.3g,\"unit\":\"share\"}\n",
			kind, sent / s, 1 - spent / s }'
done
node_knows R1 1

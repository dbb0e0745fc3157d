#!/usr/bin/env bash
# The same flows in nfcapd's archive and in a node: how long a search through all of them takes, by
# the processor's time, with filters of which the index can answer some. JSON lines.
#   tests/bench/bench_scan.sh [MILLIONS]
set -euo pipefail
cd "$(dirname "$0")/../.."
millions=${1:-3}
bin=build/release/bin
# shellcheck source=tools/loopback.sh
. tools/loopback.sh
if ! command -v nfdump >/dev/null; then
	echo "no nfdump: nothing to compare with" >&2
	exit 0
fi
peer=
before=$(sysctl -n net.core.rmem_max)
tidy() {
	[ -z "$peer" ] || kill "$peer" 2>/dev/null || :
	sysctl -qw net.core.rmem_max="$before" 2>/dev/null || :
	loopback_close
}
trap tidy EXIT
sysctl -qw net.core.rmem_max=60000000 2>/dev/null || echo "not root: small socket buffers" >&2
loopback_open
node_init R1
node_start R1
mkdir "$dir/archive"
nfcapd -w "$dir/archive" -p 9995 -b "$net.200" -y -B 60000000 >"$dir/nfcapd.log" 2>&1 &
peer=$!
sleep 1
"$bin/sender" "$net.200" 9995 v5 "${millions}000000" 500000 >/dev/null
"$bin/sender" "$net.1" 2055 v5 "${millions}000000" 500000 >/dev/null
sleep 3
kill -TERM $peer
wait $peer || :
peer=

cpu_s() { awk -v tick="$(getconf CLK_TCK)" '{ print ($14 + $15) / tick }' "/proc/${pid[R1]}/stat"; }
emit() { printf '{"bench":"scan","what":"%s","value":%s,"unit":"%s"}\n' "$1" "$2" "$3"; }
count=$(jq '.store.flows' <<<"$(spoor_at R1 status --json)")
emit "flows in either" "$count" flows
rounds=5
search() { # FILTER
	local start theirs ours found also
	for _ in $(seq $rounds); do
		/usr/bin/env TIMEFORMAT='%U %S' bash -c "time nfdump -q -R '$dir/archive' -o fmt:%sa '$1'" \
			>"$dir/theirs" 2>"$dir/time"
		tail -n 1 "$dir/time"
	done | awk -v r=$rounds '{ s += $1 + $2 } END { print s / r }' >"$dir/theirs_s"
	theirs=$(cat "$dir/theirs_s")
	found=$(grep -c '\.' "$dir/theirs" || :) # it says so when there is none
	start=$(cpu_s)
	for _ in $(seq $rounds); do
		spoor_at R1 flows "$1" --ndjson --limit 1000000 >"$dir/ours" || :
	done
	ours=$(awk -v a="$(cpu_s)" -v b="$start" -v r=$rounds 'BEGIN { print (a - b) / r }')
	also=$(wc -l <"$dir/ours")
	emit "$1: nfdump" "$theirs" cpu-s
	emit "$1: spoord" "$ours" cpu-s
	emit "$1: found by nfdump, by spoord" "[$found,$also]" flows
	emit "$1: nfdump to spoord" "$(awk -v a="$theirs" -v b="$ours" 'BEGIN { printf "%.3g", (b > 0 ? a / b : 0) }')" times
}
search "dst port 22 and bytes > 1000000"
search "proto udp and src net 10.0.0.0/24 and dst port 123 and packets > 1"
search "tos 7"
search "ip 10.1.11.68"

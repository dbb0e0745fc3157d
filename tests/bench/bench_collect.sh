#!/usr/bin/env bash
# The same traffic to nfcapd and to a node, one after the other: flows taken and lost, what they cost
# of a processor, memory, and octets on disk. JSON lines; `ratio` is spoord to nfcapd.
#   tests/bench/bench_collect.sh [MILLIONS [V5-FLOWS-PER-SECOND [V9-FLOWS-PER-SECOND]]]
# As root the kernel's bound for socket buffers is raised meanwhile.
set -euo pipefail
cd "$(dirname "$0")/../.."
millions=${1:-20} v5_rate=${2:-1500000} v9_rate=${3:-1000000}
bin=build/release/bin
# shellcheck source=tools/loopback.sh
. tools/loopback.sh
if ! command -v nfcapd >/dev/null; then
	echo "no nfcapd: nothing to compare with" >&2
	exit 0
fi
buffer=60000000
before=$(sysctl -n net.core.rmem_max)
peer=
tidy() {
	[ -z "$peer" ] || kill "$peer" 2>/dev/null || :
	sysctl -qw net.core.rmem_max="$before" 2>/dev/null || :
	loopback_close
}
trap tidy EXIT
sysctl -qw net.core.rmem_max=$buffer 2>/dev/null || echo "not root: small socket buffers" >&2
loopback_open

cpu_s() { # PID: user and system, of all its threads
	awk -v tick="$(getconf CLK_TCK)" '{ print ($14 + $15) / tick }' "/proc/$1/stat"
}
peak_kb() { awk '/^VmHWM/ { print $2 }' "/proc/$1/status"; }
value() { sed "s/.*\"$1\": *\([0-9.]*\).*/\1/"; }
emit() { printf '{"bench":"collect","what":"%s","value":%s,"unit":"%s"}\n' "$1" "$2" "$3"; }
per() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4g", (b > 0 ? a / b : 0) }'; }

settled() { # COMMAND: waits until what it prints stays the same for a second
	local was='' is
	for _ in $(seq 60); do
		is=$("$@")
		[ "$is" != "$was" ] || return 0
		was=$is
		sleep 1
	done
}

run_nfcapd() { # FORMAT FLOWS RATE
	local out=$dir/nfcapd-$1 start taken
	mkdir "$out"
	nfcapd -w "$out" -p 9995 -b "$net.200" -y -B $buffer >"$dir/nfcapd-$1.log" 2>&1 &
	peer=$!
	sleep 1
	start=$(cpu_s $peer)
	sent=$("$bin/sender" "$net.200" 9995 "$1" "$2" "$3")
	settled cpu_s $peer
	theirs_cpu=$(awk -v a="$(cpu_s $peer)" -v b="$start" 'BEGIN { print a - b }')
	emit "$1 nfcapd peak" "$(peak_kb $peer)" kB
	kill -TERM $peer
	wait $peer || :
	peer=
	taken=$(nfdump -R "$out" -I | awk '/^Flows:/ { print $2 }')
	theirs_octets=$(du -sb "$out" | cut -f1)
	theirs=$(per "$taken" "$theirs_cpu")
	emit "$1 nfcapd sent" "$(value flows_per_s <<<"$sent")" flows/s
	emit "$1 nfcapd lost" $(($(value sent_flows <<<"$sent") - taken)) flows
	emit "$1 nfcapd" "$theirs" flows/cpu-s
	emit "$1 nfcapd disk" "$(per "$theirs_octets" "$taken")" octets/flow
}

run_spoord() { # FORMAT FLOWS RATE
	local start taken ours status
	name=$1
	node_init "$name"
	node_start "$name"
	start=$(cpu_s "${pid[$name]}")
	sent=$("$bin/sender" "$net.${number[$name]}" 2055 "$1" "$2" "$3")
	sleep 3
	settled cpu_s "${pid[$name]}"
	ours_cpu=$(awk -v a="$(cpu_s "${pid[$name]}")" -v b="$start" 'BEGIN { print a - b }')
	status=$(spoor_at "$name" status --json)
	taken=$(jq '.store.flows + .store.unsealed' <<<"$status")
	ours=$(per "$taken" "$ours_cpu")
	emit "$1 spoord peak" "$(peak_kb "${pid[$name]}")" kB
	emit "$1 spoord sent" "$(value flows_per_s <<<"$sent")" flows/s
	emit "$1 spoord lost" $(($(value sent_flows <<<"$sent") - taken)) flows
	emit "$1 spoord" "$ours" flows/cpu-s
	emit "$1 spoord disk" "$(per "$(jq '.store.bytes' <<<"$status")" "$taken")" octets/flow
	emit "$1 spoord index" "$(per "$(jq '.store.index_bytes' <<<"$status")" "$taken")" octets/flow
	emit "$1 ratio" "$(per "$ours" "$theirs")" times
	node_kill "$name" TERM
}

for format in v5 v9; do
	rate=${format}_rate
	run_nfcapd $format "${millions}000000" "${!rate}"
	run_spoord $format "${millions}000000" "${!rate}"
done

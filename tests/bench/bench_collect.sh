#!/usr/bin/env bash
# The same traffic to nfcapd and to a node, one after the other: flows taken and lost, what they cost
# of a processor, memory, and octets on disk. JSON lines; `ratio` is spoord to nfcapd; after several
# rounds the least, the median and the largest of them.
#   tests/bench/bench_collect.sh [MILLIONS [V5-FLOWS-PER-SECOND [V9-FLOWS-PER-SECOND [ROUNDS]]]]
# As root the kernel's bound for socket buffers is raised meanwhile.
set -euo pipefail
cd "$(dirname "$0")/../.."
millions=${1:-20} v5_rate=${2:-1500000} v9_rate=${3:-1000000} rounds=${4:-1}
bin=build/release/bin
# shellcheck source=tools/loopback.sh
. tools/loopback.sh
# shellcheck source=tests/bench/meter.sh
. tests/bench/meter.sh
if ! command -v nfcapd >/dev/null; then
	echo "no nfcapd: nothing to compare with" >&2
	exit 0
fi
peer=
tidy() {
	[ -z "$peer" ] || kill "$peer" 2>/dev/null || :
	meter_close
	loopback_close
}
trap tidy EXIT
meter_open collect
loopback_open

run_nfcapd() { # FORMAT FLOWS RATE
	local out=$dir/nfcapd-$1 start taken
	rm -rf "$out" # the last round's
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
	local start taken ours status name=$1-$round
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
	ratios[$1]+="$(per "$ours" "$theirs") "
	emit "$1 ratio" "$(per "$ours" "$theirs")" times
	node_kill "$name" TERM
	rm -rf "${dir:?}/$name"
}

sum_up() { # FORMAT RATIO...
	local format=$1 sorted
	shift
	mapfile -t sorted < <(printf '%s\n' "$@" | sort -g)
	emit "$format ratio, least" "${sorted[0]}" times
	emit "$format ratio, median" "${sorted[$#/2]}" times
	emit "$format ratio, most" "${sorted[-1]}" times
}

declare -A ratios=()
for round in $(seq "$rounds"); do
	for format in v5 v9; do
		rate=${format}_rate
		run_nfcapd $format "${millions}000000" "${!rate}"
		run_spoord $format "${millions}000000" "${!rate}"
	done
done
for format in v5 v9; do
	# shellcheck disable=SC2086 # a list
	[ "$rounds" = 1 ] || sum_up $format ${ratios[$format]}
done

#!/usr/bin/env bash
# One socket and two for one address (exports.sockets), in turn, with the same traffic of two exporters
# that are pinned to different ones, and the same buffers in sum: what is lost at each rate, the highest
# without loss, and what a flow costs of all processors and of the one that the loop has, which bounds
# the rate where there are enough of them. JSON lines.
#   tests/bench/bench_sockets.sh [v5|v9 [MILLIONS [FLOWS-PER-SECOND...]]]
# As root the kernel's bound for socket buffers is raised meanwhile.
set -euo pipefail
cd "$(dirname "$0")/../.."
format=${1:-v5} millions=${2:-6}
shift $(($# < 2 ? $# : 2))
[ $# -gt 0 ] || set -- 1000000 1500000 2000000 2500000 3000000
bin=build/release/bin
# shellcheck source=tools/loopback.sh
. tools/loopback.sh
# shellcheck source=tests/bench/meter.sh
. tests/bench/meter.sh
tidy() {
	meter_close
	loopback_close
}
trap tidy EXIT
meter_open sockets
loopback_open
declare -A best=([1]=0 [2]=0)
runs=0

ns() { awk -v start="$1" -v end="$2" -v flows="$3" 'BEGIN { printf "%.4g", (end - start) * 1e9 / flows }'; }

run() { # SOCKETS RATE
	local name=R$((++runs)) start loop_start status taken lost rate senders=()
	node_init "$name"
	sed -i "s/^exports:/&\n  sockets: $1\n  buffer: $((32 / $1))MiB/" "$dir/$name/spoord.yaml"
	node_start "$name"
	local process=${pid[$name]}
	start=$(cpu_s "$process")
	loop_start=$(cpu_s "$process/task/$process")
	for last in 1 2; do # two sockets: one for each
		"$bin/sender" -f "127.0.0.$last" "$net.${number[$name]}" 2055 "$format" "$((millions * 500000))" \
			"$(($2 / 2))" >"$dir/sent.$last" &
		senders+=($!)
	done
	wait "${senders[@]}"
	sleep 3
	settled cpu_s "$process"
	status=$(spoor_at "$name" status --json)
	taken=$(jq '.store.flows + .store.unsealed' <<<"$status")
	lost=$(($(jq -s 'map(.sent_flows) | add' "$dir"/sent.?) - taken))
	rate=$(jq -s 'map(.flows_per_s) | add' "$dir"/sent.?)
	emit "$format, $1 at $2: sent" "$rate" flows/s
	emit "$format, $1 at $2: lost" "$lost" flows
	emit "$format, $1 at $2: cost" "$(ns "$start" "$(cpu_s "$process")" "$taken")" cpu-ns/flow
	emit "$format, $1 at $2: of the loop" "$(ns "$loop_start" "$(cpu_s "$process/task/$process")" "$taken")" cpu-ns/flow
	emit "$format, $1 at $2: peak" "$(peak_kb "$process")" kB
	if [ "$lost" = 0 ] && [ "$rate" -gt "${best[$1]}" ]; then best[$1]=$rate; fi
	node_kill "$name" TERM
	rm -rf "${dir:?}/$name"
}

for rate in "$@"; do
	for sockets in 1 2; do
		run $sockets "$rate"
	done
done
for sockets in 1 2; do
	emit "$format, $sockets: highest without loss" "${best[$sockets]}" flows/s
done

# A chain whose records come in pieces, at three nodes that know each other: source it behind check.sh.
#
#   10.1.0.1 (R1) -> 10.2.0.1 (R2) -> 192.0.2.9 (R4)
# shellcheck shell=bash
loopback_open
trap finish EXIT
for name in R1 R2 R4; do
	node_init "$name" --idle-timeout 3s --keep forever
	node_start "$name"
done
await "everybody knows everybody" node_knows R4 2

base=$(($(date +%s) - 900))
upper="10.1.0.1:40000 10.2.0.1:22 1"
lower="10.2.0.1:41000 192.0.2.9:22 2"
give() { # NAME SPANS CONNECTION...: to that node's store
	local name=$1 spans=$2
	shift 2
	printf "%s $spans\n" "$@" |
		python3 tests/integration/capture.py "$dir/piece.pcap" "192.0.2.25${name#R}" "$base"
	spoor_at "$name" import "$dir/piece.pcap" >/dev/null 2>&1
}
await_longer() { # what takes a pause, a look and an answer: more than ten seconds
	await "$@" 2>/dev/null || await "$@" 2>/dev/null || await "$@"
}

#!/usr/bin/env bash
# Real exporters into one node at once: softflowd (NetFlow v5, v9, IPFIX, PSAMP), Open vSwitch (NetFlow,
# IPFIX, sFlow) and pmacctd (nfprobe v9, IPFIX) see the same traffic; nfcapd and sfcapd get the same
# datagrams, and must have read the same of each. Needs root and Open vSwitch; others may be absent.
for program in ovs-vswitchd ovsdb-tool nfcapd ip python3; do
	command -v $program >/dev/null || { echo "$program is not installed"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "it takes root: a network of its own"; exit 77; }
if [ "${1:-}" != enclosed ]; then
	unshare --net --mount true || { echo "namespaces cannot be made here"; exit 77; }
	exec unshare --net --mount --propagation private "$0" enclosed
fi
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns || exit 77
ip link set lo up
loopback_open
trap finish EXIT
node_init A --keep forever
node_start A
# shellcheck disable=SC2154 # of check.sh
python3 tests/integration/exporters.py "$net" "$dir" || failed=$((failed + 1))
for exporter in "$dir"/theirs.*; do
	address=${exporter##*/theirs.} name=$(cat "$dir/name.${exporter##*/theirs.}")
	spoor_at A flows "exporter $address" --ndjson >"$dir/ours.$address"
	case $name in
	"Open vSwitch IPFIX"*) twice=$address name_twice=$name ;; # of it nfdump adds up totals and increases
	"pmacctd NetFlow"*) reference=$address ;;& # its octets are IP's, too
	*) check "$name" 0 "records agree" python3 tests/integration/exporters.py \
		"$dir/ours.$address" "$exporter" compare ;;
	esac
done
[ -z "${reference:-}" ] || check "$name_twice, against pmacctd" 0 "records agree" \
	python3 tests/integration/exporters.py "$dir/ours.$twice" "$dir/ours.$reference" twice
# Open vSwitch has records of frames that are not IP, as ARP's: they have no addresses.
check "nothing else was dropped" 0 '"dropped":\{("[a-z_]+":0,?|"ends":[0-9]+,?)+\}' spoor_at A status --json
lossy() {
	spoor_at A status --json | grep -oE '"exporter":"[^}]*' |
		grep -E '"(lost|late|duplicates|restarts|samples_lost|drops)":[1-9]'
}
check "no stream lost anything" 1 "^$" lossy

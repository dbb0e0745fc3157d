#!/usr/bin/env bash
# Several sockets for one address: exporters whose datagrams are lost, late and doubled on purpose, each
# counted to the datagram; who may send; and nobody else at the address.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT
exporters="1 2 3 4"
node_init A --keep forever
sed -i "/^exports:/a\\  sockets: 3\\n  exporters: [127.0.0.0/29]" "$dir/A/spoord.yaml"
node_start A
senders=()
for last in $exporters; do
	"$bin/sender" -f "127.0.0.$last" "$net.1" 2055 v9 120000 40000 0.02 0.05 0.03 "$last" >"$dir/sent.$last" &
	senders+=($!)
done
wait "${senders[@]}"
"$bin/sender" -f 127.0.0.9 "$net.1" 2055 v5 3000 30000 >/dev/null # who may not
sleep 3
spoor_at A status --json >"$dir/status"
counted() { # EXPRESSION over the status, its exports, and what was sent
	python3 -c "
import json
s = json.load(open('$dir/status'))
e = s['exports']
t = [json.load(open(f'$dir/sent.{n}')) for n in '$exporters'.split()]
print($1)"
}
check "all flows that were sent are held" 0 "^0$" counted "sum(x['sent_flows'] for x in t) - s['store']['flows'] - s['store']['unsealed']"
for what in lost:lost_datagrams late:late duplicates:doubled; do
	check "of each exporter, ${what%:*}" 0 "^True$" \
		counted "sorted(x['${what%:*}'] for x in e['streams']) == sorted(x['${what#*:}'] for x in t)"
done
check "three sockets, and no drop" 0 "^\[\(3, 0\)\]$" counted "[(x['count'], x['kernel_drops']) for x in e['sockets']]"
check "who is not on the list is refused before anything is decoded" 0 "^100$" counted "e['dropped']['not_allowed']"

# The address is taken, for one socket and for several.
node_init B --export "$net.1:2055"
for sockets in 1 2; do
	sed -i "/^  sockets:/d; /^exports:/a\\  sockets: $sockets" "$dir/B/spoord.yaml"
	check "another node there, with $sockets" 64 "cannot listen on $net.1:2055: Address already in use" \
		"$bin/spoord" --config "$dir/B/spoord.yaml"
done

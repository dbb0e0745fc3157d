#!/usr/bin/env bash
# A root takes a certificate back: said at one node, known by all within seconds, without a restart.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT

for name in R1 R2 R3; do
	node_init "$name"
	echo "notices: [revoked.list]" >>"$dir/$name/spoord.yaml"
	node_start "$name"
done
check "R2 knows the others" 0 "" await "R2 knows the others" node_knows R2 2
check "R3 knows the others" 0 "" await "R3 knows the others" node_knows R3 2

state_is() { # AT ABOUT STATE
	spoor_at "$1" peers --ndjson | grep "\"name\": *\"$2\"" | grep -q "\"state\": *\"$3\""
}
revoke() {
	"$bin/spoor" member revoke --sign "$dir/.community/root.key" --list "$dir/R1/revoked.list" "$@"
}

check "R3's certificate is taken back" 0 "number" revoke "$dir/R3/member.cert"
check "R1 has read its list" 0 "" await "R1 has read its list" state_is R1 R3 revoked
check "R2 has heard of it" 0 "" await "R2 has heard of it" state_is R2 R3 revoked
check "R1 and R2 still know each other" 0 '"name": *"R2".*"state": *"live"' \
	spoor_at R1 peers --ndjson
node_kill R3 TERM
node_start R3
refuses() { spoor_at "$1" status --json | grep -Eq '"revoked": *[1-9]'; }
check "R3 knocks again, is refused, and counted" 0 "" await "R3 is refused" refuses R1

cp "$dir/R1/revoked.list" "$dir/R3/revoked.list"
warned() { spoor_at R3 status --json | grep -q "was revoked by its root"; }
check "R3 hears of it from its operator" 0 "" await "R3 reads the list" warned
check "and has flows to ask about" 0 "" spoor_at R3 import "$sample/R4_v5.pcap.gz"
check_line "but may not ask, and is told why" 4 "certificate was revoked by its root" \
	spoor_at R3 trace 10.4.0.10:22 --gap 2s

node_kill R2 TERM
node_start R2
check "after a restart R2 hears it again" 0 "" await "after a restart R2 hears it again" state_is R2 R3 revoked

check "garbage in place of the list" 0 "" cp /bin/true "$dir/R1/revoked.list"
check "is told, and undoes nothing" 0 "" await "is told, and undoes nothing" grep -q "revoked.list: " "$dir/R1/log"
check "R3 stays out" 0 '"name": *"R3".*"state": *"revoked"' spoor_at R1 peers --ndjson

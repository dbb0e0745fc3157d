#!/usr/bin/env bash
# What the overlay promises, with real nodes: both families, keys from elsewhere, certificates
# renewed without a restart, answers too long for a datagram, direct mode.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT

sees() { # AT ABOUT KEY-VALUE PATTERN: what AT says of ABOUT
	spoor_at "$1" peers show "$2" --json 2>/dev/null | grep -Eq "$3"
}

# R1 has both families, R2 IPv4 alone, R6 IPv6 alone.
port=$((20000 + RANDOM % 20000))
node_init R1 --listen6 "[::1]:$port"
node_start R1
node_init R2
node_start R2
node_init R6 --listen "[::1]:$((port + 1))" --bootstrap "[::1]:$port" --prefix ::1
node_start R6
check "IPv6 alone meets both" 0 "" await "R6 meets R1" sees R6 R1 '"state": *"live"'
check "at its IPv6 address" 0 "\"address\": *\"\[::1\]:$port\"" spoor_at R6 peers show R1 --json
check "IPv4 alone meets both" 0 "" await "R2 meets R1" sees R2 R1 '"state": *"live"'
check "and hears of who is out of its reach" 0 "" await "R2 hears of R6" sees R2 R6 '"state"'

# A node whose identity key is not on its machine.
node_init R3
mv "$dir/R3/identity.key" "$dir/R3.identity"
operational() {
	"$bin/spoor" keygen operational --identity "$dir/R3.identity" --endpoint "$net.4:7667" "$@"
}
check "a week's keys" 0 "sequence|key" operational "$dir/R3/operational.key"
sed -i 's/^identity: .*/operational: operational.key/' "$dir/R3/spoord.yaml"
check "serve without the identity" 0 "" "$bin/spoord" --config "$dir/R3/spoord.yaml" --check
node_start R3
check "and are believed" 0 "" await "R1 meets R3" sees R1 R3 '"state": *"live"'
sequence() { spoor_at "$1" peers show "$2" --json | grep -o '"sequence": *[0-9]*'; }
before=$(sequence R1 R3)
operational "$dir/R3/next.key" >/dev/null
mv "$dir/R3/next.key" "$dir/R3/operational.key"
changed() { [ "$(sequence R1 R3)" != "$before" ]; }
check "the next are told without a restart" 0 "" await "R1 hears of R3's next keys" changed
rm "$dir/R3/member.cert"
mkfifo "$dir/R3/member.cert"
check "a pipe in its place holds nothing up" 0 '"name": *"R3"' spoor_at R3 status --json
check "and is told" 0 "" await "R3 says so" grep -q "certificate: cannot open" "$dir/R3/log"
check "it goes on" 0 '"name": *"R3"' spoor_at R3 status --json
rm "$dir/R3/member.cert"
cp "$dir/R2/member.cert" "$dir/R3/member.cert"
check "another's certificate is refused, and told" 0 "" \
	await "R3 says so" grep -q "does not go with the certificate" "$dir/R3/log"

# A certificate renewed while its node runs.
serial() { spoor_at "$1" peers show "$2" --json | grep -o '"serial": *[0-9]*'; }
before=$(serial R1 R2)
renewed() { [ "$(serial R1 R2)" != "$before" ]; }
"$bin/spoor" member renew "$dir/R2/member.cert" --sign "$dir/.community/root.key" --days 5 \
	-o "$dir/R2/renewed.cert" >/dev/null
mv "$dir/R2/renewed.cert" "$dir/R2/member.cert"
check "a renewed certificate is told without a restart" 0 "" await "R1 hears of R2's" renewed
check "and that it ends soon" 0 '"warning": *"the certificate ends in 4 days' \
	spoor_at R2 status --json
check "the log says so once" 0 "^1$" grep -c "warning: the certificate ends" "$dir/R2/log"

# Sixty connections of one rhythm at R2, one of them at R1: an answer too long for a datagram.
base=$(($(date +%s) - 600))
rhythm=5-9,36-40,80-84,107-111,165-169,204-208,256-260,295-299,352-356
for i in $(seq 60); do echo "10.2.0.$i:40000 192.0.2.9:22 1 $rhythm"; done |
	python3 tests/integration/capture.py "$dir/many.pcap" 192.0.2.254 $base
echo "10.1.0.1:40000 192.0.2.9:22 1 $rhythm" |
	python3 tests/integration/capture.py "$dir/one.pcap" 192.0.2.254 $base
spoor_at R2 import "$dir/many.pcap" >/dev/null
spoor_at R1 import "$dir/one.pcap" >/dev/null
ask() { spoor_at R1 trace 192.0.2.9:22 --json --timeout 20s >"$dir/report" || return $?; }
found() { python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
nodes = {n["node"]: n for n in r["coverage"]["nodes"]}
print(sum(m["node"] == "R2" for m in r["matches"]), nodes["R2"]["state"], nodes["R2"]["receipt"])
' "$dir/report"; }
check "a question that many connections fit" 0 "" ask
check "its long answer comes whole" 0 "^60 answered match$" found
check "the one without a match has said so" 0 '"node":"R6"[^}]*"receipt":"none"' cat "$dir/report"
check "whose keys were renewed is believed" 0 '"node":"R3"[^}]*"receipt":"none"' cat "$dir/report"
check "its signed evidence is kept" 0 "spoor bundle 2" \
	python3 -c 'import json, sys; print(open(json.load(open(sys.argv[1]))["bundle"], "rb").read(20))' \
	"$dir/report"

# The same, asked of everybody directly.
node_kill R1 TERM
sed -i 's/^overlay:/overlay:\n  mode: direct/' "$dir/R1/spoord.yaml"
node_start R1
await "R1 is back" sees R1 R2 '"state": *"live"'
check "asked directly" 0 "" ask
check "it comes whole, too" 0 "^60 answered match$" found

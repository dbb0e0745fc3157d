#!/usr/bin/env bash
# Bad input from every side: one clear line, the right exit code, and nothing lost.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT
trace() { spoor_at R4 trace "$@"; }
watch() { spoor_at R4 watch "$@"; }

node_init R1 --idle-timeout 3s --keep forever
node_init R4 --idle-timeout 3s --keep forever
node_start R1
node_start R4
check "a capture is imported" 0 "flows" spoor_at R4 import "$sample/R4_v5.pcap.gz"
before=$(spoor_at R4 flows --ndjson | wc -l)
await "everybody knows everybody" node_knows R4 1

check_line "an address nobody holds" 1 "no connection of 203.0.113.99" trace 203.0.113.99
check_line "a time that is not held" 1 "at that time; this node holds flows from" \
	trace 10.4.0.10:22 --at 2020-01-01T00:00:00Z
check_line "an address that is none" 2 "10.4.0.300" trace 10.4.0.300:22
check_line "a time that is none" 2 "yesterday" trace 10.4.0.10:22 --at yesterday
check_line "a date that does not exist" 2 "2026-02-30" trace 10.4.0.10:22 --at 2026-02-30
check_line "a severity that is none" 2 "panic" trace 10.4.0.10:22 --severity panic
check_line "a gap that no member would read" 2 "--gap.*a day at most" trace 10.4.0.10:22 --gap 25h
check_line "nor for a watch" 2 "--gap.*a day at most" watch 10.4.0.10:22 --gap 25h
check "one of a day" 1 "silences" trace 10.4.0.10:22 --gap 1d
check_line "an end before the beginning" 2 "since is later than --until" \
	trace 10.4.0.10:22 --since 2026-11-22T15:00:00Z --until 2026-11-22T14:00:00Z
check_line "an option that is none" 2 "nonsense" trace 10.4.0.10:22 --nonsense
check_line "a command that is none" 2 "nonsense" spoor_at R4 nonsense
check "a filter that is none" 2 "expected" spoor_at R4 flows src prot 22
check_line "a node that is not running" 64 "no node answers" \
	"$bin/spoor" --socket "$dir/none.sock" status

head -c 4096 /dev/urandom >"$dir/garbage.pcap"
printf 'hello' >"$dir/short"
: >"$dir/empty"
for file in garbage.pcap short empty; do
	check "decoding $file" 64 "$file" "$bin/spoor" decode "$dir/$file"
	check "importing $file" 64 "$file" spoor_at R4 import "$dir/$file"
done
check "decoding a file that is not there" 64 "none.pcap" "$bin/spoor" decode "$dir/none.pcap"
gzip -dc "$sample/R4_v5.pcap.gz" | head -c 5001 >"$dir/torn.pcap"
check "decoding a torn capture says so" 64 "torn.pcap" "$bin/spoor" decode "$dir/torn.pcap"
[ "$("$bin/spoor" decode "$dir/torn.pcap" 2>/dev/null | wc -l)" -gt 10 ] ||
	check "what was whole in it is decoded" 0 "x" false

# Garbage on every socket of the node: counted, and it goes on.
for port in 2055 7667; do
	head -c 1400 /dev/urandom >"/dev/udp/$net.2/$port"
	printf '\0\5\0\1' >"/dev/udp/$net.2/$port"
done
python3 - "$dir/R4/spoord.sock" <<'PYTHON'
import os, socket, sys
for data in (os.urandom(5000), b"\xff\xff\xff\xff", b"\x00\x00\x00\x05\xdd\x20\x00\x00\x00", b"\x00\x00\x00\x01\x80"):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        s.recv(4096)
    except OSError:
        pass
PYTHON
check "garbage exports are counted" 0 '"short": *[1-9]' spoor_at R4 status --json
check "garbage overlay datagrams are counted" 0 '"malformed": *[1-9]' spoor_at R4 status --json
after=$(spoor_at R4 flows --ndjson | wc -l)
check "nothing was lost meanwhile" 0 "^$before\$" echo "$after"

# Flows of one connection more than 400 days apart, of which no member would read a question.
for days in 401 0; do
	python3 tests/integration/capture.py "$dir/apart.pcap" 10.255.0.4 $((1795320000 - days * 86400)) \
		<<<"10.9.0.1:1000 10.9.0.2:22 1 0-1,100-101,200-201,300-301"
	spoor_at R4 import "$dir/apart.pcap" >/dev/null
done
check_line "a connection of years" 2 "400 days.*--since" trace 10.9.0.2:22
check_line "nor watched" 2 "400 days.*--since" watch 10.9.0.2:22
check_line "and no watch is left of it" 1 "nothing is watched" watch --list
check "the last of it" 1 "10.9.0.2:22" trace 10.9.0.2:22 --since 2026-11-01T00:00:00Z

# A certificate that has run out: the node collects, but may not ask.
node_init R2 --idle-timeout 3s --keep forever --valid-until "@$(($(date +%s) + 2))"
sleep 2
node_start R2
check "an expired node still collects" 0 "flows" spoor_at R2 import "$sample/R2_v5.pcap.gz"
check_line "a query nobody may ask" 4 "certificate expired" \
	spoor_at R2 trace 10.2.0.10:22 --peer 198.51.100.1

# A store that has no room: the import stops and says so; what was stored is found.
node_init R5 --idle-timeout 3s --keep forever --map-size 1MiB
node_start R5
python3 tests/integration/exporter.py --flows 200000 --pcap "$dir/many.pcap"
check "a full store" 64 "no room left in the store" spoor_at R5 import "$dir/many.pcap"
held=$(spoor_at R5 flows --ndjson | wc -l)
check "what was taken before is found" 0 "^[1-9][0-9]{3,}" echo "$held"
check "status says that it is full" 0 '"is_full": *true' spoor_at R5 status --json
node_kill R5 TERM
node_start R5
check "and it opens again" 0 '"flows": *[1-9]' spoor_at R5 status --json

# Configuration files.
conf() { printf '%s\n' "$@" >"$dir/R4/bad.yaml"; "$bin/spoord" --config "$dir/R4/bad.yaml" --check; }
check_line "an unknown key" 2 "Unexpected key: colour \(line: 1" conf "colour: red"
check_line "no roots" 2 "roots: at least one" conf "name: R4"
check_line "a duration that is none" 2 "idle_timeout: not a duration" \
	conf "roots: [root.pub]" "overlay: {listen: '127.0.0.1'}" "exports: {idle_timeout: soon}"
check_line "an address that is none" 2 "overlay.listen: not an address" \
	conf "roots: [root.pub]" "overlay: {listen: 'here'}"
conf_exports() { # what stands in the exports section
	sed '/^exports:/,/^store:/{/^store:/!d}' "$dir/R4/spoord.yaml" >"$dir/R4/bad.yaml"
	printf '%s\n' "exports:" "$@" >>"$dir/R4/bad.yaml"
	"$bin/spoord" --config "$dir/R4/bad.yaml" --check
}
check_line "an exporter that is no net" 2 "exports.exporters: not an address or net: 10.0.0.1/8" \
	conf_exports "  exporters: [192.0.2.0/24, 10.0.0.1/8]"
check_line "a rate that is none" 2 "exports.rate_limit: not a number: many" \
	conf_exports "  rate_limit: many"
check_line "a rate of nothing" 2 "exports.rate_limit: not 1 to" conf_exports "  rate_limit: 0"
check_line "a burst without a rate" 2 "exports.rate_limit: \(missing\)" conf_exports "  rate_burst: 5"
check_line "no socket" 2 "exports.sockets: not 1 to 16: 0" conf_exports "  sockets: 0"
check_line "more sockets than all addresses may have" 2 "exports.sockets: not 1 to 8: 9" \
	conf_exports "  listen: ['127.0.0.1:2055', '127.0.0.1:2056']" "  sockets: 9"
check_line "a buffer of next to nothing" 2 "exports.buffer: not 64KiB to 1GiB: 1KiB" \
	conf_exports "  buffer: 1KiB"
check_line "TLS without an address" 2 "exports.ipfix_tls.listen: \(missing\)" \
	conf_exports "  ipfix_tls: {certificate: a, key: b}"
check_line "an address twice" 2 "exports.listen: twice: 127.0.0.1:2055 \(line: [0-9]+\)" \
	conf_exports "  listen: ['127.0.0.1:2055', '127.0.0.1']"
conf_store() { # what stands in the store section
	sed '/^store:/,$d' "$dir/R4/spoord.yaml" >"$dir/R4/bad.yaml"
	printf '%s\n' "store: {$1}" >>"$dir/R4/bad.yaml"
	"$bin/spoord" --config "$dir/R4/bad.yaml" --check
}
check_line "a store of next to nothing" 2 "store.map_size: below 1MiB: 1KiB \(line: [0-9]+\)" \
	conf_store "map_size: 1KiB"
check_line "more to keep than there is room" 2 "store.size_max: above store.map_size: 2GiB" \
	conf_store "map_size: 1GiB, size_max: 2GiB"
conf_control() {
	sed "s/^control:.*/control: $1/" "$dir/R4/spoord.yaml" >"$dir/R4/bad.yaml"
	"$bin/spoord" --config "$dir/R4/bad.yaml" --check
}
check_line "a path that no socket can have" 2 \
	"control: longer than the 107 characters of a Unix socket: .*x \\(line: [0-9]+\\)" \
	conf_control "$(printf 'x%.0s' {1..108})"
check_line "two tasks at once" 2 "one of --check, --check-store and --repair-store" \
	"$bin/spoord" --config "$dir/R4/spoord.yaml" --check-store --repair-store
check "nets, a rate and a burst" 0 "" \
	conf_exports "  exporters: [192.0.2.0/24, '2001:db8::/32']" "  rate_limit: 1000" "  rate_burst: 5000"
conf_overlay() { # what stands in the overlay section
	printf '%s\n' "identity: identity.key" "roots: [root.pub]" "overlay:" "$@" >"$dir/R4/bad.yaml"
	"$bin/spoord" --config "$dir/R4/bad.yaml" --check
}
check_line "a mode that is none" 2 "overlay.mode: neither relay nor direct: star" \
	conf_overlay "  listen: 127.0.0.1:1" "  mode: star"
check_line "IPv4 where IPv6 is wanted" 2 "overlay.listen6: not an IPv6 address" \
	conf_overlay "  listen: 127.0.0.1:1" "  listen6: 127.0.0.1:2"
check_line "an address outside the certificate" 2 "overlay.advertise: 192.0.2.1:7667 lies outside" \
	conf_overlay "  listen: 127.0.0.1:1" "  advertise: ['192.0.2.1:7667']"
check_line "three addresses" 2 "Excessive entries" \
	conf_overlay "  listen: 127.0.0.1:1" "  advertise: ['192.0.2.1', '192.0.2.2', '192.0.2.3']"
check_line "operational keys that are none" 2 "operational: .* is not a file of kind spoor-operational-key" \
	bash -c "sed 's/^identity: .*/operational: root.pub/' '$dir/R4/spoord.yaml' >'$dir/R4/bad.yaml'
		'$bin/spoord' --check --config '$dir/R4/bad.yaml'"
check_line "a shim that is none" 2 "dev-impair does not take" \
	"$bin/spoord" --config "$dir/R4/spoord.yaml" --dev-impair "loss=2"
check_line "a configuration that is not there" 2 "none.yaml: cannot open" \
	"$bin/spoord" --config "$dir/none.yaml"
check_line "a second node on the same store" 64 "in use|another" \
	"$bin/spoord" --config "$dir/R4/spoord.yaml"

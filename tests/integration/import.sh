#!/usr/bin/env bash
# Files into a node: captures of every kind, and archives of nfcapd by way of nfreplay.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT
node_init A --keep forever
node_start A

# One v5 datagram, in every wrapping: a pcapng of three interfaces, fragments, VLANs, raw.
python3 - "$dir" <<'PYTHON'
import gzip, struct, sys, time
now = int(time.time()) - 600
def export(number):
    return struct.pack(">HHIIIIBBH", 5, 1, 600000, now, 0, number, 0, 0, 0) + struct.pack(
        ">4s4s4sHHIIIIHHBBBBHHBBH", bytes([10, 1, 2, number]), bytes([192, 0, 2, 1]), bytes(4), 1,
        2, 7, 700, 590000, 599000, 4000 + number, 22, 0, 0x1b, 6, 0, 0, 0, 0, 0, 0)
def udp(data):
    return struct.pack(">HHHH", 40000, 2055, 8 + len(data), 0) + data
def ip(data, exporter, offset=0, more=0):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 7, more << 13 | offset // 8, 64,
                       17, 0, bytes([192, 0, 2, exporter]), bytes([192, 0, 2, 250])) + data
def block(kind, body, order):
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length
def section(order):
    return block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1), order)
def interface(link, order, resolution):
    return block(1, struct.pack(order + "HHI", link, 0, 65535) +
                 struct.pack(order + "HHB3xI", 9, 1, resolution, 0), order)
def packet(at, ticks, data, order):
    return block(6, struct.pack(order + "IIIII", at, ticks >> 32, ticks & 0xffffffff, len(data),
                                len(data)) + data, order)
def write(name, data):
    open(f"{sys.argv[1]}/{name}", "wb").write(data)
for order, name in ("<", "little"), (">", "big"):
    base = 10 if order == "<" else 20
    ethernet = bytes(12) + b"\x88\xa8\0\7\x81\0\0\x09\x08\0"
    cooked = bytes([0, 0, 0, 1, 0, 6]) + bytes(8) + b"\x08\0"
    whole = udp(export(base + 2))
    simple = ethernet + ip(udp(export(base + 3)), base)
    write(name + ".pcapng", section(order) + interface(1, order, 6) + interface(113, order, 9) +
          interface(101, order, 3) + block(0xbad, b"unknown", order) +
          packet(0, now * 10 ** 6, ethernet + ip(udp(export(base)), base), order) +
          packet(1, now * 10 ** 9, cooked + ip(udp(export(base + 1)), base), order) +
          packet(2, now * 1000, ip(whole[32:], base, 32), order) +
          packet(2, now * 1000, ip(whole[:32], base, 0, 1), order) +
          block(3, struct.pack(order + "I", len(simple)) + simple, order))
write("raw.bin", export(30))
open(f"{sys.argv[1]}/raw.bin.gz", "wb").write(gzip.compress(export(31)))
little = open(f"{sys.argv[1]}/little.pcapng", "rb").read()
write("torn.pcapng", little[:-7])
write("damaged.pcapng", little[:-4] + bytes(4))
write("lost.pcapng", section("<") + interface(101, "<", 6) + interface(105, "<", 6) +
      packet(0, now * 10 ** 6, ip(udp(export(1))[:32], 3, 0, 1), "<") +
      packet(1, now * 10 ** 6, b"802.11", "<"))
# A set of NetFlow v9 whose template never comes.
data = struct.pack(">HH", 300, 24) + bytes(20)
v9 = struct.pack(">HHIIII", 9, 1, 600000, now, 1, 7) + data
write("untold.pcap", struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101) +
      struct.pack("<IIII", now, 0, 28 + len(v9), 28 + len(v9)) + ip(udp(v9), 4))
# Captured an hour before its exporter says that it was exported.
write("ahead.pcap", struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101) + b"".join(
      struct.pack("<IIII", now - 3600, 0, 100, 100) + ip(udp(export(number)), 77)
      for number in range(40, 45)))
PYTHON
decode() { "$bin/spoor" decode "$@"; }
for order in little big; do
	check "decoding a $order-endian pcapng of three interfaces" 0 "^4$" \
		bash -c "'$bin/spoor' decode '$dir/$order.pcapng' | grep -c '\"dst_port\":22'"
	check "importing it" 0 "^flows +4$" spoor_at A import "$dir/$order.pcapng"
done
check "all of them are found" 0 "^8$" bash -c \
	"'$bin/spoor' --socket '$dir/A/spoord.sock' flows --ndjson | grep -c '\"exporter\":\"192.0.2.[12]0\"'"
check "a raw datagram, and a compressed one" 0 "^flows +2$" \
	spoor_at A import "$dir/raw.bin" "$dir/raw.bin.gz"
for command in decode "--socket $dir/A/spoord.sock import"; do
	word=${command##* }
	# shellcheck disable=SC2086 # words
	{
		check "$word: a torn pcapng" 64 "torn.pcapng: the file ends inside a frame" \
			"$bin/spoor" $command "$dir/torn.pcapng"
		check "$word: a damaged one" 64 "damaged.pcapng: what follows in the file is no block" \
			"$bin/spoor" $command "$dir/damaged.pcapng"
		check "$word: frames that give nothing are counted" 1 \
			"skipped 2 frames: IP fragment 1, of a link type that is not read 1" \
			"$bin/spoor" $command "$dir/lost.pcapng"
		check "$word: sets without a template are told of" 1 \
			"1 sets of records are not decoded: their template is in no file" \
			"$bin/spoor" $command "$dir/untold.pcap"
	}
done
check "and counted" 1 '"untold":1' spoor_at A import --json "$dir/untold.pcap"
check "by decode, too" 1 '"untold":1' decode --json "$dir/untold.pcap"
check "a clock that is off by its capture is told of" 0 \
	"the clock of exporter 192.0.2.77 is 3600 s ahead: its flows are found by its own time" \
	spoor_at A import "$dir/ahead.pcap"
check "and where a trace finds nothing at its time" 1 "; the clock of exporter 192.0.2.77 is 3600 s ahead" \
	spoor_at A trace 10.1.2.40:4040 --at -70m
check "with what is nearest, and who told of it" 1 \
	"; the nearest began .* by 192.0.2.77, which told of it .*: its clock is ahead; the clock of" \
	spoor_at A trace 10.1.2.40:4040 --at -70m

# nfcapd's archive, replayed: the same flows to the millisecond, and the same answers to filters.
if ! command -v nfcapd >/dev/null || ! command -v nfreplay >/dev/null; then
	echo "skipped  nfcapd is not installed (package nfdump)"
	exit 0
fi
mkdir "$dir/archive"
nfcapd -w "$dir/archive" -b "$net.200" -p 9995 -t 3600 >"$dir/nfcapd.log" 2>&1 &
collector=$!
await "nfcapd listens" grep -qi startup "$dir/nfcapd.log"
python3 - "$net.200" "$sample"/*_v5.pcap.gz <<'PYTHON'
import gzip, socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for name in sys.argv[2:]:
    data, at = gzip.open(name).read(), 24
    link = {1: 14, 101: 0, 113: 16, 276: 20}[struct.unpack_from("<I", data, 20)[0]]
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        s.sendto(data[at + 16 + link + 28:at + 16 + length], (sys.argv[1], 9995))
        at += 16 + length
        time.sleep(0.001)
PYTHON
sleep 1
kill -TERM $collector
wait $collector 2>/dev/null
archive=$(find "$dir/archive" -name 'nfcapd.2*' | head -n 1)
export TZ=UTC
nfdump -r "$archive" -q -N -o 'fmt:%ts %te %sa %sp %da %dp %pkt %byt %in %out' |
	sed 's/  */ /g; s/^ //; s/ $//' | sort >"$dir/theirs"
check "nfcapd has recorded" 0 "^[1-9][0-9]{2,} " wc -l "$dir/theirs"
for version in 5 9; do
	name=V$version
	node_init "$name" --keep forever
	node_start "$name"
	nfreplay -r "$archive" -H "$net.${number[$name]}" -p 2055 -v "$version" -d 1000 >/dev/null 2>&1
	replayed() { [ "$(spoor_at "$name" flows --ndjson | wc -l)" = "$(wc -l <"$dir/theirs")" ]; }
	await "all of v$version is there" replayed
	spoor_at "$name" flows --csv | python3 -c '
import csv, sys
for f in csv.DictReader(sys.stdin):
    print(*(f[k].replace("T", " ").rstrip("Z") for k in (
        "start", "end", "src", "src_port", "dst", "dst_port", "packets", "bytes", "in_if", "out_if")))' |
		sort >"$dir/ours"
	check "replayed as v$version, every flow is the same" 0 "^same$" \
		bash -c "cmp -s '$dir/theirs' '$dir/ours' && echo same || diff '$dir/theirs' '$dir/ours' | head"
done
while read -r filter; do
	theirs=$(nfdump -r "$archive" -q -N -o 'fmt:%pr' "$filter" | grep -cv "No matching flows")
	# shellcheck disable=SC2086 # words, as people type them
	check "$theirs flows: $filter" 0 "^$theirs\$" echo "$(spoor_at V9 flows --ndjson "$filter" 2>/dev/null | wc -l)"
done <<'FILTERS'
proto tcp
port 22
src port 22
dst port in [22 80]
src and dst port > 1024
src or dst port 22
net 10.1.0.0/16
src net 10.4/16
net 10.0.0.0 255.0.0.0
ip in [10.4.0.10 203.0.113.0/24]
flags S and not flags AFRPU
flags SF
not flags R
bytes > 1k
packets < 10
duration > 1000
bps > 10k
pps > 5
bpp > 100
in if 1
if 2
tos 0
inet
inet6
not (port 22 or port 80) and bytes < 500
PORT EQ 22 AND PROTO TCP
proto icmp
icmp-type 8
FILTERS

# A datagram of v5 with an echo request: people are shown its type and code.
python3 - "$dir/echo" <<'PYTHON'
import struct, sys, time
header = struct.pack(">HHIIIIBBH", 5, 1, 60000, int(time.time()), 0, 0, 0, 0, 0)
record = struct.pack(">4s4s4sHHIIIIHHBBBBHHBBH", bytes([10, 0, 0, 1]), bytes([203, 0, 113, 7]), bytes(4),
                     1, 2, 1, 84, 50000, 51000, 0, 8 << 8 | 3, 0, 0, 1, 0, 0, 0, 0, 0, 0)
open(sys.argv[1], "wb").write(header + record)
PYTHON
check "an echo request is imported" 0 "flows +1" spoor_at V9 import "$dir/echo"
check "its type and code stand where ports do" 0 " icmp +10\.0\.0\.1:0 +203\.0\.113\.7:8\.3 " \
	spoor_at V9 flows "icmp-type 8 and icmp-code 3"

#!/bin/sh
# spoor decode against nfdump, record for record to the millisecond: NetFlow v5, v9 and IPFIX.
#   decode.sh        runs at the project's root; $SPOOR_BUILD/bin/spoor is what is tested
#
# First the recordings of ../shared/data/netns_chain with what nfdump read of them; then the project's
# own, played over loopback to nfcapd, where that is installed.
spoor=${SPOOR_BUILD:-build/dev}/bin/spoor
reference=../shared/data/netns_chain
own=tests/data/chain
work=$(mktemp -d) || exit 2
collector=
trap '[ -z "$collector" ] || kill "$collector" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 2' INT TERM
compared=0 status=0
export TZ=UTC LC_ALL=C

# NDJSON of `spoor decode` as: src:port dst:port proto packets bytes in out start end flags
of_spoor() {
	awk -F'"' '{
		n = split($0, field, /[,{}]/)
		for (i = 1; i <= n; i++)
			if (match(field[i], /^"[a-z_]+":/)) {
				key = substr(field[i], 2, RLENGTH - 3)
				value[key] = substr(field[i], RLENGTH + 1)
				gsub(/"/, "", value[key])
			}
		letters = "CEUAPRSF"; flags = ""
		for (bit = 128; bit >= 1; bit /= 2)
			flags = flags (int(value["tcp_flags"] / bit) % 2 ? substr(letters, length(flags) + 1, 1) : ".")
		print value["src"] ":" value["src_port"], value["dst"] ":" value["dst_port"],
			value["proto"], value["packets"], value["bytes"], value["in_if"], value["out_if"],
			value["start"], value["end"], flags
	}' | sort
}

# One record of nfdump in the same words; `packets` and `bytes` come from outside.
words='function record(packets, bytes, in_if, out_if,    proto, at, icmp) {
	split("1 ICMP 2 IGMP 6 TCP 17 UDP 47 GRE 50 ESP 58 ICMP6 132 SCTP", names, " ")
	proto = $6
	for (at = 2; at in names; at += 2)
		if (names[at] == $6)
			proto = names[at - 1]
	if (match($8, /:[0-9]+\.[0-9]+$/)) { # ICMP: type.code for the port
		split(substr($8, RSTART + 1), icmp, ".")
		$8 = substr($8, 1, RSTART) icmp[1] * 256 + icmp[2]
	}
	print $7, $8, proto, packets, bytes, in_if, out_if, $1 "T" $2 "Z", $3 "T" $4 "Z", $9
}'

# nfdump writes large numbers as "1.2 M" in its text and whole in its CSV; rows are in the same order.
of_nfdump() {
	zcat "$1.nfdump.csv.gz" >"$work/csv"
	zcat "$1.nfdump.fmt.txt.gz" | awk "$words"'
		BEGIN { FS = "," }
		FILENAME == ARGV[1] { if (FNR > 1) { packets[FNR] = $12; bytes[FNR] = $13 } next }
		FNR == 1 { FS = " "; next }
		/^Summary/ { exit }
		{ $0 = $0; record(packets[FNR], bytes[FNR], $(NF - 2), $(NF - 1)) }
	' "$work/csv" - | sort
}

# compare NAME: $work/ours against $work/theirs
compare() {
	rows=$(wc -l <"$work/theirs")
	if [ "$rows" -gt 0 ] && cmp -s "$work/ours" "$work/theirs"; then
		echo "$1: $rows records agree"
	else
		echo "$1: $(wc -l <"$work/ours") records, nfdump $rows; first differences:"
		diff "$work/ours" "$work/theirs" | head -5
		status=1
	fi
	compared=$((compared + 1))
}

# Of NetFlow v9 nfdump takes each header's second as it is, spoor the likeliest of them: all but times.
timeless() {
	for side in ours theirs; do
		awk '{ $8 = $9 = "-"; print }' "$work/$side" | sort >"$work/sorted"
		mv "$work/sorted" "$work/$side"
	done
}

for capture in "$reference"/*_v5.pcap.gz "$reference"/*_v9.pcap.gz "$reference"/*_ipfix.pcap.gz; do
	[ -f "$capture" ] || continue
	"$spoor" decode "$capture" | of_spoor >"$work/ours"
	of_nfdump "${capture%.pcap.gz}" >"$work/theirs"
	case $capture in *_v9.*) timeless ;; esac
	compare "${capture##*/}"
done
[ $compared -gt 0 ] || echo "$reference is absent: not compared with the recorded output of nfdump"

# Sends every UDP payload of a capture (Ethernet or raw IPv4) to a local port, slowly enough to lose none.
play='
import gzip, socket, struct, sys, time
data = gzip.open(sys.argv[1]).read()
order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
skip = {1: 14, 101: 0}[struct.unpack(order + "I", data[20:24])[0]]
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
at = 24
while at < len(data):
    length = struct.unpack(order + "I", data[at + 8:at + 12])[0]
    packet = data[at + 16 + skip:at + 16 + length]
    at += 16 + length
    if packet[0] >> 4 != 4 or packet[9] != 17:
        continue
    udp = packet[(packet[0] & 15) * 4:]
    out.sendto(udp[8:struct.unpack("!H", udp[4:6])[0]], ("127.0.0.1", int(sys.argv[2])))
    time.sleep(0.001)
'

# collect CAPTURE: what nfcapd and nfdump make of it
collect() {
	port=$((20000 + $$ % 20000))
	mkdir -p "$work/nf" && rm -f "$work"/nf/*
	nfcapd -w "$work/nf" -b 127.0.0.1 -p $port -t 3600 >"$work/log" 2>&1 &
	collector=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		grep -q ":$(printf %04X $port) " /proc/net/udp && break
		sleep 0.1
	done
	python3 -c "$play" "$1" $port
	sleep 0.5
	kill "$collector" && wait "$collector"
	collector=
	nfdump -R "$work/nf" -q -N -o 'fmt:%ts %te - %pr %sap %dap %flg %pkt %byt %in %out' | awk "$words"'
		NF > 5 { $0 = $1 " " $2 " " $3 " " $4 " - " $6 " " $7 " " $8 " " $9 " " $10 " " $11 " " $12 " " $13
			record($10, $11, $12, $13) }' | sort
}

if command -v nfcapd >/dev/null && command -v nfdump >/dev/null && command -v python3 >/dev/null; then
	for capture in "$own"/*_v5.pcap.gz; do
		[ -f "$capture" ] || continue
		"$spoor" decode "$capture" | of_spoor >"$work/ours"
		collect "$capture" >"$work/theirs"
		compare "$own/${capture##*/}"
	done
else
	echo "nfcapd, nfdump or python3 is not installed: $own not compared"
fi

[ $compared -gt 0 ] || exit 77
exit $status

#!/usr/bin/env bash
# Clients that leave in the middle, and members that do not answer: the node goes on.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT
for name in R1 R2 R4; do
	node_init "$name" --idle-timeout 3s --keep forever
	node_start "$name"
	spoor_at "$name" import "$sample/${name}_v5.pcap.gz" >/dev/null
done
await "everybody knows everybody" node_knows R4 2
ask() { spoor_at R4 trace 10.4.0.10:22 --peer 192.0.2.3 --json "$@"; }

check "a trace at a moment of silence" 0 '"path"' ask --at 2026-11-22T03:50:43Z
check "a moment before it began" 1 "at that time" ask --at 2026-11-22T03:48:00Z

# Requests whose answers nobody reads.
python3 - "$dir/R4/spoord.sock" <<'PYTHON'
import socket, struct, sys
def request(**arguments):
    body = bytes([0x80 | len(arguments)])
    for key, value in arguments.items():
        body += bytes([0xa0 | len(key)]) + key.encode()
        body += bytes([value]) if isinstance(value, int) else bytes([0xa0 | len(value)]) + value.encode()
    return struct.pack(">I", len(body)) + body
for command in ["status", "flows", "peers"] * 20:
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(request(v=1, cmd=command) * 3)
    s.close()
PYTHON
check "the node outlives sixty clients that left" 0 '"name": *"R4"' spoor_at R4 status --json

# The order in which files are given does not matter.
node_init R9 --keep forever
node_start R9
python3 - "$sample/R2_v5.pcap.gz" "$dir" <<'PYTHON'
import gzip, struct, sys
data = gzip.open(sys.argv[1]).read()
packets, at = [], 24
while at < len(data):
    length = struct.unpack_from("<I", data, at + 8)[0]
    packets.append(data[at:at + 16 + length])
    at += 16 + length
half = len(packets) // 2
for name, part in ("first", packets[:half]), ("second", packets[half:]):
    open(f"{sys.argv[2]}/{name}.pcap", "wb").write(data[:24] + b"".join(part))
PYTHON
check "two files, the later one first" 0 "flows" \
	spoor_at R9 import "$dir/second.pcap" "$dir/first.pcap"
check "nothing of them is missing" 0 "^$(spoor_at R2 flows --ndjson | wc -l)\$" \
	echo "$(spoor_at R9 flows --ndjson | wc -l)"

# What retention would drop at once is refused, not taken and lost.
node_init R8 --keep 1s
node_start R8
check "a capture older than what is kept" 64 "longer ago than this node keeps flows" \
	spoor_at R8 import "$sample/R2_v5.pcap.gz"

# A member that is gone: the rest answers, and the report says who is silent.
node_kill R1 KILL
check "a silent member makes the answer partial" 3 '"silent": *[1-9]' ask --timeout 5s
sed -i 's/answer: members/answer: none/' "$dir/R2/spoord.yaml"
node_kill R2 TERM
node_start R2
await "R2 is back, and knows R4, R8 and R9" node_knows R2 3
check "a refusal is counted" 3 '"refused": *1' ask --timeout 5s

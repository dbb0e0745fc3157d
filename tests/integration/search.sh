#!/usr/bin/env bash
# What an operator does with stored flows: forms of output, order, sums, an end in the middle.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT
flows() { spoor_at A flows "$@"; }
# A program over what a search prints: searching PROGRAM ARGUMENTS...
searching() {
	local program=$1
	shift
	flows "$@" | python3 -c "import csv, json, sys
$program"
}

node_init A --keep forever
node_start A
for name in R1 R2 R4 R5; do
	spoor_at A import "$sample/${name}_v5.pcap.gz" >/dev/null
done
total=$(flows --ndjson | wc -l)

check "a list" 0 "^[0-9-]+ [0-9:.]+ +[0-9a-z. ]+ tcp +[0-9.:]+ " flows -n 3 proto tcp
check "a list with a limit" 0 "^7$" searching 'print(len(sys.stdin.readlines()))' -n 7 --ndjson
check "a list that is empty" 1 "nothing found" flows ip 203.0.113.250 and port 1
check "the same as JSON" 1 '"flows":\[\].*"is_partial":false' flows --json ip 203.0.113.250
check "one object of all" 0 "^$total \[\]$" searching \
	'o = json.load(sys.stdin); print(len(o["flows"]), [k for k in o["flows"][0] if k == "error"])' --json
check "CSV has the header, CRLF and every flow" 0 "^$total True 28$" searching '
text = sys.stdin.buffer.read().decode()
rows = list(csv.DictReader(text.splitlines()))
print(len(rows), text.count("\r\n") == len(rows) + 1, len(rows[0]))' --csv
check "CSV says what JSON says" 0 "^same$" python3 -c "
import csv, json, subprocess, sys
def ask(form):
    return subprocess.run(sys.argv[1:] + ['flows', form], capture_output=True, text=True).stdout
def same(row, flow):
    return all(text == ('' if key not in flow else str(flow[key])) for key, text in row.items())
rows, flows = list(csv.DictReader(ask('--csv').splitlines())), ask('--ndjson').splitlines()
print('same' if all(map(same, rows, map(json.loads, flows))) else 'they differ')
" "$bin/spoor" --socket "$dir/A/spoord.sock"

# Order.
for sort in bytes packets; do
	check "the highest $sort" 0 "^True 10$" searching "
got = [json.loads(l)['$sort'] for l in sys.stdin]
print(got == sorted(got, reverse=True), len(got))" --sort $sort --ndjson
done
check "the earliest" 0 "^True 3$" searching '
got = [json.loads(l)["start"] for l in sys.stdin]; print(got == sorted(got), len(got))' \
	--sort start --top 3 --ndjson
check "the one with the most bytes is in front" 0 "^True$" python3 -c "
import json, subprocess, sys
def ask(*more):
    out = subprocess.run(sys.argv[1:] + ['flows', '--ndjson', *more], capture_output=True, text=True)
    return [json.loads(line)['bytes'] for line in out.stdout.splitlines()]
print(ask('--sort', 'bytes', '--top', '5') == sorted(ask(), reverse=True)[:5])
" "$bin/spoor" --socket "$dir/A/spoord.sock"

# Sums.
check "a table of sums" 0 "^SRC +DST PORT +FLOWS +% +PACKETS +% +BYTES +%" flows --by src,dst_port
check "and what there is in all" 0 "^3 of [0-9]+ groups; in all: flows $total," flows --by src,dst_port --top 3
check "sums are those of the flows" 0 "^True$" python3 -c "
import collections, json, subprocess, sys
def ask(*more):
    out = subprocess.run(sys.argv[1:] + ['flows', '--ndjson', *more], capture_output=True, text=True)
    return [json.loads(line) for line in out.stdout.splitlines()]
sums = collections.defaultdict(lambda: [0, 0, 0])
for f in ask('proto tcp'):
    s = sums[f['src'], f['dst_port']]
    s[0] += 1; s[1] += f['packets']; s[2] += f['bytes']
rows = ask('--by', 'src,dst_port', '--top', '100000', 'proto tcp')
got = {(r['src'], r['dst_port']): [r['flows'], r['packets'], r['bytes']] for r in rows}
print(got == sums and [r['bytes'] for r in rows] == sorted((s[2] for s in sums.values()), reverse=True))
" "$bin/spoor" --socket "$dir/A/spoord.sock"
check "nets" 0 '^10\.[0-9]+\.0\.0/16 ' flows --by src/16 --top 100
check "both directions in one" 0 "^True$" searching '
rows = [json.loads(l) for l in sys.stdin]
print(all(r["dst_port"] == 22 for r in rows) and sum(r["flows"] for r in rows) > 10)' \
	--by connection --ndjson --top 10000 port 22
check "JSON has the groups and the total" 0 "^$total True False$" searching '
o = json.load(sys.stdin)
print(o["total"]["flows"], o["group_count"] >= len(o["groups"]), "other" in o)' --by dst --json
check "CSV of sums" 0 "^proto,flows,packets,bytes,start,end,flows_percent,packets_percent,bytes_percent,sampled,missed" \
	flows --by proto --csv

# What makes no sense.
check_line "a field that is none" 2 'cannot be grouped by this: "sauce"' flows --by sauce
check_line "an order that is none" 2 "bytes|packets" flows --sort size
check_line "--top of a plain list" 2 "top is for --by and --sort" flows --top 3
check_line "groups in the order of their start" 2 "groups are sorted by" flows --by src --sort start
check_line "two forms" 2 "one of --csv, --json and --ndjson" flows --csv --json
check_line "too many in order" 2 "at most 100000" flows --sort bytes --top 100001
check "a filter that is none, and where" 2 "^  src prot 22$" flows src prot 22
check "with a caret below" 2 "^      \^$" flows src prot 22

# More flows than are read in one piece, so that there is a middle to stop in.
python3 tests/integration/exporter.py --flows 600000 --pcap "$dir/many.pcap"
spoor_at A import "$dir/many.pcap" >/dev/null
check "sums that are stopped are partial, and say so" 0 "^3 True True$" python3 -c '
import json, socket, struct, sys
def pack(**arguments):
    body = bytes([0x80 | len(arguments)])
    for key, value in arguments.items():
        body += bytes([0xa0 | len(key)]) + key.encode()
        body += bytes([value]) if isinstance(value, int) else bytes([0xa0 | len(value)]) + value.encode()
    return struct.pack(">I", len(body)) + body
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(pack(v=1, cmd="flows", by="src") + pack(v=1, cmd="stop"))
def read(n):
    data = b""
    while len(data) < n:
        data += s.recv(n - len(data)) or sys.exit("the node left")
    return data
rows = 0
while True:
    frame = read(struct.unpack(">I", read(4))[0])
    rows += b"\xa3row" in frame[:8]
    if b"\xa3end" in frame[:8]:
        code = frame[frame.index(b"\xa4code") + 5]
        print(code, b"\xaais_partial\xc3" in frame, rows > 0)
        break
' "$dir/A/spoord.sock"

# A reader that reads nothing for a while: the node answers others; Ctrl-C ends the list, partial.
mkfifo "$dir/pipe"
"$bin/spoor" --socket "$dir/A/spoord.sock" flows --ndjson >"$dir/pipe" 2>"$dir/error" &
reader=$!
exec 7<"$dir/pipe"
sleep 0.5
check "a slow reader costs the node nothing" 0 '"name": *"A"' spoor_at A status --json
kill -INT $reader
cat <&7 >"$dir/part"
exec 7<&-
code=0
wait $reader || code=$?
check "Ctrl-C is a partial answer" 0 "^3$" echo "$code"
check "which is said" 0 "interrupted: of the first [0-9]+ flows" cat "$dir/error"
check "of whole lines, not all" 0 "^True$" python3 -c '
import json, sys
lines = open(sys.argv[1]).readlines()
print(0 < len([json.loads(l) for l in lines]) < 600000)' "$dir/part"
check "the first rows come at once" 0 '"src":"' bash -c \
	"timeout 20 '$bin/spoor' --socket '$dir/A/spoord.sock' flows --ndjson | head -n 1"

# What takes memory is bounded in number; whoever leaves makes room.
check "a fifth search that sorts is refused" 0 "^64 others are being sorted or summed 0$" python3 -c '
import socket, struct, subprocess, sys, time
def ask():
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    body = b"\x84\xa1v\x01\xa3cmd\xa5flows\xa4sort\xa5bytes\xa5limit\xcd\xc3\x50"
    s.sendall(struct.pack(">I", len(body)) + body)
    return s
def sort():
    done = subprocess.run(sys.argv[2:] + ["--socket", sys.argv[1], "flows", "--sort", "bytes"],
                          capture_output=True, text=True)
    return done.returncode, done.stderr.strip().rpartition(": ")[2]
open_ones = [ask() for _ in range(4)] # their rows are more than a socket holds
time.sleep(1)
code, why = sort()
for s in open_ones:
    s.close()
for _ in range(100):
    again = sort()[0]
    if again == 0:
        break
    time.sleep(0.1)
print(code, why, again)
' "$dir/A/spoord.sock" "$bin/spoor"

# More groups than memory holds.
check "too many groups are a partial answer" 3 "more groups than memory holds" \
	flows --by src,src_port,dst --top 3

#!/usr/bin/env bash
# A trace that is followed: the records of a chain come in pieces, the first of which decide nothing.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
# shellcheck source=tests/integration/pieces.sh
. tests/integration/pieces.sh

pieces=("5-9,36-40"
	"80-84,107-111"
	"165-169,204-208,256-260,295-299,352-356"
	"371-375,402-407,449-451,480-484,533-536!")
come() { # the records of a piece reach everybody, the target's last
	give R1 "${pieces[$1]}" "$upper"
	give R2 "${pieces[$1]}" "$upper" "$lower"
	give R4 "${pieces[$1]}" "$lower"
}
follow() { # FILE OPTION...: in the background, as $follower
	local file=$1
	shift
	"$bin/spoor" --socket "$dir/R4/spoord.sock" trace 192.0.2.9:22 --follow --every 10s "$@" \
		>"$file" 2>"$file.err" &
	follower=$!
}
ended() { # within 30 s; $code is its exit code
	code=0
	for _ in $(seq 300); do
		kill -0 "$follower" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$follower" 2>/dev/null && echo "        it had to be killed"
	wait "$follower" 2>/dev/null || code=$?
}
reports() { [ "$(grep -c '"round"' "$1")" -ge "$2" ]; } # FILE COUNT
await_reports() { await_longer "$2 reports" reports "$@"; } # FILE COUNT
told() { # FILE: of each report its round, is it the last, hops, silences, false matches
	python3 -c 'import json, sys
for line in open(sys.argv[1]):
    r = json.loads(line)
    path = [h["src"].split(":")[0] for h in r["path"]]
    print(r["round"], r["is_final"], ">".join(path), r["target"]["silences"],
          len({(m["node"], m["view"], m["src"]) for m in r["matches"]}) == len(r["matches"]))
' "$1"
}

trace() { spoor_at R4 trace 192.0.2.9:22 "$@"; }
check_line "every without follow" 2 "go with --follow" trace --every 20s
check_line "for without follow" 2 "go with --follow" trace --for 1h
check_line "more often than members answer" 2 "every 10 s at most" trace --follow --every 2s
check_line "low severity costs twice" 2 "every 20 s at most" \
	trace --follow --severity low --every 10s
check_line "what is not there cannot be followed" 1 "no flows" trace --follow

# From nothing to the whole chain, and to its end.
come 0
follow "$dir/whole" --ndjson
await_reports "$dir/whole" 1
come 1
await_reports "$dir/whole" 2
come 2
await_reports "$dir/whole" 3
check "at first it is undecided" 0 "^1 False 10.2.0.1 1 True$" told "$dir/whole"
check "with more it is the chain" 0 "^3 False 10.1.0.1>10.2.0.1 8 True$" told "$dir/whole"
alive() { kill -0 "$follower"; }
check "as the connection is open it goes on" 0 "" alive

# Ctrl-C while nothing happens: the report that there is, and its code.
first=$follower
follow "$dir/stopped" --ndjson
await_reports "$dir/stopped" 1
kill -INT "$follower"
ended
check "Ctrl-C ends it with a plain trace's code" 0 "^0$" echo "$code"
check "and a last report" 0 "True 10.1.0.1>10.2.0.1 8 True$" told "$dir/stopped"
follow "$dir/people" --for 4s
ended
check "so does its time" 0 "^0$" echo "$code"
check "for people the same path is a line" 0 "Last report.*same path" cat "$dir/people"
check "and drawn once" 0 "^1$" grep -c "Who was behind" "$dir/people"
follow "$dir/gone"
kill -KILL "$follower"
ended >/dev/null
follower=$first

come 3
ended
check "it ends with its connection" 0 "^0$" echo "$code"
check "in a last report" 0 "True 10.1.0.1>10.2.0.1 13 True$" told "$dir/whole"
check "of which there is one" 0 "^1$" grep -c '"is_final": *true' "$dir/whole"
check "each report has its evidence" 0 "^1$" python3 -c 'import json, os, sys
rs = [json.loads(l) for l in open(sys.argv[1])]
bs = [r["bundle"] for r in rs if r["query"]]
print(int(len(set(bs)) == len(bs) > 1 and all(map(os.path.exists, bs))))' "$dir/whole"
follow "$dir/past" --json
ended
check "what has ended is reported once" 0 "^0$" echo "$code"
check "as the last" 0 "^1 True 10.1.0.1>10.2.0.1 13 True$" told "$dir/past"

# Ctrl-C while one is waited for who says nothing.
kill -STOP "${pid[R1]}"
follow "$dir/waiting"
sleep 1.5
kill -INT "$follower"
ended
kill -CONT "${pid[R1]}"
check "Ctrl-C before the first report" 0 "^3$" echo "$code"
check "is told in a line" 0 "before the first answers were complete" cat "$dir/waiting.err"

# The node ends in the middle.
pieces+=("571-575,602-607,649-651,680-684,727-731,765-768,802-806,851-855")
upper="10.1.0.1:40001 10.2.0.1:22 1"
lower="10.2.0.1:42000 192.0.2.9:23 2"
come 4
"$bin/spoor" --socket "$dir/R4/spoord.sock" trace 192.0.2.9:23 --follow --ndjson \
	>"$dir/middle" 2>"$dir/middle.err" &
follower=$!
await_reports "$dir/middle" 1
node_kill R4 TERM
ended
check "who follows is told that the node ended" 0 "^64$" echo "$code"
check "in a line" 0 "the node went away" cat "$dir/middle.err"
node_start R4
await "R4 is back" node_knows R4 2
check "after its restart it traces" 0 '"is_final": *true' spoor_at R4 trace 192.0.2.9:23 --json

# Ctrl-C while a later report waits for one who says nothing: the report before it stands.
await "R1 is back" node_knows R4 2
kill -STOP "${pid[R1]}"
python3 - "$dir/R4/spoord.sock" >"$dir/later" <<'PYTHON' &
import ipaddress, json, socket, struct, sys
def text(s): return bytes([0xa0 | len(s)]) + s.encode()
def request(command, more=b"", count=0):
    body = bytes([0x82 + count]) + text("v") + b"\x01" + text("cmd") + text(command) + more
    s.sendall(struct.pack(">I", len(body)) + body)
s = socket.socket(socket.AF_UNIX)
s.settimeout(60)
s.connect(sys.argv[1])
end = bytes(10) + b"\xff\xff" + ipaddress.ip_address("192.0.2.9").packed + struct.pack(">H", 23)
request("trace", text("target") + b"\xc4\x12" + end + text("every") + b"\xcd" +
        struct.pack(">H", 10000), 2)
f, is_stopped = s.makefile("rb"), False
while True:
    frame = f.read(struct.unpack(">I", f.read(4))[0])
    if frame[1:].startswith(text("row")):
        is_final = text("is_final") + b"\xc3" in frame
        print("report", frame[frame.index(text("round")) + 6], is_final, flush=True)
    elif text("round") + b"\x02" in frame and not is_stopped:
        print("stop", flush=True)
        is_stopped = True
        request("stop")
    elif frame[1:].startswith(text("end")):
        print("end", frame[frame.index(text("code")) + 5], flush=True)
        break
PYTHON
follower=$!
reported() { grep -q "report 1 False" "$dir/later"; }
check "a report comes though one is silent" 0 "" await_longer "a report" reported
pieces+=("720-724,755-760,790-792")
give R4 "${pieces[5]}" "$lower"
ended
kill -CONT "${pid[R1]}"
check "who stops while a later one is asked for" 0 "^stop$" cat "$dir/later"
check "gets the one before as the last" 0 "^report 1 True$" tail -n 2 "$dir/later"
check "and its code" 0 "^end 3$" tail -n 1 "$dir/later"

#!/usr/bin/env bash
# A question that stands: what turns up later is told once, over restarts and with nobody listening.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
# shellcheck source=tests/integration/pieces.sh
. tests/integration/pieces.sh

pieces=("5-9,36-40"
	"80-84,107-111,165-169,204-208,256-260,295-299,352-356"
	"371-375,402-407,449-451,480-484,533-536!")
watch() { spoor_at R4 watch "$@"; }
found() { # of the first watch: who has found it, and what
	watch --list --json | python3 -c 'import json, sys
for f in json.load(sys.stdin)["watches"][0]["found"]:
    print(f["node"], f["src"].split(":")[0], f["dst"].split(":")[0])'
}
member() { # KEY: of the first watch
	watch --list --json |
		python3 -c "import json, sys; print(json.load(sys.stdin)['watches'][0]['$1'])"
}
is() { [ "$(member "$1")" = "$2" ]; } # KEY VALUE
at_least() { [ "$(member "$1")" -ge "$2" ]; }
has() { found | grep -q "$1"; }
logged() { grep -c "watch.*: found at $1 " "$dir/R4/log"; } # NAME

check_line "none is there" 1 "nothing is watched" watch --list
check_line "nor to listen to" 1 "nothing is watched" watch
check_line "what is not there cannot be watched" 1 "no flows" watch 192.0.2.9:22
check_line "for longer than members keep flows" 2 "30 days at most" watch 192.0.2.9:22 --for 31d
check_line "more often than members answer" 2 "every 10 s at most" watch 192.0.2.9:22 --every 2s
check_line "waiting for longer than a question lives" 2 "--timeout.*a day at most" \
	watch 192.0.2.9:22 --timeout 2d
check_line "two things at once" 2 "three different things" watch 192.0.2.9:22 --list
check_line "how long, but of what" 2 "ADDR is missing" watch --for 1d
check_line "no such watch" 1 "no watch is called" watch --stop 1234
check_line "no id at all" 1 "no watch is called" watch --stop x

# What was over before timing could tell is refused, in a trace's words; what is open is waited for.
give R4 "5-9,36-40!" "10.2.0.1:41001 192.0.2.9:23 2"
check_line "undecidable" 1 "not decidable by timing" watch 192.0.2.9:23
give R4 "${pieces[0]}" "$lower"
check "open, and not decidable yet" 0 "Waits: timing cannot decide it yet, with 1 silence" \
	watch 192.0.2.9:22
check "nobody is asked" 0 '"state": *"waiting".*"questions": *0' watch --list --json

# It goes on, while R1 is down: then R1 comes with what it had all the time.
give R1 "${pieces[0]},${pieces[1]}" "$upper"
node_kill R1 KILL
await_longer "R4 misses R1" node_knows R4 1
give R2 "${pieces[0]},${pieces[1]}" "$upper" "$lower"
"$bin/spoor" --socket "$dir/R4/spoord.sock" watch --ndjson >"$dir/listener" 2>"$dir/listener.err" &
listener=$!
give R4 "${pieces[1]}" "$lower"
check "it is asked as soon as timing can tell" 0 "" await_longer "R2 has found it" has "^R2 10.2.0.1"
check "upstream, too" 0 "^R2 10.1.0.1 10.2.0.1$" found
check "R1 has not answered" 0 "^1$" member answered
asked=$(member last_asked)
node_start R1
check "who was away is asked when it is back" 0 "" await_longer "R1 has found it" has "^R1 10.1.0.1"
sooner() { [ $(($(date -d "$(member last_asked)" +%s) - $(date -d "$asked" +%s))) -lt 18 ]; }
check "sooner than it would have been: 20 s after the last time" 0 "" sooner
check "now both have answered" 0 "" await_longer "two answers" is answered 2

# Told once each: in the log, to who listens; with its evidence.
check "the log tells each once" 0 "^1 2$" echo "$(logged R1) $(logged R2)"
check "who listens hears it" 0 "^1$" grep -c '"kind": *"found".*"node": *"R1"' "$dir/listener"
check "with the evidence, signed" 0 "^3$" python3 -c 'import json, os, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
print(sum(os.path.getsize(r["bundle"]) > 1000 and r["is_significant"] for r in rows))' \
	"$dir/listener"
check "for people" 0 "R1 \(Organisation of R1\) .*10.1.0.1:40000 . 10.2.0.1:22" watch --list

check "and they are counted" 0 \
	'"watches":\{"watching":[01],"asking":[01],"waiting":0,"ended":0,"found":3\}' \
	spoor_at R4 status --json

# Once more for the same is the same watch, as far as something is said.
id=$(member id)
check "the same again is no other" 0 "\"id\": *\"$id\"" watch 192.0.2.9:22 --for 30d --every 10s --json
check "but is asked more often" 0 "^10000$" member every_ms
before=$(member timeout_ms)
check "and as urgently as is said" 0 "" watch 192.0.2.9:22 --severity high --timeout 17s --json
check "with that much patience" 0 "^30000 17000 high$" \
	echo "$before $(member timeout_ms) $(member severity)"
check_line "another gap is another rhythm" 2 "watched already.* 3.000s.*--stop $id" \
	watch 192.0.2.9:22 --gap 20s
check "the same gap is not" 0 "" watch 192.0.2.9:22 --gap 3s --severity medium --json
until=$(member until)
check "once more, to hear of it" 124 '"kind": *"found"' timeout -s INT 2 \
	"$bin/spoor" --socket "$dir/R4/spoord.sock" watch 192.0.2.9:22 --follow --ndjson
check "what is not said stays" 0 "^10000 $until 17000 medium$" \
	echo "$(member every_ms) $(member until) $(member timeout_ms) $(member severity)"

# Records that a member gets late: another of its interfaces has seen the connection.
give R1 "${pieces[0]},${pieces[1]}" "${upper% *} 7"
late() { [ "$(logged R1)" = 2 ]; }
check "records that come late are found" 0 "" await_longer "another view" late
check "and told apart" 0 '/7"' watch --list --json

# A restart of the node that asks.
questions=$(member questions)
node_kill R4 TERM
wait "$listener"
check "who listens is told that the node ended" 0 "the node went away" cat "$dir/listener.err"
node_start R4
check "the watch is kept" 0 "^$id$" member id
check "and what it has found" 0 "^4$" echo "$(found | wc -l)"
check "it asks again" 0 "" await_longer "another question" at_least questions $((questions + 1))
await_longer "an answer" is answered 2
check "and tells nothing twice" 0 "^2 2 4$" echo "$(logged R1) $(logged R2) $(found | wc -l)"
node_kill R4 KILL
node_start R4
check "nor after it was killed" 0 "^4$" echo "$(found | wc -l)"

# More of the connection comes.
give R4 "${pieces[2]}" "$lower"
silent() { is silences 13; }
check "the fingerprint grows with its connection" 0 "" await_longer "thirteen silences" silent

# Its time is up.
give R4 "15-19,31-40,88-94,121-131!" "10.2.0.1:41002 192.0.2.9:24 2"
check "followed to its end, nothing is found" 1 '"kind": *"ended"' \
	watch 192.0.2.9:24 --for 5s --follow --ndjson
check "what is over is still listed" 0 "Ended; it was to last" watch --list
other=$(watch --list --json |
	python3 -c 'import json, sys; print(json.load(sys.stdin)["watches"][1]["id"])')
check "until it is taken away" 0 "$other" watch --stop "$other"
check "then it is not" 0 "^1$" echo "$(watch --list --ndjson | wc -l)"

# Bounds: as many as there may be, and not one more.
python3 - "$base" >"$dir/many" <<'PYTHON'
import random
random.seed(1)
for i in range(32): # each with a rhythm of its own
    at, spans = 5.0, []
    for _ in range(4):
        spans.append(f"{at:.1f}-{at + 2:.1f}")
        at += 6 + random.expovariate(1 / 30)
    print(f"10.2.0.1:{42000 + i} 192.0.2.9:{100 + i} 2 " + ",".join(spans) + "!")
PYTHON
python3 tests/integration/capture.py "$dir/many.pcap" 192.0.2.254 "$base" <"$dir/many"
spoor_at R4 import "$dir/many.pcap" >/dev/null 2>&1
for i in $(seq 100 130); do watch "192.0.2.9:$i" --json; done >"$dir/begun"
check "thirty-two stand" 0 "^32$" echo "$(watch --list --ndjson | wc -l)"
check "all at once leave something to who traces" 0 "Asked 2 other nodes, 2 answered" \
	spoor_at R4 trace 192.0.2.9:22 --timeout 5s
check_line "and no more" 4 "32 connections are watched, which is the most" watch 192.0.2.9:131

# Listeners stay: others still reach the node.
listeners=()
for i in $(seq 12); do
	"$bin/spoor" --socket "$dir/R4/spoord.sock" watch >/dev/null 2>&1 &
	listeners+=($!)
done
sleep 1
check_line "one more may not" 4 "12 listen already" watch
check "others are answered" 0 '"name": *"R4"' spoor_at R4 status --json
kill -INT "${listeners[@]}"
wait "${listeners[@]}" 2>/dev/null

# Stopping.
"$bin/spoor" --socket "$dir/R4/spoord.sock" watch --follow 192.0.2.9:22 --ndjson \
	>"$dir/follower" 2>&1 &
follower=$!
followed() { grep -q '"kind": *"found"' "$dir/follower"; }
await "who follows hears what was found before" followed
check "stop ends it" 0 "^$id .*13 silences" watch --stop "${id:0:6}"
code=0
wait "$follower" || code=$?
check "who follows it is told" 0 '"kind": *"ended"' tail -n 1 "$dir/follower"
check "and ends with what there is" 0 "^0$" echo "$code"
check "it is gone" 0 "^31$" echo "$(watch --list --ndjson | wc -l)"
"$bin/spoor" --socket "$dir/R4/spoord.sock" watch >"$dir/all" 2>&1 &
follower=$!
sleep 0.5
kill -INT "$follower"
code=0
wait "$follower" || code=$?
check "Ctrl-C ends listening, with what is known: not all were asked" 0 "^3$" echo "$code"
check "but no watch" 0 "^31$" echo "$(watch --list --ndjson | wc -l)"
node_kill R4 TERM
node_start R4
check "a restart brings back those that stand" 0 "^31$" echo "$(watch --list --ndjson | wc -l)"

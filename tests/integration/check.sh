# What the integration tests share: nodes on loopback, and counted checks. Source it.
# shellcheck shell=bash
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
bin=${SPOOR_BUILD:-build/dev}/bin
# shellcheck source=tools/loopback.sh
. tools/loopback.sh
failed=0

# A command that runs a program: thirty seconds at most, so that a failure is one and no hang.
bounded() {
	if [ "$(type -t "$1")" = file ]; then timeout 30 "$@"; else "$@"; fi
}

# check WHAT EXPECTED-CODE PATTERN COMMAND...: the command's exit code and what it prints, together.
check() {
	local what=$1 expected=$2 pattern=$3 code=0 output
	shift 3
	output=$(bounded "$@" 2>&1) || code=$?
	if [ "$code" = "$expected" ] && grep -qE -- "$pattern" <<<"$output"; then
		echo "ok      $what"
	else
		echo "FAILED  $what: exit $code, expected $expected; expected /$pattern/ in:"
		echo "$output" | head -20
		failed=$((failed + 1))
	fi
}

# One line on stderr and nothing on stdout: how every refusal looks.
check_line() {
	local what=$1 expected=$2 pattern=$3 lines
	shift 3
	check "$what" "$expected" "$pattern" "$@"
	lines=$(bounded "$@" 2>&1 >/dev/null | wc -l)
	[ "$lines" = 1 ] || {
		echo "FAILED  $what: $lines lines on stderr, expected one"
		failed=$((failed + 1))
	}
}

# captures_seen IDLE-TIMEOUT NAME...: a node of each name has seen $dir/NAME.pcap; all know each other.
captures_seen() {
	local idle=$1 name
	shift
	for name in "$@"; do
		node_init "$name" --idle-timeout "$idle" --keep forever
		node_start "$name"
		spoor_at "$name" import "$dir/$name.pcap" >/dev/null
	done
	await "$name knows the others" node_knows "$name" $(($# - 1))
}

# of EXPRESSION: what it is of r, the report in $dir/report.
of() {
	python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$dir/report" "$1"
}

# Ends the nodes first: what the sanitizers have to say, they say at the end.
finish() {
	local name
	for name in "${!pid[@]}"; do node_kill "$name" TERM; done
	if grep -E "Sanitizer|runtime error" "$dir"/*/log; then
		echo "FAILED  a sanitizer found a fault"
		failed=$((failed + 1))
	fi
	[ "$failed" = 0 ] || cat "$dir"/*/log
	loopback_close
	[ "$failed" = 0 ] || echo "$failed checks failed"
	exit "$((failed > 0))"
}

sample=tests/data/chain

# Nodes on loopback, for tools/demo and tests/integration: source it, then
#
#   loopback_open                    a folder of its own ($dir), a community, addresses 127.x.y.N
#   node_init NAME [init options]    a member's folder $dir/NAME; the first is the others' bootstrap
#   node_start NAME                  its spoord, waited for
#   spoor_at NAME COMMAND ...        the command line, asking that node
#   node_kill NAME SIGNAL            ends it, waited for
#   loopback_close                   ends all nodes by pid and removes $dir (unless $keep is yes)
#
# $bin is where spoor and spoord are. Everything is bounded: ten seconds for whatever is awaited.
# shellcheck shell=bash

declare -A pid=() number=()

loopback_open() {
	dir=$(mktemp -d "${TMPDIR:-/tmp}/spoor.XXXXXX")
	# Loopback has addresses enough for everybody to keep the standard ports.
	net=127.$((RANDOM % 200 + 10)).$((RANDOM % 250 + 1))
	"$bin/spoor" init --community "$dir/.community" --name "Loopback" >/dev/null
}

loopback_close() {
	trap '' INT TERM HUP # a second Ctrl-C does not stop the tidying
	[ -n "${dir:-}" ] || return 0
	[ "${#pid[@]}" = 0 ] || kill "${pid[@]}" 2>/dev/null || :
	wait "${pid[@]}" 2>/dev/null || :
	if [ "${keep:-no}" = yes ]; then echo "kept: $dir" >&2; else rm -rf "$dir"; fi
}

# await WHAT COMMAND...: until the command succeeds.
await() {
	local what=$1
	shift
	for _ in $(seq 200); do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.05
	done
	echo "after ten seconds: $what" >&2
	cat "$dir"/*/log >&2
	return 1
}

spoor_at() {
	local name=$1
	shift
	"$bin/spoor" --socket "$dir/$name/spoord.sock" "$@"
}

node_init() {
	local name=$1 bootstrap=()
	shift
	number[$name]=$((${#number[@]} + 1))
	[ "${number[$name]}" = 1 ] || bootstrap=(--bootstrap "$net.1:7667")
	"$bin/spoor" init "$dir/$name" --name "$name" --org "Organisation of $name" \
		--sign "$dir/.community/root.key" --listen "$net.${number[$name]}:7667" \
		--export "$net.${number[$name]}:2055" "${bootstrap[@]}" "$@" >/dev/null
}

node_start() {
	local name=$1
	"$bin/spoord" --config "$dir/$name/spoord.yaml" 2>>"$dir/$name/log" &
	pid[$name]=$!
	await "node $name is not there" spoor_at "$name" status
}

node_kill() {
	kill -"$2" "${pid[$1]}"
	wait "${pid[$1]}" 2>/dev/null || :
	unset "pid[$1]"
}

# The node lives and knows this many others as living.
node_knows() {
	[ "$(spoor_at "$1" peers --ndjson | grep -c '"state": *"live"')" = "$2" ]
}

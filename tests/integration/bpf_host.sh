# A host named "web" on the BPF provider, on this machine's kernel. Needs root, and BPF. Source it.
# shellcheck shell=bash
# shellcheck source=tests/integration/check.sh
. "$(dirname "${BASH_SOURCE[0]}")/check.sh"
[ "$(id -u)" = 0 ] || { echo "needs root: it loads BPF programs"; exit 77; }
loopback_open
trap finish EXIT

"$bin/spoor" keygen root "$dir/hosts" >/dev/null
node_init B # is never started: the host need not be connected
mkdir "$dir/web"
"$bin/spoor" keygen identity "$dir/web/identity.key" >/dev/null
"$bin/spoor" member request --identity "$dir/web/identity.key" --name web --org "Organisation of B" \
	--prefix 10.2.0.5/32 -o "$dir/web/request" >/dev/null
"$bin/spoor" member issue "$dir/web/request" --sign "$dir/hosts" --role host -o "$dir/web/member.cert" \
	>/dev/null
cat >"$dir/web/spoord.yaml" <<-END
	role: host
	roots: [../hosts.pub, ../.community/root.pub]
	gateway: {address: "$net.1:7669", certificate: ../B/member.cert}
	origin: {provider: bpf-minimal, record: remote}
	store: {map_size: 64MiB}
END

# Until it is ready; where it cannot be, the test is skipped.
host_start() {
	"$bin/spoord" --config "$dir/web/spoord.yaml" 2>>"$dir/web/log" &
	pid[web]=$!
	for _ in $(seq 100); do
		spoor_at web origin status >/dev/null 2>&1 && break
		if ! kill -0 "${pid[web]}" 2>/dev/null; then
			echo "no BPF here: $(cat "$dir/web/log")"
			unset "pid[web]"
			loopback_close
			trap - EXIT
			exit 77
		fi
		sleep 0.1
	done
}

# origin_of PID EXPRESSION: of the record r that the host has of a process.
origin_of() {
	spoor_at web origin "$1" --json | python3 -c 'import json, sys
r = json.load(sys.stdin)["origins"][0]
print(eval(sys.argv[1]))' "$2"
}

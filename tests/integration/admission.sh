#!/usr/bin/env bash
# Who is not on the list, or sends too much, is dropped unread, and counted; others are not disturbed.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT
node_init A --keep forever
sed -i "/^exports:/a\\  exporters: [$net.0/24, 127.0.0.1]\\n  rate_limit: 50\\n  rate_burst: 100\\n  ipfix_tcp: [\"$net.1\"]" "$dir/A/spoord.yaml"
node_start A

# ADDRESS DATAGRAMS: at once, each of one flow of NetFlow v5
send() {
	python3 - "$net.1" "$1" "$2" <<'END'
import socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[2], 0))
for i in range(int(sys.argv[3])):
    s.sendto(struct.pack(">HHIIIIBBH", 5, 1, 100000, int(time.time()), 0, i, 0, 0, 0) +
             struct.pack(">4s4s4sHHIIIIHH12x", bytes([10, 9, 8, 1]), bytes(4), bytes(4), 1, 2, 3, 4,
                         99000, 99500, 5, 6), (sys.argv[1], 2055))
END
}
counted() { spoor_at A status --json | grep -qE "$1"; }

send 127.0.0.1 60
send "$net.9" 60
send 127.9.9.9 70
check "who is not on the list is counted" 0 "" await "it is" counted '"not_allowed":70,'
check "of the others nothing is" 0 "" await "it is" counted '"flows":120,.*"rate":0,'
send "$net.7" 1000
over() { [ "$(spoor_at A status --json | sed 's/.*"rate":\([0-9]*\).*/\1/')" -ge 850 ]; }
check "who sends too much at once is counted" 0 "" await "it is" over
sleep 1.2 # twenty sent at once again are allowed by then
before=$(spoor_at A status --json | sed 's/.*"rate":\([0-9]*\).*/\1/')
send "$net.9" 20
send "$net.7" 20
check "and heard again when it is calm" 0 "" await "it is" counted "\"rate\":$before,"
check "a connection from elsewhere is closed" 0 "^b''" python3 -c "
import socket
s = socket.create_connection(('$net.1', 4739), source_address=('127.9.9.9', 0))
print(s.recv(1))"
check "and counted" 0 "" await "it is" counted '"connections":.*"not_allowed":1,'

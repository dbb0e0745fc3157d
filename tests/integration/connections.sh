#!/usr/bin/env bash
# IPFIX over TCP and TLS: sessions, and whoever abuses them.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
command -v openssl >/dev/null || {
	echo "skipped: openssl makes the certificates"
	exit 77
}
loopback_open
trap finish EXIT
node_init A --keep forever

# ca NAME; certificate NAME CA
ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "/CN=$1" \
		-keyout "$dir/$1.key" -out "$dir/$1.pem" 2>/dev/null
}
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
		-keyout "$dir/$1.key" -out "$dir/$1.csr" 2>/dev/null
	openssl x509 -req -in "$dir/$1.csr" -CA "$dir/$2.pem" -CAkey "$dir/$2.key" -days 1 \
		-CAcreateserial -out "$dir/$1.pem" 2>/dev/null
}
ca ours
ca theirs
certificate node ours
certificate router ours
certificate stranger theirs
sed -i "/^exports:/a\\  ipfix_tcp: [\"$net.1\"]\\n  ipfix_idle: 3s\\n  ipfix_tls:\\n    listen: [\"$net.1\"]\\n    certificate: $dir/node.pem\\n    key: $dir/node.key\\n    clients_ca: $dir/ours.pem" "$dir/A/spoord.yaml"
"$bin/spoord" --config "$dir/A/spoord.yaml" --check 2>&1 | grep -q "built without TLS" && {
	echo "skipped: built without TLS"
	exit 77
}
node_start A

tcp() { python3 tests/integration/connections.py "$net.1:4739" "$@"; }
tls() { # WHAT CERTIFICATE CA
	python3 tests/integration/connections.py "$net.1:4740" "$1" "${2:+$dir/$2.pem}" \
		"${2:+$dir/$2.key}" "$dir/$3.pem"
}
all=0
count() { [ "$(spoor_at A flows "src net 10.9.8.0/24" --ndjson 2>/dev/null | wc -l)" = "$all" ]; }
flows() { # WHAT MORE
	all=$((all + $2))
	check "$1" 0 "" await "$all flows" count
}
ended() { spoor_at A status --json | grep -qE '"ended": ?\{"streams": ?[1-9]'; }
counted() { spoor_at A status --json | grep -qE "\"$1\":$2[,}]"; }

tcp whole
flows "the first message of a connection that ends at once is taken" 1
tcp octets
flows "a message may come octet by octet" 1
cuts=$(tcp cuts)
flows "and in two parts, cut anywhere" "$cuts"
tcp rows
flows "messages may come many at once" 100
tcp without
flows "templates end with their connection" 0
tcp withdrawn
flows "and with their withdrawal" 1
check "a length that no message has ends the connection" 0 "^closed" tcp malformed
flows "but what came before is taken" 1
check "so does what is no IPFIX" 0 "^closed" tcp garbage
check "both are counted" 0 "" await "they are" counted malformed 2
tcp torn
flows "before a connection breaks off its messages are taken" 1
check "and the half one is counted" 0 "" await "it is" counted torn 1
check "of one address sixteen at once are enough" 0 "^open: 16" tcp many
check "the others are counted" 0 "" await "they are" counted too_many 4
check "who is silent is let go" 0 "^seconds: [34]" tcp half
check "who never ends a message, too" 0 "^seconds: (29|3.)" tcp slow

tls whole router ours
flows "a router with a certificate of ours is heard" 1
tls octets router ours
flows "octet by octet, too" 1
tls rows router ours
flows "and many at once" 100
check "without a certificate nobody is" 0 "^refused" tls malformed "" ours
check "nor with another's" 0 "^refused" tls malformed stranger ours
check "a router that trusts others goes away" 0 "^refused" tls whole router theirs
check "plain text is no TLS" 0 "^closed" \
	python3 tests/integration/connections.py "$net.1:4740" garbage
check "all four are counted" 0 "" await "they are" counted untrusted 4
check "a handshake has ten seconds" 0 "^seconds: (9|1[01])" \
	python3 tests/integration/connections.py "$net.1:4740" half
tls torn router ours
flows "before a session breaks off its messages are taken" 1
check "what is older than TLS 1.2 is refused" 1 "" openssl s_client -connect "$net.1:4740" \
	-tls1_1 -cipher ALL:@SECLEVEL=0 -cert "$dir/router.pem" -key "$dir/router.key" </dev/null
check "all have gone" 0 "" await "they have" counted open 0
check "what they had sent is counted still" 0 "" await "it is" ended
flows "nothing came twice" 0

sed -i 's/^    key: .*/    key: nowhere.key/' "$dir/A/spoord.yaml"
check_line "a key that is not there" 2 "exports.ipfix_tls: key: .*: No such file" \
	"$bin/spoord" --config "$dir/A/spoord.yaml" --check
sed -i '/^    key: /d' "$dir/A/spoord.yaml"
check_line "a key that is missing" 2 "exports.ipfix_tls.key: \(missing\)" \
	"$bin/spoord" --config "$dir/A/spoord.yaml" --check

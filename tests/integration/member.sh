#!/usr/bin/env bash
# Membership from its first key to its end, without a node: what each command makes, the next takes.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT

spoor() { "$bin/spoor" "$@"; }
d=$dir/membership
mkdir "$d" && : >"$d/log"

check "a root" 0 "public .*a.pub" spoor keygen root "$d/a"
check "another root" 0 '"root": *"[0-9a-f]{64}"' spoor keygen root "$d/b" --json
check "an identity" 0 "key .*[0-9a-f]{64}" spoor keygen identity "$d/id.key"
check "secret keys are their owner's alone" 0 "^600 600 600 $" \
	stat --printf '%a ' "$d/a" "$d/b" "$d/id.key"
check_line "a key is never overwritten" 64 "is there already" spoor keygen identity "$d/id.key"
touch "$d/c.pub"
check_line "nor a root's public half" 64 "c.pub is there already" spoor keygen root "$d/c"
check "and no secret half is left behind" 0 "^no$" \
	bash -c "if [ -e '$d/c' ]; then echo yes; else echo no; fi"

request() { spoor member request --identity "$d/id.key" --name R9 --org "Org Nine" "$@"; }
check "a request" 0 "192.0.2.0/24" \
	request --prefix 192.0.2.0/24 --prefix 2001:db8::/32 -o "$d/m.req"
check_line "a request for no place" 2 "prefix" request
check_line "a prefix with bits behind it" 2 "not \"10.0.0.1/8\"" request --prefix 10.0.0.1/8
check_line "five prefixes" 2 "at most 4" request --prefix 10.0.0.1 --prefix 10.0.0.2 \
	--prefix 10.0.0.3 --prefix 10.0.0.4 --prefix 10.0.0.5
check "what a request says" 0 "2001:db8::/32" spoor member show "$d/m.req"

check "a certificate for one role" 0 "^  ask$" \
	spoor member issue "$d/m.req" --sign "$d/a" --role ask -o "$d/m.cert"
check "both roles, where nobody says" 0 '"roles": *\["ask", *"answer"\]' \
	spoor member issue "$d/m.req" --sign "$d/a" --json
check "fewer places than were asked for" 0 '"prefixes": *\["192.0.2.7/32"\]' \
	spoor member issue "$d/m.req" --sign "$d/a" --prefix 192.0.2.7 --json
check_line "a role that is none" 2 "role" spoor member issue "$d/m.req" --sign "$d/a" --role rule

check "a renewed certificate" 0 "ends within 7 days" \
	spoor member renew "$d/m.cert" --sign "$d/a" --days 6 -o "$d/m2.cert"
check_line "renewed by who did not issue it" 6 "another root" \
	spoor member renew "$d/m.cert" --sign "$d/b"
check "it holds by its root" 0 "a root you trust" spoor member show "$d/m2.cert" --root "$d/a.pub"
check "and by no other" 6 "a root you do not trust" \
	spoor member show "$d/m2.cert" --root "$d/b.pub"
of() { spoor member show "$1" --json | python3 -c "import json, sys; print(json.load(sys.stdin)['$2'])"; }
check "its id is the same" 0 "^$(of "$d/m.cert" id)$" of "$d/m2.cert" id
check "its serial is another" 0 "^no$" \
	bash -c "[ '$(of "$d/m.cert" serial)' = '$(of "$d/m2.cert" serial)' ] && echo yes || echo no"
for days in 1 30; do
	check "a warning at $days" 0 "ends within $days day" \
		spoor member renew "$d/m.cert" --sign "$d/a" --days "$days" --json
done

keygen() { spoor keygen operational "$1" --identity "$d/id.key" "${@:2}"; }
check "operational keys" 0 "192.0.2.7:7667" keygen "$d/op.key" --endpoint 192.0.2.7:7667
check "are secret" 0 "^600$" stat -c %a "$d/op.key"
check "their record holds" 0 "the certificate names" \
	spoor member show "$d/op.key" --certificate "$d/m2.cert"
check_line "whose are they" 2 "certificate" spoor member show "$d/op.key"
check_line "for more than a week" 2 "at most 7" keygen "$d/x.key" --days 8
check_line "for longer than numbers go" 2 "at most 7" keygen "$d/x.key" --days 4611686018427387903
check_line "two addresses of one family" 2 "endpoint" \
	keygen "$d/x.key" --endpoint 192.0.2.7:1 --endpoint 192.0.2.8:1
check "elsewhere" 0 "198.51.100.1" keygen "$d/far.key" --endpoint 198.51.100.1:7667
check_line "is not where the member may be" 6 "outside" \
	spoor member show "$d/far.key" --certificate "$d/m2.cert"

revoke() { spoor member revoke --sign "$d/a" --list "$d/list" "$@"; }
check "a first list" 0 "^number +1$" revoke "$d/m.cert"
check "a second, with all of a member" 0 "all" revoke --all "$d/m2.cert"
check "an endorsement" 0 "valid" revoke --endorse "$d/b.pub" --days 10
check "a retirement" 0 '"retired": *\[\{' revoke --retire "$d/b.pub" --json
check "signed anew" 0 '"number": *5' revoke --json
check "all is still there" 0 '"serial": *[1-9].*"all".*"endorsed": *\[\{.*"retired": *\[\{' \
	spoor member show "$d/list" --json
check "by a root one trusts" 0 "you trust" spoor member show "$d/list" --root "$d/a.pub"
check "or does not" 6 "do not trust" spoor member show "$d/list" --root "$d/b.pub"
check_line "the list of another root" 6 "another root" \
	spoor member revoke --sign "$d/b" --list "$d/list"
check_line "a certificate of another root" 6 "another root" \
	spoor member revoke --sign "$d/b" --list "$d/other" "$d/m.cert"
check_line "a list that is none" 64 "no whole list" \
	spoor member revoke --sign "$d/a" --list "$d/m.req"
sed '1s/.$/0/; 1s/\(.*\)\(....\)$/\1ffff/' "$d/list" >"$d/forged"
check_line "a forged list" 6 "verify|list" spoor member show "$d/forged"

check_line "a node that nobody can reach" 2 "prefix" \
	spoor init "$d/n" --name N --org O --listen 0.0.0.0:7667
check "says where it is to be reached" 0 "member.req" \
	spoor init "$d/n" --name N --org O --listen 0.0.0.0:7667 --prefix 192.0.2.7
check "else its own address is meant" 0 '"prefixes": *\["192.0.2.9/32"\]' bash -c \
	"'$bin/spoor' init '$d/n2' --name N --org O --listen 192.0.2.9:7667 >/dev/null &&
	'$bin/spoor' member show '$d/n2/member.req' --json"

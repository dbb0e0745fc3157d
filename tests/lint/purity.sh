#!/bin/sh
# What the pure archives ask of the world outside must be on this list: no clock, socket, file or
# source of randomness can enter a pure layer unnoticed.
#   purity.sh libA.a libB.a ...
allowed='abort|fprintf|fwrite|fputc|fputs|stderr|malloc|calloc|free|qsort|bsearch|v?snprintf
mem(cpy|move|set|cmp|chr)|str(len|cmp|ncmp|chr|rchr|nlen|str|spn|cspn|casecmp)|strto(ul|l|d|ull)
hton[ls]|ntoh[ls]|exp|log|log10|sqrt|fabs|pow|lround|floor|ceil
crypto_[a-z0-9_]+|sodium_(init|memzero|memcmp|increment|is_zero)|msgpack_[a-z0-9_]+
__stack_chk_fail|__(v?snprintf|v?fprintf|mem(cpy|move|set)|str(n?cpy|n?cat))_chk
_GLOBAL_OFFSET_TABLE_|__(a|ub|t)san_.*|__gcov_.*|__sanitizer_.*|__(start_|stop_)?_*sancov_.*'
# These of libsodium draw randomness of their own; what is made of a caller's seed does not.
random='crypto_[a-z0-9_]*(_keygen|_keypair|box_seal|_random)|randombytes.*'
pattern=$(echo "$allowed" | tr '\n' '|')

[ $# -gt 0 ] || { echo "purity: no archives given"; exit 2; }
for archive in "$@"; do
	nm --defined-only "$archive" 2>/dev/null | grep -q ' T ' ||
		{ echo "purity: $archive is missing or empty"; exit 2; }
done
own=$(nm --defined-only "$@" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u)
asked=$(nm -u "$@" 2>/dev/null | awk '$1 ~ /^[Uwv]$/ { print $2 }' | sort -u | grep -vxF "$own")
found=$(
	echo "$asked" | grep -vxE "${pattern%|}"
	echo "$asked" | grep -xE "$random" | grep -v seed_keypair
)
found=$(echo $found)
[ -z "$found" ] || { echo "impure: $found"; exit 1; }

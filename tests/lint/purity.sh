#!/bin/sh
# What the pure archives ask of the world outside must be on this list: no clock, socket, file or
# source of randomness can enter a pure layer unnoticed.
#   purity.sh libA.a libB.a ...
allowed='abort|fprintf|fwrite|fputc|stderr|malloc|calloc|free|qsort|bsearch|v?snprintf
mem(cpy|move|set|cmp|chr)|str(len|cmp|ncmp|chr|rchr|n?len|casecmp)|strto(ul|l|d|ull)
exp|log|log10|sqrt|fabs|lround|floor|ceil
crypto_[a-z0-9_]+|sodium_[a-z0-9_]+|msgpack_[a-z0-9_]+
__stack_chk_fail|__[a-z_]+_chk|_GLOBAL_OFFSET_TABLE_|__(a|ub|t)san_.*|__gcov_.*|__tsan_.*|__sanitizer_.*|__sancov_.*'
pattern=$(echo "$allowed" | tr '\n' '|')
own=$(nm --defined-only "$@" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u)
found=$(nm -u "$@" | awk '$1 == "U" { print $2 }' | sort -u | grep -vxE "${pattern%|}" | grep -vxF "$own")
[ -z "$found" ] || { echo "impure:" $found; exit 1; }

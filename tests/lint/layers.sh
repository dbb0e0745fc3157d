#!/bin/sh
# The dependency rule, by #include: every folder sees what is below it, every package has one home.
#   layers.sh [ROOT]     prints each offence, exits 1 when there is one
cd "${1:-.}" || exit 2

# folder                what it may include
rules='
base                    base
proto/flow              base|proto/flow
proto/wire              base|proto/flow|proto/wire
proto/overlay           base|proto/flow|proto/wire|proto/overlay
store                   base|proto/flow|store
correlate               base|proto/flow|correlate
origin                  base|origin
node                    base|proto|store|correlate|origin|node
tools                   base|proto|correlate|tools
'
# header                its home
homes='
uv.h                    node
lmdb.h                  store
xxhash.h                store
zstd.h                  store
sodium                  proto/wire
msgpack                 proto/wire
cyaml                   node
jansson                 tools
libsmartcols            tools
pcap                    tools
zlib.h                  tools
cmocka.h                tests
'
found=$(
	echo "$rules" | while read -r from allowed; do
		[ -n "$from" ] && [ -d "$from" ] || continue
		grep -rnE '^#include "' --include='*.[ch]' "$from" |
			grep -vE "#include \"($allowed)/" | sed 's/^/layer: /'
	done
	echo "$homes" | while read -r header home; do
		[ -n "$header" ] || continue
		grep -rlE "^#include <$header" --include='*.[ch]' base proto store correlate node tools tests |
			grep -vE "^($home|tests)/" | sed "s|^|home:  <$header> in |"
	done
)
[ -z "$found" ] || { echo "$found"; exit 1; }

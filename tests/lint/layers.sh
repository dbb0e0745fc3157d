#!/bin/sh
# The dependency rule, by #include: every folder sees what is below it, every package has one home.
#   layers.sh [ROOT]     prints each offence, exits 1 when there is one
cd "${1:-.}" && [ -d base ] && [ -d proto ] || { echo "layers: no tree here"; exit 2; }

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
sodium                  proto/wire
msgpack                 proto/wire
cyaml                   node|tools
jansson                 tools
libsmartcols            tools
pcap                    tools
zlib.h                  tools
bpf/                    origin
cmocka.h                tests
'
# What a pure folder may include of the system: ISO C without its clock, signals and threads.
iso='assert|ctype|errno|float|inttypes|limits|math|stdalign|stdarg|stdbool|stddef|stdint|stdio|stdlib|string'
product=$(for folder in base proto store correlate origin node tools; do
	[ -d $folder ] && echo $folder
done)
include='^[[:space:]]*#[[:space:]]*include[[:space:]]*'

found=$(
	echo "$rules" | while read -r from allowed; do
		[ -n "$from" ] && [ -d "$from" ] || continue
		grep -rnE "$include\"" --include='*.[ch]' "$from" |
			grep -vE "include[[:space:]]*\"($allowed)/" | sed 's/^/layer: /'
	done
	echo "$homes" | while read -r header home; do
		[ -n "$header" ] || continue
		grep -rlE "$include[<\"]$header" --include='*.[ch]' $product tests |
			grep -vE "^($home|tests)/" | sed "s|^|home:  <$header> in |"
	done
	# Ways around the two tables above: no folder, out of a folder, or as a system header.
	find proto -maxdepth 1 -name '*.[ch]' | sed 's/^/stray: /'
	grep -rnE "$include[<\"][^>\"]*\.\./" --include='*.[ch]' $product tests | sed 's/^/path:  /'
	grep -rnE "$include<($(echo $product tests | tr ' ' '|'))/" --include='*.[ch]' $product tests |
		sed 's/^/angle: /'
	for folder in base proto correlate; do
		[ -d $folder ] || continue
		grep -rnE "$include<" --include='*.[ch]' $folder | grep -v '^base/ban\.h:' |
			grep -vE "<($iso)\.h>" | grep -vE '^proto/wire/.*<(sodium|msgpack)' | sed 's/^/pure:  /'
	done
)
[ -z "$found" ] || { echo "$found"; exit 1; }

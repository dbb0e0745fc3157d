#!/bin/sh
# The lints themselves: offences of every kind are planted in a copy of the tree, and each must be
# named; a lint that finds nothing any more would otherwise pass for ever.
#   selftest.sh [ROOT]
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-.}" && [ -d base ] || { echo "selftest: no tree here"; exit 2; }
copy=$(mktemp -d) || exit 2
trap 'rm -rf "$copy"' EXIT
for part in base proto store correlate origin node tools tests .clang-format; do
	[ -e "$part" ] && cp -R "$part" "$copy/"
done
cd "$copy" || exit 2
status=0

# plant FILE TEXT: writes a file; \n as printf has it. Each has a name of its own to be found by.
plant()
{
	mkdir -p "$(dirname "$1")"
	printf "$2" >"$1"
}

# expect SCRIPT NAME...: the script must fail with 1 and say each NAME.
expect()
{
	script=$1
	shift
	output=$("$here/$script" . 2>&1)
	[ $? -eq 1 ] || { echo "$script did not fail"; status=1; }
	for name in "$@"; do
		echo "$output" | grep -qF "$name" || { echo "$script missed $name"; status=1; }
	done
}

plant base/plant_up.c '#include "proto/flow/flow.h"\n'
plant proto/flow/plant_up.c '#include "proto/wire/sign.h"\n'
plant store/plant_sibling.c '#include "correlate/score.h"\n'
plant tools/plant_node.c '#include "node/node.h"\n'
plant correlate/plant_blank.c '#  include	"store/store.h"\n'
plant base/plant_home.c '#include <sodium.h>\n'
plant tools/plant_home.c '  #include <uv.h>\n'
plant proto/plant_stray.c 'int stray;\n'
plant correlate/plant_path.c '#include "base/../store/store.h"\n'
plant correlate/plant_angle.c '#include <store/store.h>\n'
plant base/plant_system.c '#include <sys/socket.h>\n'
plant correlate/plant_clock.c '#include <time.h>\n'
expect layers.sh base/plant_up.c proto/flow/plant_up.c store/plant_sibling.c tools/plant_node.c \
	correlate/plant_blank.c base/plant_home.c tools/plant_home.c proto/plant_stray.c \
	correlate/plant_path.c correlate/plant_angle.c base/plant_system.c correlate/plant_clock.c

guard() # NAME BODY: a well guarded header of base/
{
	upper=$(echo "$1" | tr a-z A-Z)
	plant "base/$1.h" "#ifndef SPOOR_BASE_${upper}_H\n#define SPOOR_BASE_${upper}_H\n$2\n#endif\n"
}
guard plant_needs 'uint8_t plant_needs(void);'
guard plant_banned '#define _GNU_SOURCE 1\n#include <stdint.h>\nint plant_banned(int (*)[time]);'
plant base/plant_bare.h 'struct plant_bare {\n\tint member;\n};\n'
plant base/plant_other.h '#ifndef SPOOR_BASE_ADDR_H\n#define SPOOR_BASE_ADDR_H\n#endif\n'
plant base/plant_typo.h '#ifndef SPOOR_BASE_PLANT_TYPO_H\n#define SPOOR_BASE_PLANT_TYPPO_H\n#endif\n'
expect headers.sh base/plant_needs.h base/plant_banned.h base/plant_bare.h base/plant_other.h \
	base/plant_typo.h

plant docs/plant_later.md 'a\nTO''DO: b\n'
plant docs/plant_fix.md '/* FIX''ME */\n'
plant docs/plant_three.md '/* X''XX */\n'
plant docs/plant_path.md 'see /ho''me/somebody/spoor\n'
plant docs/plant_issue.md 'iss''ue #12\n'
plant docs/plant_host.md 'https://deb.debi''an.org/debian\n'
expect words.sh docs/plant_later.md docs/plant_fix.md docs/plant_three.md docs/plant_path.md \
	docs/plant_issue.md docs/plant_host.md

plant base/plant_long.c 'int f(void)\n{\n'
yes '	g();' | head -n 69 >>base/plant_long.c
echo '}' >>base/plant_long.c
yes 'int h;' | head -n 701 >base/plant_file.c
plant base/plant_fits.c 'int f(void)\n{\n'
yes '	g();' | head -n 68 >>base/plant_fits.c
echo '}' >>base/plant_fits.c
expect length.sh base/plant_long.c base/plant_file.c
"$here/length.sh" . | grep -q plant_fits && { echo "length.sh refused 70 lines"; status=1; }

plant base/plant_style.c 'int f(void) {\n  return 0; }\n'
command -v clang-format >/dev/null && expect format.sh base/plant_style.c

# archive NAME CODE: libNAME.a of one function.
archive()
{
	printf "$2" >"$1.c"
	${CC:-cc} -c "$1.c" -o "$1.o" && ar rcs "lib$1.a" "$1.o" || status=1
}
archive pure 'void abort(void);\nvoid f(void) { abort(); }\n'
archive clock 'int clock_gettime(int, void *);\nint f(void) { return clock_gettime(0, 0); }\n'
archive weak '__attribute__((weak)) int getchar(void);\nint f(void) { return getchar(); }\n'
archive fortified 'int __read_chk(int);\nint f(void) { return __read_chk(0); }\n'
archive drawn 'int crypto_box_keypair(int);\nint f(void) { return crypto_box_keypair(0); }\n'
archive seeded 'int crypto_box_seed_keypair(int);\nint f(void) { return crypto_box_seed_keypair(0); }\n'
archive empty ''
for name in pure seeded; do
	"$here/purity.sh" lib$name.a || { echo "purity.sh refused $name"; status=1; }
done
for name in clock weak fortified drawn empty absent; do
	"$here/purity.sh" libpure.a lib$name.a >/dev/null && { echo "purity.sh missed $name"; status=1; }
done
"$here/purity.sh" >/dev/null && { echo "purity.sh passed nothing at all"; status=1; }
for script in layers headers words length format; do
	(mkdir -p none && "$here/$script.sh" none >/dev/null) && { echo "$script.sh passed an empty tree"; status=1; }
done
exit $status

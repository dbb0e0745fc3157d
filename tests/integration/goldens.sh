#!/bin/sh
# spoor decode against what telegraf and tcpdump made of the same datagrams, where the corpora are.
#   goldens.sh       runs at the project's root; $SPOOR_BUILD/bin/spoor is what is tested
corpora=../shared/data/corpora
[ -d $corpora ] || { echo "$corpora is absent: not compared with goldens"; exit 77; }
exec python3 tests/integration/goldens.py "${SPOOR_BUILD:-build/dev}/bin/spoor" $corpora

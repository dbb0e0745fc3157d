#!/usr/bin/env bash
# A beacon that polls through a stone: found by how its phase wanders, and told from others of its period;
# one that polls evenly, or keeps a schedule: said to be told from nobody.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT
here=tests/integration
base=1795320000

# polled SEED LATE: 40 polls, each 60 s after the answer to the one before, which takes 0.1 to 0.4 s.
polled() {
	python3 -c 'import random, sys
rng, late, at, spans = random.Random(sys.argv[1]), float(sys.argv[2]), 3, []
for i in range(40):
    took = rng.uniform(0.1, 0.4)
    spans.append(f"{at + late:.3f}-{at + late + took:.3f}")
    at += 60 + took
print(",".join(spans))' "$@"
}

# scheduled LATE: every minute, to 20 ms.
scheduled() {
	python3 -c 'import sys
late = float(sys.argv[1])
print(",".join(f"{60 * i + late + i % 3 / 50:.3f}-{60 * i + late + 0.5:.3f}" for i in range(40)))' "$@"
}

# even LATE: every 61.3 s, answered at once.
even() {
	python3 -c 'import sys
late = float(sys.argv[1])
print(",".join(f"{61.3 * i + late:.3f}-{61.3 * i + late + 0.02:.3f}" for i in range(40)))' "$@"
}

# driver 10.1.0.5 behind A -> stone 10.2.0.5 behind B -> victim 10.4.0.5 behind C; others poll, too.
python3 $here/capture.py "$dir/A.pcap" 10.255.0.1 $base <<END
10.1.0.5:1000 203.0.113.2:22 1 $(polled beacon 0)
198.51.100.1:7000 203.0.113.2:22 2 $(polled beacon 0.001)
10.1.0.6:1000 203.0.113.9:443 1 $(polled other 0)
10.1.0.7:1000 203.0.113.9:443 1 $(scheduled 7)
10.1.0.8:1000 203.0.113.9:443 1 0-1,$(even 40)
END
python3 $here/capture.py "$dir/B.pcap" 10.255.0.2 $base <<END
198.51.100.1:7000 203.0.113.2:22 2 $(polled beacon 0.02)
198.51.100.1:7000 10.2.0.5:22 1 $(polled beacon 0.021)
10.2.0.5:2000 198.51.100.4:22 1 $(polled beacon 0.05)
203.0.113.2:8000 198.51.100.4:22 2 $(polled beacon 0.051)
10.2.0.6:2000 198.51.100.9:443 1 $(polled another 0.04)
END
python3 $here/capture.py "$dir/C.pcap" 10.255.0.4 $base <<END
203.0.113.2:8000 198.51.100.4:22 2 $(polled beacon 0.08)
203.0.113.2:8000 10.4.0.5:22 1 $(polled beacon 0.081)
203.0.113.2:9000 10.4.0.7:22 1 $(scheduled 7.1)
203.0.113.2:9001 10.4.0.8:22 1 $(even 40.08)
END
captures_seen 15s A B C

check "the trace says that it polls" 0 "polls every" spoor_at C trace 10.4.0.5:22
check "and that this has found the others" 0 "[0-9] by polling" spoor_at C trace 10.4.0.5:22
spoor_at C trace 10.4.0.5:22 --json >"$dir/report"
check "the path leads to who polls, by polling" 0 \
	"^10.1.0.5:1000 polling, 10.2.0.5:2000 polling$" \
	of '", ".join(h["src"] + " " + h["by"] for h in r["path"] if h["by"])'
check "by matches that say so" 0 "^\['match by polling'\]$" \
	of 'sorted({m["verdict"] for m in r["matches"] if "match" in m["verdict"]})'
check "and to nobody else" 0 "^True$" of 'all(
	m["src"].split(":")[0] not in ("10.1.0.6", "10.2.0.6", "10.1.0.7") or "match" not in m["verdict"]
	for m in r["matches"])'
check "its period is told with its error" 0 "^free-running True True$" \
	of '" ".join(str(x) for x in (r["target"]["polling"]["kind"],
	abs(r["target"]["polling"]["period_s"] - 60.25) < 3 * r["target"]["polling"]["error_s"],
	r["target"]["polling"]["error_s"] < 0.05))'
check "a schedule tells nothing, and says so" 1 "schedule of whole seconds" \
	spoor_at C trace 10.4.0.7:22
spoor_at C trace 10.4.0.8:22 --json >"$dir/report"
check "one that polls evenly is told from nobody of its period" 0 "^held 1 0$" \
	of '"{} {} {}".format(r["target"]["polling"]["kind"], len(r["path"]), sum("match" in m["verdict"] for m in r["matches"]))'
check "and the trace says what would decide" 1 "It polls: others of its period" \
	spoor_at C trace 10.4.0.8:22

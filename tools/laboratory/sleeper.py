"""A chain that sleeps: HA works on HS1, leaves a job there and logs out; the job goes on to HV later.

The two connections share no moment and no rhythm: timing cannot tie them. HS1's kernel can.
"""
import json
import random
import time

from . import companion, enclosure, exporters, hosts, nodes, process, scenarios, topology
from .story import tell

IDLE_S, ACTIVE_S, TAIL_S = 1, 10, 8.0
LINES, PAUSE_S = 10, (3.1, 4.9)  # of work: 2 s above the timeout, softflowd's grain
TRACE = ("trace", "10.4.0.10:22", "--peer", scenarios.gateway("R2").wan)
PATH = ["10.1.0.10", "10.2.0.10", "10.4.0.10"]


def work(rng):
    """A shell's loop that answers now and then."""
    pauses = " ".join(f"{rng.uniform(*PAUSE_S):.2f}" for _ in range(LINES))
    return f"for pause in {pauses}; do date; sleep $pause; done"


class Run:
    def __init__(self, options, folder, sleep_s):
        self.options, self.folder, self.sleep_s = options, folder, sleep_s
        self.rng = random.Random(f"{options.seed}/sleeper")

    def play(self):
        topology.build()
        hosts.prepare()
        hosts.start([scenarios.host(name) for name in ("HA", "HS1", "HV")])
        self.nodes = nodes.Nodes(self.folder, IDLE_S, lambda: companion.prepare(self.folder))
        self.companion = companion.Companion(self.folder)
        if self.companion.trouble:
            raise enclosure.Refused(f"HS1 cannot tell of its processes: {self.companion.trouble}")
        exporters.build_shim()
        daemons = exporters.start(scenarios.GATEWAYS, IDLE_S, ACTIVE_S)
        self.attack()
        report = json.loads(self.ask("--json"))
        if not self.options.json:
            print(self.ask(), flush=True)
        exporters.stop(daemons)
        self.companion.stop()
        self.nodes.stop()
        return self.judge(report)

    def attack(self):
        first, second = work(self.rng), work(self.rng)
        job = f"sleep {self.sleep_s}; ssh HV '{second}; touch {enclosure.ROOM}/done'"
        enclosure.write(enclosure.ROOM + "/job", job)
        tell(f"HA works on HS1, and leaves a job that sleeps {self.sleep_s} s")
        session = process.start("HA", [
            "ssh", "HS1", f"{first}; setsid nohup sh {enclosure.ROOM}/job "
            ">/dev/null 2>&1 </dev/null &"])
        if session.wait(120) != 0:
            raise RuntimeError(f"ssh to HS1 ended with {session.returncode}")
        tell("HA has logged out")
        wait_for(enclosure.ROOM + "/done", self.sleep_s + 120)
        tell("the job on HS1 is done with HV")
        time.sleep(TAIL_S)

    def ask(self, *options):
        return self.nodes.spoor(nodes.ASKED, "--socket",
                                nodes.home(nodes.ASKED) + "/spoord.sock", *TRACE, *options)

    def judge(self, report):
        path = [hop["src"].rpartition(":")[0] for hop in report["path"]]
        path.append(report["path"][-1]["dst"].rpartition(":")[0])
        links = [(hop["link"], hop["timing"]) for hop in report["path"]]
        found = []
        if path != PATH:
            found.append(f"the path is {path}, and not {PATH}")
        if links != [("origin", "silent"), ("end", None)]:
            found.append(f"its links are {links}")
        if len(report["questions"]) != 2:
            found.append(f"{len(report['questions'])} questions were asked, and not 2")
        if self.options.json:
            print(json.dumps({"scenario": "sleeper", "seed": self.options.seed, "ok": not found,
                              "sleep_s": self.sleep_s, "wrong": found, "report": report}))
        else:
            print("\n".join(found) or f"the path is right: {' > '.join(path)}, by origin alone")
        return 1 if found else 0


def wait_for(path, patience_s):
    for _ in range(int(patience_s * 10)):
        try:
            enclosure.read(path)
            return
        except FileNotFoundError:
            time.sleep(0.1)
    raise RuntimeError("the job on HS1 did not come to its end")

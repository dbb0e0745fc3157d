"""A community of real nodes on a WAN that goes wrong, step by step; each step is judged."""
import json
import random
import threading
import time

from . import daemons, enclosure, flood, members, nodes, planted, scenarios, steps, verdict, weather
from .story import tell

DELAY = "delay=20ms,jitter=40ms"  # one way, of everything a node sends: 40 ms, 20 more or less
TRACED = (0, 1, 3)


class World:
    def __init__(self, scenario, options, folder, root):
        self.scenario, self.options = scenario, options
        self.rng = random.Random(f"{options.seed}/{scenario.name}")
        self.folder = folder
        self.recording = planted.recording(root)
        self.told = planted.truth_of(self.recording)
        self.daemons = daemons.Daemons(folder, DELAY)
        self.down, self.out = set(), set()  # names: not running; revoked
        self.claims = []
        self.step = self.tap = None

    def play(self):
        began = time.monotonic()
        self.set_up()
        for self.step, settings in self.scenario.steps:
            tell(f"step {self.step} {settings or ''}")
            getattr(steps, self.step)(self, **settings)
        self.step = "end"
        steps.end(self)
        return self.conclude(time.monotonic() - began)

    def set_up(self):
        tell(f"scenario {self.scenario.name}, seed {self.options.seed}: "
             f"{members.COUNT} namespaces behind one router")
        members.build()
        weather.begin()
        self.tap = flood.Tap()
        tell("keys, certificates and configurations")
        self.daemons.found()

    def plant(self):
        """Everybody's flows; by import, so that no exporter need run for it."""
        for m in members.MEMBERS:
            path = f"{self.recording}/{m.name}_v5.pcap.gz"
            if m.name not in members.CHAIN:
                path = daemons.home(m.name) + "/flows.pcap.gz"
                planted.write(path, m, self.told, self.options.seed)
            self.daemons.ask(m.name, "import", path)

    def names(self):
        """Those of whom an answer is due."""
        return [m.name for m in members.MEMBERS if m.name not in self.down | self.out]

    def trace(self, *options):
        began = time.monotonic()
        code, text = self.daemons.ask(members.ASKER, *nodes.TRACE, "--json", *options,
                                      codes=TRACED)
        return verdict.Trace(code, json.loads(text), time.monotonic() - began)

    def trace_while(self, act):
        """The trace during which act() was done."""
        found = []
        thread = threading.Thread(target=lambda: found.append(self.trace()), daemon=True)
        thread.start()
        act()
        thread.join()
        return found[0]

    def judge(self, what, trace, missing=()):
        wrong = verdict.faults(trace, self.told, missing)
        self.claim(what, not wrong, "; ".join(wrong) or told_of(trace), trace.measured())

    def claim(self, what, is_true, text, measured):
        self.claims.append({"step": self.step, "what": what, "ok": is_true, "said": text,
                            "measured": measured})
        if not self.options.json:
            print(f"{'ok' if is_true else 'FAILED':<7} {self.step:<10} {what}: {text}", flush=True)
        else:
            tell(f"{'ok' if is_true else 'FAILED'}: {what}: {text}")

    def conclude(self, took_s):
        is_right = all(claim["ok"] for claim in self.claims)
        if self.options.json:
            print(json.dumps({"scenario": self.scenario.name, "seed": self.options.seed,
                              "nodes": members.COUNT, "ok": is_right,
                              "took_s": round(took_s, 1), "claims": self.claims}))
        else:
            wrong = sum(not claim["ok"] for claim in self.claims)
            print(f"{len(self.claims)} claims, {wrong} failed, in {took_s:.0f} s")
        if not is_right and self.options.logs:
            self.write_logs(self.options.logs)
        return 0 if is_right else 1

    def write_logs(self, folder):
        for name, lines in self.daemons.said.items():
            text = "".join(f"{when:.3f} {line}\n" for when, line in lines)
            enclosure.write(f"{folder}/{name}.log", text)


def told_of(trace):
    coverage = trace.report["coverage"]
    missing = f", missing {' '.join(trace.missing)}" if trace.missing else ""
    return (f"{coverage['answered']} of {coverage['asked']} answered in {trace.took_s:.1f} s, "
            f"exit {trace.code}{missing}")

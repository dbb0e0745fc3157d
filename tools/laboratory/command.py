"""tools/lab: the command line and the life of one run."""
import argparse
import glob
import json
import os
import shutil
import signal
import sys
import threading
import time

from . import (background, community, companion, conntrack, enclosure, exporters, flows, hosts,
               human, nodes, quiet, recorder, scenarios, score, sleeper, story, topology, truth)
from .story import tell

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
# program, Debian package
NEEDED = (
    ("ip", "iproute2"), ("nft", "nftables"), ("softflowd", "softflowd"),
    ("sshd", "openssh-server"), ("ssh", "openssh-client"), ("unshare", "util-linux"),
    ("hostname", "hostname"), ("cc", "gcc"), ("bash", "bash"),
)
NEEDED_BY_COMMUNITY = (("ip", "iproute2"), ("nft", "nftables"), ("cc", "gcc"))


def main(arguments):
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    options = parser().parse_args(arguments)
    try:
        return options.act(options)
    except enclosure.Refused as refusal:
        print(f"lab: {refusal}", file=sys.stderr)
        return enclosure.SKIP
    except KeyboardInterrupt:  # before the run began
        return 130


def parser():
    top = argparse.ArgumentParser(
        prog="lab", description="The namespace laboratory of spoor; see docs/LABORATORY.md.")
    verbs = top.add_subparsers(required=True, metavar="COMMAND")
    verbs.add_parser("list", help="the scenarios, one line each").set_defaults(act=list_scenarios)
    run = verbs.add_parser("run", help="run a scenario (root)")
    run.add_argument("scenario", choices=[*scenarios.SCENARIOS, *scenarios.COMMUNITIES,
                                          *scenarios.SLEEPERS, scenarios.QUIET[0]])
    run.add_argument("--seed", type=int, default=1)
    run.add_argument("--record", metavar="DIR", help="write captures and truth.json there")
    run.add_argument("--json", action="store_true", help="one JSON object on stdout")
    run.add_argument("--no-nodes", action="store_true", help="exporters and recording only")
    run.add_argument("--logs", metavar="DIR",
                     help="of a community that failed: what each node said goes there")
    run.add_argument("--verbose", action="store_true",
                     help="tell what happens even when stderr is no terminal")
    run.set_defaults(act=run_scenario)
    check = verbs.add_parser("check", help="judge a recording by its own truth.json")
    check.add_argument("folder", metavar="DIR")
    check.add_argument("--json", action="store_true")
    check.set_defaults(act=check_recording)
    clean = verbs.add_parser("clean", help="end processes of a run whose lab was killed (root)")
    clean.set_defaults(act=clean_up)
    return top


def list_scenarios(_):
    tables = [*scenarios.SCENARIOS.values(), *scenarios.COMMUNITIES.values()]
    for name, about in [(s.name, s.about) for s in tables] + [
            (name, about) for name, (about, _) in scenarios.SLEEPERS.items()] + [scenarios.QUIET]:
        print(f"{name:<14} {about}")
    return 0


def run_scenario(options):
    need_root()
    is_community = options.scenario in scenarios.COMMUNITIES
    for program, package in NEEDED_BY_COMMUNITY if is_community else NEEDED:
        if not shutil.which(program):
            raise enclosure.Refused(f"{program} is missing; install the Debian package {package}")
    if options.verbose:
        story.loud = True
    for name in ("record", "logs"):
        if getattr(options, name):  # the run works elsewhere
            setattr(options, name, os.path.abspath(getattr(options, name)))
    if options.scenario == scenarios.QUIET[0]:
        return enclosure.run(lambda: run_quiet(options))
    folder = None if options.no_nodes else nodes.binaries(ROOT)
    if is_community:
        return enclosure.run(lambda: run_community(options, folder))
    if options.scenario in scenarios.SLEEPERS:
        sleep_s = scenarios.SLEEPERS[options.scenario][1]
        return enclosure.run(lambda: sleeper.Run(options, folder, sleep_s).play())
    return enclosure.run(lambda: Run(options, folder).play())


def need_root():
    if os.geteuid() != 0:
        raise enclosure.Refused("needs root: it makes network namespaces")


def run_community(options, folder):
    scenario = scenarios.COMMUNITIES[options.scenario]
    return community.World(scenario, options, folder, ROOT).play()


def run_quiet(options):
    result = quiet.run()
    print(json.dumps(result) if options.json else quiet.table(result))
    right = result["immediate"]["records_in_time"] == result["bursts"]
    return 0 if right else 1


class Run:
    """One run of a chain scenario, inside the enclosure."""

    def __init__(self, options, folder):
        self.options = options
        self.scenario = scenarios.SCENARIOS[options.scenario]
        self.folder = folder
        self.nodes = None
        self.companion = None
        self.trouble = None

    def play(self):
        began = time.time()
        self.set_up()
        chain_habits, others = self.perform()
        told_end = time.time()
        told = truth.tell_truth(self.scenario, self.options.seed,
                                list(self.watcher.connections.values()), began, told_end, others,
                                chain_habits)
        report = self.ask() if self.nodes else None
        exporters.stop(self.daemons)
        if self.nodes:
            self.companion.stop()
            self.nodes.stop()
        if self.options.record:
            write_recording(self.options.record, self.recorder, told)
        return self.judge(told, report)

    def set_up(self):
        tell(f"scenario {self.scenario.name}, seed {self.options.seed}: namespaces and NAT")
        topology.build()
        self.watcher = conntrack.Watcher(scenarios.GATEWAYS)
        tell(f"sshd on {len(scenarios.HOSTS)} hosts")
        hosts.prepare()
        hosts.start()
        self.recorder = recorder.Recorder(scenarios.GATEWAYS, collect=self.folder is None)
        if self.folder:
            tell("one spoord per exporting gateway")
            self.nodes = nodes.Nodes(self.folder, self.scenario.idle_s,
                                     lambda: companion.prepare(self.folder))
            self.companion = companion.Companion(self.folder)
            tell("HS1 tells of its processes" if not self.companion.trouble else
                 f"HS1 tells nothing of its processes: {self.companion.trouble}")
        tell("softflowd on both sides of R1, R2, R4 and R5; R3 exports nothing")
        exporters.build_shim()
        self.daemons = exporters.start(scenarios.GATEWAYS, self.scenario.idle_s,
                                       self.scenario.active_s)

    def perform(self):
        person = human.Person(self.options.seed, truth.CHAIN_ID, self.scenario.manner)
        plan = person.plan(self.scenario.typing_s)
        others = background.Background(self.scenario, self.options.seed)
        tell(f"{len(others.ok)} other sessions start")
        # The chain walks in its own thread, so that a signal reaches this one at once.
        walk = threading.Thread(target=self.walk, args=(person, plan), daemon=True)
        walk.start()
        while walk.is_alive():
            walk.join(0.2)
        if self.trouble:
            raise RuntimeError(f"the chain broke: {self.trouble}")
        others.finish()
        tell("all have logged out; the exporters end their flows")
        time.sleep(self.scenario.tail_s)
        return person.habits(), others

    def walk(self, person, plan):
        try:
            time.sleep(1.0)
            human.walk_chain(scenarios.CHAIN, person, plan, self.scenario)
        except (RuntimeError, OSError) as error:
            self.trouble = error

    def ask(self):
        tell(f"asking {nodes.ASKED}: spoor {' '.join(nodes.TRACE)}")
        report = self.nodes.report()
        if not self.options.json:
            print(self.nodes.trace(), flush=True)
        return report

    def judge(self, told, report):
        if report is None:
            summary = score.by_records(told, self.recorder.packets)
            title = "Jaccard of ON time with the victim's view (c1h3 at R4 LAN)"
        else:
            summary, title = score.by_report(told, report), "matches of the trace"
            summary["origin"] = self.companion.trouble or companion.judge(report)
            summary["origin_ok"] = None if self.companion.trouble else summary["origin"] == ""
        if self.options.json:
            print(json.dumps({"scenario": self.scenario.name, "seed": self.options.seed,
                              "truth": told, "score": summary, "report": report}))
        else:
            print(score.table(summary, title))
        return 0 if score.passed(summary) else 1


def write_recording(folder, kept, told):
    os.makedirs(folder, exist_ok=True)
    kept.write(folder)
    enclosure.write(folder + "/truth.json", truth.as_text(told))
    tell(f"recording in {folder}")


def check_recording(options):
    with open(options.folder + "/truth.json", encoding="utf-8") as file:
        told = json.load(file)
    packets = {os.path.basename(path).split("_")[0]: flows.packets_of(path)
               for path in sorted(glob.glob(options.folder + "/*_v5.pcap.gz"))}
    summary = score.by_records(told, packets)
    title = "Jaccard of ON time with the victim's view (c1h3 at R4 LAN)"
    print(json.dumps(summary) if options.json else score.table(summary, title))
    return 0 if score.passed(summary) else 1


def clean_up(_):
    need_root()
    found = enclosure.orphans()
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    print(f"ended {len(found)} processes" if found else "nothing is left of earlier runs")
    return 0

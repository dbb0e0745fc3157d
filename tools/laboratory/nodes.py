"""One spoord per exporting gateway, in that gateway's namespace."""
import json
import os
import subprocess
import threading

from . import enclosure, process, scenarios
from .enclosure import ROOM

COMMUNITY = ROOM + "/community"
READY_S = 15
TRACE = ["trace", "10.4.0.10:22", "--peer", "192.0.2.3"]
ASKED = "R4"
USABLE = (0, 1, 3)  # found, nothing found, some nodes silent: each prints a report


def binaries(root):
    folder = os.environ.get("SPOOR_BUILD") or os.path.join(root, "build/release")
    folder = os.path.join(os.path.abspath(folder), "bin")
    for name in ("spoord", "spoor"):
        if not os.access(os.path.join(folder, name), os.X_OK):
            raise enclosure.Refused(f"{folder}/{name} is not built; build first, set SPOOR_BUILD, "
                                    "or run with --no-nodes")
    return folder


class Nodes:
    def __init__(self, folder, idle_s, before_start=lambda: None):
        self.folder = folder
        self.processes = {}
        os.makedirs(home(""), mode=0o700)
        gateways = [g for g in scenarios.GATEWAYS if g.exporter]
        self.spoor(gateways[0].name, "init", "--community", COMMUNITY, "--name", "laboratory")
        for gateway in gateways:
            self.init(gateway, gateways[0], idle_s)
        before_start()
        for gateway in gateways:
            self.start(gateway.name)

    def init(self, gateway, first, idle_s):
        argv = ["init", home(gateway.name), "--name", gateway.name,
                "--org", scenarios.ORGANISATIONS[gateway.name],
                "--sign", COMMUNITY + "/root.key", "--listen", f"{gateway.wan}:7667",
                "--export", f"{gateway.management}:2055", "--idle-timeout", f"{idle_s}s"]
        if gateway is not first:
            argv += ["--bootstrap", f"{first.wan}:7667"]
        self.spoor(gateway.name, *argv)

    def start(self, name):
        node = process.start(name, [self.folder + "/spoord", "--config",
                                    home(name) + "/spoord.yaml"], stderr=subprocess.PIPE, text=True)
        self.processes[name] = node
        ready, said = threading.Event(), []
        threading.Thread(target=listen, args=(node, ready, said), daemon=True).start()
        if not ready.wait(READY_S) or node.poll() is not None:
            raise RuntimeError(f"spoord of {name} is not ready: {' | '.join(said[-3:])}")

    def spoor(self, name, *arguments):
        done = subprocess.run(process.argv_in(name, [self.folder + "/spoor", *arguments]),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        usable = USABLE if "trace" in arguments else (0,)
        if done.returncode not in usable:
            raise RuntimeError(f"spoor {' '.join(arguments)} at {name}: exit {done.returncode}: "
                               f"{done.stderr.strip()}")
        return done.stdout

    def trace(self, *options):
        return self.spoor(ASKED, "--socket", home(ASKED) + "/spoord.sock", *TRACE, *options)

    def report(self):
        return json.loads(self.trace("--json"))

    def stop(self):
        for node in self.processes.values():
            process.stop(node, grace_s=5)


def listen(node, ready, said):
    for line in node.stderr:
        said.append(line.strip())
        del said[:-20]
        if "ready" in line:
            ready.set()
    ready.set()  # it ended; whoever waits looks at poll()


def home(name):
    return f"{ROOM}/node/{name}"

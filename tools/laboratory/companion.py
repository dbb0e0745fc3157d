"""A spoord with role host on HS1: what its kernel says of processes, asked by R2's node.

One kernel carries all of the laboratory's hosts, so its provider sees every host's processes; HS1's
node answers for HS1's address alone.
"""
import os
import subprocess
import threading

from . import enclosure, nodes, process, scenarios
from .enclosure import ROOM

HOST = scenarios.host("HS1")
GATEWAY = scenarios.gateway(HOST.gateway)
ROOT_KEY = ROOM + "/hosts"
LISTEN = f"{GATEWAY.router}:7669"
PROVIDER = "bpf-minimal"
READY_S = 20
CONFIG = f"""
role: host
roots: [{ROOT_KEY}.pub, {nodes.COMMUNITY}/root.pub]
gateway:
  address: {LISTEN}
  certificate: {nodes.home(GATEWAY.name)}/member.cert
origin:
  provider: {PROVIDER}
store: {{path: log, map_size: 64MiB}}
policy: {{origin: full}}
"""


def prepare(folder):
    """Enrols HS1, and tells R2's node of its hosts, before that starts."""
    room = nodes.home(HOST.name)
    os.makedirs(room, mode=0o700)
    spoor(folder, "keygen", "root", ROOT_KEY)
    spoor(folder, "keygen", "identity", room + "/identity.key")
    spoor(folder, "member", "request", "--identity", room + "/identity.key", "--name", HOST.name,
          "--org", scenarios.ORGANISATIONS[GATEWAY.name], "--prefix",
          scenarios.lan_address(HOST) + "/32", "-o", room + "/request")
    spoor(folder, "member", "issue", room + "/request", "--sign", ROOT_KEY, "--role", "host",
          "-o", room + "/member.cert")
    enclosure.write(room + "/spoord.yaml", CONFIG)
    config = nodes.home(GATEWAY.name) + "/spoord.yaml"
    text = enclosure.read(config).replace("policy:\n", "policy:\n  origin: full\n")
    enclosure.write(config, f"{text}hosts:\n  listen: {LISTEN}\n  roots: [{ROOT_KEY}.pub]\n")


def spoor(folder, *arguments):
    subprocess.run([folder + "/spoor", *arguments], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)


class Companion:
    """`trouble` says why it does not run here; then nothing is asked of it."""

    def __init__(self, folder):
        self.process = process.start(HOST.name, [folder + "/spoord", "--config",
                                                 nodes.home(HOST.name) + "/spoord.yaml"],
                                     stderr=subprocess.PIPE, text=True)
        said, settled = [], threading.Event()
        threading.Thread(target=self.listen, args=(said, settled), daemon=True).start()
        settled.wait(READY_S)
        connected = any("connected to" in line for line in said)
        self.trouble = None if connected else " | ".join(said[-3:])

    def listen(self, said, settled):
        for line in self.process.stderr:
            said.append(line.strip())
            if "connected to" in line:
                settled.set()
        settled.set()  # it ended

    def stop(self):
        process.stop(self.process, grace_s=5)


def judge(report):
    """What is wrong with what HS1 says of its connection to the next host; "": nothing."""
    came_from = scenarios.gateway("R1").wan
    said = [m["origin"] for m in report["matches"]
            if m["origin"] and m["origin"].get("end") == "src" and m["hop"]]
    if not said:
        return "HS1 says nothing of the connection it opened"
    if not said[0]["verified"]:
        return f"what it says does not verify: {said[0]['error']}"
    record = said[0]["record"]
    source = record["origin"] if "src" in record["origin"] else record["last"]
    if not source.get("src", "").startswith(came_from + ":"):
        return f"it names {source.get('src')}, and not {came_from}"
    links = [(hop["link"], hop["timing"]) for hop in report["path"]]
    if ("origin", "agrees") not in links:
        return f"no link by origin with which timing agrees: {links}"
    health = said[0]["health"]
    if health["canaries"] > health["canaries_seen"] + 1:
        return f"its kernel saw {health['canaries_seen']} of {health['canaries']} test connections"
    return ""

"""softflowd: one process per interface of a gateway, both exporting from its management address."""
import os
import subprocess
import time

from . import enclosure, process

SHIM = enclosure.ROOM + "/immediate.so"
PORT = 2055
INTERFACES = {"lan0": 1, "wan0": 2}


def timeouts(idle_s, active_s):
    return [f"tcp={idle_s}", f"udp={idle_s}", f"icmp={idle_s}", f"general={idle_s}",
            "tcp.rst=2", "tcp.fin=2", f"maxlife={active_s}", "expint=1"]


def build_shim():
    source = os.path.join(os.path.dirname(os.path.realpath(__file__)), "immediate.c")
    done = subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-shared", "-fPIC",
                           "-o", SHIM, source, "-ldl"], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"cc {source}: {done.stderr.strip()}")


def command(interface, index, collector, settings, tag):
    argv = ["softflowd", "-d", "-i", f"{index}:{interface}", "-v", "5", "-s", "1",
            "-n", collector, "-p", f"{enclosure.ROOM}/{tag}.pid", "-c", "none"]
    for setting in settings:
        argv += ["-t", setting]
    return argv


def start_one(namespace, argv, immediate=True):
    environment = dict(os.environ, LD_PRELOAD=SHIM) if immediate else None
    before = packet_sockets(namespace)
    daemon = process.start(namespace, argv, env=environment)
    for _ in range(100):
        if packet_sockets(namespace) > before:
            return daemon
        if daemon.poll() is not None:
            break
        time.sleep(0.03)
    raise RuntimeError(f"softflowd of {namespace} does not capture")


def packet_sockets(namespace):
    with enclosure.inside(namespace):
        return len(enclosure.read("/proc/thread-self/net/packet").splitlines())


def start(gateways, idle_s, active_s):
    settings = timeouts(idle_s, active_s)
    daemons = []
    for gateway in (g for g in gateways if g.exporter):
        for interface, index in INTERFACES.items():
            argv = command(interface, index, f"{gateway.management}:{PORT}", settings,
                           f"{gateway.name}_{interface}")
            daemons.append(start_one(gateway.name, argv))
    return daemons


def stop(daemons):
    """Asked to end, softflowd exports what it still holds."""
    for daemon in daemons:
        daemon.terminate()
    for daemon in daemons:
        process.stop(daemon)
    time.sleep(0.2)

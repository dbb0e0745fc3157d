"""Real exporters before one node; see exporters.sh.

exporters.py NET DIR               runs all of them; DIR/theirs.ADDRESS is what nfdump read of one's datagrams
exporters.py OURS THEIRS compare   spoor's rows of one against those
exporters.py OURS OTHERS twice     spoor's rows of one count twice what spoor's rows of another do
"""
import collections
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

RELAY_PORT, SENDER_PORT = 9000, 9001
SETTLE_S = 8  # until every cache has expired what there was

HOST = """
import random, socket, sys, time
role, seed = sys.argv[1], random.Random(7)
plan = [(seed.randrange(200, 60000), seed.randrange(200, 200000)) for _ in range(40)]
if role == "server":
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("10.77.0.2", 5300))
    tcp = socket.create_server(("10.77.0.2", 2200))
    print("ready", flush=True)
    for sent, back in plan:
        peer, _ = tcp.accept()
        left = sent
        while left > 0:
            left -= len(peer.recv(min(left, 65536)))
        peer.sendall(bytes(back))
        peer.recv(1)
        peer.close()
    while True:
        data, peer = udp.recvfrom(2048)
        udp.sendto(data[:len(data) // 2], peer)
else:
    for number, (sent, back) in enumerate(plan):
        time.sleep(4 if number % 10 == 9 else 0)  # so that caches expire several times
        with socket.create_connection(("10.77.0.2", 2200)) as s:
            s.sendall(bytes(sent))
            while back > 0:
                back -= len(s.recv(65536))
    for i in range(12):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(2)
            for size in range(40, 400, 40 + i):
                s.sendto(bytes(size), ("10.77.0.2", 5300))
                s.recv(2048)
"""


def run(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def no_offload(device, namespace=None):
    """Whole checksums and segments of wire size: the switch takes packets as they are."""
    if namespace:
        run("ip", "netns", "exec", namespace, sys.executable, __file__, device, "", "offload")
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for command in (0x17, 0x1F, 0x24, 0x2C):  # tx checksums, TSO, GSO, GRO (linux/ethtool.h)
            value = struct.pack("II", command, 0)
            room = bytearray(value)
            pointer = (memoryview(room), struct.pack("16sP", device.encode(), _address(room)))
            try:
                fcntl.ioctl(s, 0x8946, pointer[1])
            except OSError:
                pass  # one that this device has not


def _address(room):
    import ctypes
    return ctypes.addressof((ctypes.c_char * len(room)).from_buffer(room))


def make_hosts():
    for name, address, near, far in (("left", "10.77.0.1", "port1", "host1"),
                                     ("right", "10.77.0.2", "port2", "host2")):
        run("ip", "netns", "add", name)
        run("ip", "link", "add", near, "type", "veth", "peer", "name", far)
        run("ip", "link", "set", far, "netns", name)
        for namespace, device in (([], near), (["ip", "netns", "exec", name], far)):
            subprocess.run([*namespace, "sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1"],
                           check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run("ip", "link", "set", near, "up")
        run("ip", "-n", name, "address", "add", address + "/24", "dev", far)
        run("ip", "-n", name, "link", "set", far, "up")
        no_offload(near)
        no_offload(far, name)


class Switch:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder)
        self.socket = f"unix:{folder}/db.sock"
        os.environ.update(OVS_RUNDIR=folder, OVS_LOGDIR=folder, OVS_DBDIR=folder, OVS_SYSCONFDIR=folder)
        run("ovsdb-tool", "create", folder + "/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        self.daemons = [self.start("ovsdb-server", folder + "/conf.db", f"--remote=p{self.socket}")]
        self.wait_for(folder + "/db.sock")
        self.vsctl("--no-wait", "init")
        self.daemons.append(self.start("ovs-vswitchd", self.socket))
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "--",
                   "add-port", "br0", "port1", "--", "add-port", "br0", "port2")
        self.vsctl("set", "Open_vSwitch", ".", "other_config:max-idle=1000")

    def start(self, program, *arguments):
        return subprocess.Popen([program, *arguments, f"--unixctl={self.folder}/{program}.ctl"],
                                stdout=subprocess.DEVNULL,
                                stderr=open(f"{self.folder}/{program}.err", "w", encoding="utf-8"))

    def wait_for(self, path):
        for _ in range(100):
            if os.path.exists(path):
                return
            time.sleep(0.1)
        raise RuntimeError(f"{path} does not appear")

    def vsctl(self, *arguments):
        run("ovs-vsctl", f"--db={self.socket}", "--timeout=20", *arguments)

    def export(self, column, table, target, *settings):
        self.vsctl("--", f"--id=@{column}", "create", table, f'targets="{target}"', *settings, "--",
                   "set", "bridge", "br0", f"{column}=@{column}")

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.terminate()
            daemon.wait(20)


class Relay(threading.Thread):
    """Each exporter's datagrams, from an address of its own, to the node and to its own collector."""

    def __init__(self, node, routes):
        super().__init__(daemon=True)
        self.counts = collections.Counter()
        self.routes = {}
        for address, collector in routes.items():
            inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            inside.bind((address, RELAY_PORT))
            outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            outside.bind((address, SENDER_PORT))
            self.routes[inside] = (address, outside, (node, collector))

    def run(self):
        while True:
            for inside in select.select(list(self.routes), [], [])[0]:
                address, outside, targets = self.routes[inside]
                data = inside.recv(65536)
                self.counts[address] += 1
                for target in targets:
                    outside.sendto(data, target)


def softflowd(version, target, folder, number):
    timeouts = "tcp=2 udp=2 icmp=2 general=2 tcp.rst=2 tcp.fin=2 maxlife=60 expint=1".split()
    argv = ["softflowd", "-d", "-i", "1:port1", "-v", version, "-n", target, "-c", "none", "-A", "milli",
            "-p", f"{folder}/softflowd{number}.pid"]
    return subprocess.Popen(argv + [word for t in timeouts for word in ("-t", t)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def pmacctd(version, target, folder, number):
    path = f"{folder}/pmacctd{number}.conf"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""daemonize: false
pcap_interface: port2
plugins: nfprobe
nfprobe_receiver: {target}
nfprobe_version: {version}
nfprobe_timeouts: tcp=2:tcp.rst=2:tcp.fin=2:udp=2:icmp=2:general=2:maxlife=60:expint=1
aggregate: src_host, dst_host, src_port, dst_port, proto, tos
plugin_pipe_size: 10240000
plugin_buffer_size: 10240
""")
    return subprocess.Popen(["pmacctd", "-f", path], stdout=subprocess.DEVNULL,
                            stderr=open(path + ".err", "w", encoding="utf-8"), start_new_session=True)


PLAN = (  # what people call it, the program it needs, its collector
    ("Open vSwitch NetFlow v5", "ovs-vswitchd", "nfcapd"),
    ("Open vSwitch IPFIX", "ovs-vswitchd", "nfcapd"),
    ("Open vSwitch sFlow", "ovs-vswitchd", "sfcapd"),
    ("softflowd NetFlow v5", "softflowd", "nfcapd"),
    ("softflowd NetFlow v9", "softflowd", "nfcapd"),
    ("softflowd IPFIX", "softflowd", "nfcapd"),
    ("pmacctd NetFlow v9", "pmacctd", "nfcapd"),
    ("pmacctd IPFIX", "pmacctd", "nfcapd"),
)


def start_exporter(number, name, target, switch, folder):
    if name == "Open vSwitch NetFlow v5":
        switch.export("netflow", "NetFlow", target, "active_timeout=60")
    elif name == "Open vSwitch IPFIX":
        switch.export("ipfix", "IPFIX", target, "sampling=1", "cache_active_timeout=2",
                      "cache_max_flows=4096")
    elif name == "Open vSwitch sFlow":
        switch.export("sflow", "sFlow", target, "agent=lo", "header=128", "sampling=1", "polling=2")
    elif name.startswith("softflowd"):
        return softflowd({"v5": "5", "v9": "9", "IPFIX": "10"}[name.split()[-1]], target, folder, number)
    else:
        return pmacctd({"v9": "9", "IPFIX": "10"}[name.split()[-1]], target, folder, number)
    return None


def collect(program, folder, port):
    os.makedirs(folder)
    return subprocess.Popen([program, "-w", folder, "-b", "127.0.0.1", "-p", str(port), "-t", "3600"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def host(namespace, role, **kwargs):
    return subprocess.Popen(["ip", "netns", "exec", namespace, sys.executable, "-c", HOST, role], **kwargs)


def read_nfdump(folder):
    """Rows of the comparison: src dst proto packets bytes."""
    out = subprocess.run(["nfdump", "-R", folder, "-q", "-N", "-o", "fmt:%sap %dap %pr %pkt %byt"],
                         capture_output=True, text=True, check=True, env=dict(os.environ, TZ="UTC"))
    for line in out.stdout.splitlines():
        words = line.split()
        if len(words) == 5:
            yield [*words[:2], *map(int, words[2:])]


def run_all(net, folder):
    make_hosts()
    switch = Switch(folder + "/ovs")
    plan = [(i, *row) for i, row in enumerate(PLAN) if shutil.which(row[1]) and shutil.which(row[2])]
    addresses = {i: f"{net}.{50 + i}" for i, *_ in plan}
    collectors = [collect(program, f"{folder}/nf{i}", 20000 + i) for i, _, _, program in plan]
    relay = Relay((f"{net}.1", 2055), {addresses[i]: ("127.0.0.1", 20000 + i) for i in addresses})
    relay.start()
    time.sleep(1)
    daemons = [start_exporter(i, name, f"{addresses[i]}:{RELAY_PORT}", switch, folder)
               for i, name, _, _ in plan]
    time.sleep(2)
    server = host("right", "server", stdout=subprocess.PIPE)
    server.stdout.readline()
    host("left", "client").wait(120)
    time.sleep(SETTLE_S)
    for daemon in filter(None, daemons):
        daemon.send_signal(signal.SIGINT if daemon.args[0] == "pmacctd" else signal.SIGTERM)
        daemon.wait(20)
    switch.stop()
    server.kill()
    time.sleep(2)
    for collector in collectors:
        collector.terminate()
        collector.wait(20)
    for i, name, _, _ in plan:
        with open(f"{folder}/theirs.{addresses[i]}", "w", encoding="utf-8") as file:
            json.dump(list(read_nfdump(f"{folder}/nf{i}")), file)
        with open(f"{folder}/name.{addresses[i]}", "w", encoding="utf-8") as file:
            file.write(f"{name}, {relay.counts[addresses[i]]} datagrams")


def read_spoor(path):
    with open(path, encoding="utf-8") as file:
        for flow in map(json.loads, file):
            yield (f"{flow['src']}:{flow['src_port']}", f"{flow['dst']}:{flow['dst_port']}", flow["proto"],
                   flow["packets"], flow["bytes"])


def totals(rows):
    sums = collections.Counter()
    for *ends, packets, octets in rows:
        sums[*ends, "packets"] += packets
        sums[*ends, "octets"] += octets
    return sums


def compare_twice(ours, theirs):
    """Open vSwitch tells each packet where it comes in and where it goes out: twice what another counted."""
    got, wanted = totals(read_spoor(ours)), totals(read_spoor(theirs))
    wrong = [key for key in got | wanted if got[key] != 2 * wanted[key]]
    print("wrong:" if wrong else "records agree", *wrong[:5])
    return 1 if wrong or not got else 0


def compare(ours, theirs):
    with open(theirs, encoding="utf-8") as file: # what is no IP packet nfdump shows as one of nobody
        wanted = collections.Counter(row for row in map(tuple, json.load(file)) if row[0] != "0.0.0.0:0")
    got = collections.Counter(read_spoor(ours))
    counts = [(sum(c.values()), sum(k[3] * n for k, n in c.items()), sum(k[4] * n for k, n in c.items()))
              for c in (got, wanted)]
    print("%d records, %d packets, %d octets; nfdump %d, %d, %d" % (*counts[0], *counts[1]))
    if got != wanted or not got:
        print("spoor alone:", *list((got - wanted).items())[:5], "nfdump alone:",
              *list((wanted - got).items())[:5], sep="\n  ")
        return 1
    print("records agree")
    return 0


if sys.argv[3:] == ["compare"]:
    sys.exit(compare(*sys.argv[1:3]))
elif sys.argv[3:] == ["twice"]:
    sys.exit(compare_twice(*sys.argv[1:3]))
elif sys.argv[3:] == ["offload"]:
    no_offload(sys.argv[1])
else:
    run_all(*sys.argv[1:])

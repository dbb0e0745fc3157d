"""How late are packets on a quiet link? softflowd and a libpcap reader, stock and immediate."""
import ctypes
import select
import socket
import statistics
import threading
import time

from . import enclosure, exporters, flows, topology
from .story import tell

HERE, THERE = "quiet", "other"
BURSTS, KEYS, KEY_GAP_S, SILENCE_S = 8, 8, 0.2, 6.0
IDLE_S, ACTIVE_S = 3, 30
PORTS = {"stock": 2055, "immediate": 2056}
KEY_PORT, FILL_PORT, SINK_PORT = 40000, 40001, 9
FILL_MOST = 50000
ERRBUF = 256


class Header(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("micros", ctypes.c_long),
                ("caplen", ctypes.c_uint32), ("len", ctypes.c_uint32)]


def build():
    topology.add_namespace(HERE)
    topology.add_namespace(THERE)
    topology.ip("-n", HERE, lines=[
        f"link add eth0 type veth peer name eth0 netns {THERE}",
        "addr add 10.9.0.1/24 dev eth0", "link set eth0 up"])
    topology.ip("-n", THERE, lines=["addr add 10.9.0.2/24 dev eth0", "link set eth0 up"])


class Probe:
    """Opens a capture as softflowd does (timeout 0) and notes how late each packet comes."""

    def __init__(self, immediate):
        self.delays = []  # of the key packets
        self.woken = threading.Event()
        self.pcap = ctypes.CDLL("libpcap.so.0.8")
        self.pcap.pcap_create.restype = ctypes.c_void_p
        error = ctypes.create_string_buffer(ERRBUF)
        handle = ctypes.c_void_p(self.pcap.pcap_create(b"eth0", error))
        for setting, value in (("snaplen", 96), ("promisc", 1), ("timeout", 0)):
            getattr(self.pcap, f"pcap_set_{setting}")(handle, value)
        if immediate:
            self.pcap.pcap_set_immediate_mode(handle, 1)
        if self.pcap.pcap_activate(handle) < 0:
            raise RuntimeError("cannot capture")
        self.handle = handle
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        header, data = ctypes.POINTER(Header)(), ctypes.c_void_p()
        poll = select.poll()
        poll.register(self.pcap.pcap_get_selectable_fd(self.handle), select.POLLIN)
        while True:
            poll.poll()
            if self.pcap.pcap_next_ex(self.handle, ctypes.byref(header), ctypes.byref(data)) == 1:
                now, stamp = time.time(), header.contents
                self.woken.set()
                if source_port(ctypes.string_at(data, stamp.caplen)) == KEY_PORT:
                    self.delays.append(now - stamp.seconds - stamp.micros / 1e6)


def source_port(frame):
    """Of a UDP packet in an Ethernet frame; 0 for everything else."""
    is_udp = len(frame) >= 38 and frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_UDP
    return int.from_bytes(frame[34:36], "big") if is_udp else 0


class Collector:
    def __init__(self, port):
        self.records = []  # (receive time, first, last)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            payload = self.socket.recv(65535)
            now = time.time()
            for record in flows.datagram_records(payload):
                if record[1] == KEY_PORT:
                    self.records.append((now, record[6], record[7]))


def run():
    build()
    exporters.build_shim()
    with enclosure.inside(HERE):
        collectors = {name: Collector(port) for name, port in PORTS.items()}
        probes = {name: Probe(name == "immediate") for name in PORTS}
        drain = bound("10.9.0.1", SINK_PORT)  # without it every key would be answered by ICMP
    daemons = []
    for name, port in PORTS.items():
        argv = exporters.command("eth0", 1, f"127.0.0.1:{port}",
                                 exporters.timeouts(IDLE_S, ACTIVE_S), name)
        daemons.append(exporters.start_one(HERE, argv, immediate=name == "immediate"))
    send_bursts()
    time.sleep(SILENCE_S)
    arrived = {name: list(collector.records) for name, collector in collectors.items()}
    filled = fill(probes["stock"])
    time.sleep(1)
    exporters.stop(daemons)
    drain.close()
    return {"scenario": "quiet", "bursts": BURSTS, "packets": BURSTS * KEYS,
            "silence_s": SILENCE_S, "idle_timeout_s": IDLE_S, "packets_to_fill_a_block": filled,
            **{name: measure(probes[name], arrived[name], collectors[name]) for name in PORTS}}


def bound(address, port):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, port))
    return made


def fill(probe):
    """Sends until the stock reader gets its first block; how many packets that takes in all."""
    with enclosure.inside(THERE):
        sender = bound("10.9.0.2", FILL_PORT)
    for number in range(FILL_MOST):
        if probe.woken.is_set():
            return BURSTS * KEYS + number
        sender.sendto(b"key", ("10.9.0.1", SINK_PORT))
        time.sleep(0.0005)
    return None


def send_bursts():
    with enclosure.inside(THERE):
        sender = bound("10.9.0.2", KEY_PORT)
    for number in range(BURSTS):
        tell(f"burst {number + 1} of {BURSTS}")
        for _ in range(KEYS):
            sender.sendto(b"key", ("10.9.0.1", SINK_PORT))
            time.sleep(KEY_GAP_S)
        if number + 1 < BURSTS:
            time.sleep(SILENCE_S)


def measure(probe, in_time, collector):
    late = [received - last for received, _, last in collector.records]
    lengths = [last - first for _, first, last in collector.records]
    return {"packets_read": len(probe.delays), "packet_delay_s": spread(probe.delays),
            "records_in_time": len(in_time), "records_in_all": len(collector.records),
            "record_length_s": spread(lengths), "export_after_last_packet_s": spread(late)}


def spread(values):
    if not values:
        return None
    return {"min": round(min(values), 5), "median": round(statistics.median(values), 5),
            "max": round(max(values), 5)}


ROWS = (
    ("packets read by a libpcap reader", "packets_read"),
    ("  delay of a packet, s", "packet_delay_s"),
    ("records exported while it was quiet", "records_in_time"),
    ("records exported in all", "records_in_all"),
    ("  length of a record, s", "record_length_s"),
    ("  export after the last packet, s", "export_after_last_packet_s"),
)


def table(result):
    lines = [f"{result['packets']} packets in {BURSTS} bursts of {KEYS * KEY_GAP_S:g} s, silences "
             f"of {SILENCE_S:g} s, idle timeout {IDLE_S} s: right is {BURSTS} records of "
             f"{(KEYS - 1) * KEY_GAP_S:g} s.",
             f"A block of the ring was full after {result['packets_to_fill_a_block']} packets.", "",
             f"{'':<38}" + "".join(f"{name:<32}" for name in PORTS).rstrip()]
    for title, key in ROWS:
        lines.append(f"{title:<38}" + "".join(f"{text(result[name][key]):<32}"
                                              for name in PORTS).rstrip())
    lines.append("(spreads are: least / median / most)")
    return "\n".join(lines)


def text(value):
    if isinstance(value, dict):
        return f"{value['min']:.4g} / {value['median']:.4g} / {value['max']:.4g}"
    return "-" if value is None else str(value)

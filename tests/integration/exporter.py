"""A NetFlow v5 exporter for tests: whole flows of made-up connections, by UDP or into a capture.

exporter.py --flows N [--to ADDR:PORT [--rate DATAGRAMS-PER-S]] [--pcap FILE] [--seed S]
"""
import argparse
import random
import socket
import struct
import time


def record(rng, uptime):
    end = uptime - rng.randrange(1000)
    start = max(0, end - rng.randrange(60000))
    return struct.pack(
        ">4s4s4sHHIIIIHHBBBBHHBBH",
        bytes([10, 9, rng.randrange(256), rng.randrange(1, 255)]),
        bytes([192, 0, 2, rng.randrange(1, 255)]), bytes(4), 1, 2, rng.randrange(1, 1000),
        rng.randrange(40, 1000000), start, end, rng.randrange(1024, 65536), 443, 0, 0x1b, 6, 0,
        0, 0, 0, 0, 0)


def datagrams(flows, seed):
    """Yields (seconds, payload); a datagram of 30 flows each 10 ms."""
    rng, sequence, now = random.Random(seed), 0, time.time() - 3600
    while sequence < flows:
        count = min(30, flows - sequence)
        uptime = 100000 + sequence
        payload = struct.pack(">HHIIIIBBH", 5, count, uptime, int(now),
                              int(now % 1 * 1e9), sequence, 0, 0, 0)
        yield now, payload + b"".join(record(rng, uptime) for _ in range(count))
        sequence += count
        now += 0.01


def ip_packet(payload):
    udp = struct.pack(">HHHH", 40000, 2055, 8 + len(payload), 0) + payload
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                       bytes([192, 0, 2, 254]), bytes([192, 0, 2, 253])) + udp


def write_pcap(name, stream):
    with open(name, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for seconds, payload in stream:
            packet = ip_packet(payload)
            f.write(struct.pack("<IIII", int(seconds), int(seconds % 1 * 1e6), len(packet),
                                len(packet)) + packet)


def send(to, rate, stream):
    host, port = to.rsplit(":", 1)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    began = time.monotonic()
    for i, (_, payload) in enumerate(stream):
        s.sendto(payload, (host, int(port)))
        ahead = i / rate - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--flows", type=int, required=True)
    p.add_argument("--to")
    p.add_argument("--rate", type=float, default=2000)
    p.add_argument("--pcap")
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    if a.pcap:
        write_pcap(a.pcap, datagrams(a.flows, a.seed))
    if a.to:
        send(a.to, a.rate, datagrams(a.flows, a.seed))


main()

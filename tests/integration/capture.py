#!/usr/bin/env python3
"""Writes a capture of NetFlow v5 about made-up connections.

    capture.py FILE EXPORTER BASE < CONNECTIONS

One connection a line: SRC:PORT DST:PORT INTERFACE START-END[,START-END...]; the numbers are seconds
after BASE, which is seconds since 1970. Each interval becomes a flow each way; one with a ! behind it
ends the connection, one with :OCTETS has so many, and a fiftieth of them in answer (else 900).
"""
import ipaddress
import struct
import sys

UP_BEFORE = 1000  # seconds that the exporter is up at BASE


def end(text):
    host, port = text.rsplit(":", 1)
    return ipaddress.ip_address(host).packed, int(port)


def flows(lines):
    for line in lines:
        src, dst, interface, spans = line.split()
        for span in spans.split(","):
            times, _, octets = span.rstrip("!").partition(":")
            start, stop = (float(t) for t in times.split("-"))
            flags = 0x19 if span.endswith("!") else 0x18
            sent = int(octets or 900)
            ways = ((end(src), end(dst), sent), (end(dst), end(src), sent // 50 if octets else sent))
            for (a, p), (b, q), carried in ways:
                yield stop, struct.pack(
                    ">4s4s4sHHIIIIHHBBBBHHBBH", a, b, bytes(4), int(interface), int(interface), 9,
                    carried, int((UP_BEFORE + start) * 1000), int((UP_BEFORE + stop) * 1000), p, q, 0,
                    flags, 6, 0, 0, 0, 0, 0, 0)


def packet(exporter, payload):
    udp = struct.pack(">HHHH", 40000, 2055, 8 + len(payload), 0) + payload
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                       ipaddress.ip_address(exporter).packed, bytes([192, 0, 2, 253])) + udp


def main():
    path, exporter, base = sys.argv[1], sys.argv[2], float(sys.argv[3])
    rows = sorted(flows(sys.stdin))
    sequence, out = 0, struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)
    for at in range(0, len(rows), 30):
        some = rows[at:at + 30]
        now = base + some[-1][0] + 1
        payload = struct.pack(">HHIIIIBBH", 5, len(some), int((UP_BEFORE + some[-1][0] + 1) * 1000),
                              int(now), int(now % 1 * 1e9), sequence, 0, 0, 0)
        data = packet(exporter, payload + b"".join(row for _, row in some))
        out += struct.pack("<IIII", int(now), 0, len(data), len(data)) + data
        sequence += len(some)
    with open(path, "wb") as file:
        file.write(out)


main()

#!/usr/bin/env python3
"""Writes records of a kernel companion (origin/uapi/origin.h) as origin/record.h packs them.

    record.py FILE KIND SRC DST TIME [origin=SRC,DST,TIME] [pid=N] [comm=NAME] [uid=N] [type=N]

Appends one record of a TCP connection to FILE. Times are seconds since 1970.
"""
import ipaddress
import struct
import sys

KINDS = {"accept": 3, "login": 4, "connect": 5, "exit": 10}
IN, OUT = 1, 2


def end(text):
    host, port = text.rsplit(":", 1)
    address = ipaddress.ip_address(host.strip("[]"))
    if address.version == 4:
        address = ipaddress.ip_address("::ffff:" + str(address))
    return address.packed, int(port)


def flow(src, dst, direction):
    (saddr, sport), (daddr, dport) = end(src), end(dst)
    return struct.pack("<16s16sHHBBHII", saddr, daddr, sport, dport, 6, direction, 0, 1, 1)


def source(kind, value):
    src, dst, time = value.split(",")
    return struct.pack("<BBHIQQ", kind, 0, 0, 1, 1, int(float(time) * 1e9)) + flow(src, dst, IN)


def record(kind, src, dst, time, options):
    nothing, no_flow = bytes(72), bytes(48)
    number, ns = KINDS[kind], int(float(time) * 1e9)
    came = source(int(options.get("type", 2)), options["origin"]) if "origin" in options else nothing
    root = came[24:] if came != nothing else no_flow
    own, last = flow(src, dst, OUT if number == 5 else IN), nothing
    if kind == "accept":
        came, last, root = nothing, source(3, f"{src},{dst},{time}"), own
    elif kind == "login":
        came, root, own = source(2, f"{src},{dst},{time}"), own, no_flow
    pid, uid = int(options.get("pid", 100)), int(options.get("uid", 1000))
    out = struct.pack("<HBBIQQQ", 448, 1, number, 0, 1, ns, ns)
    out += own + came + last + root + bytes(24)
    out += struct.pack("<QQQIIIIIIII16s", 5, 0, 7, 8, pid, pid, 1, 1, 1, 1, 1,
                       options.get("comm", "ssh").encode())
    return out + struct.pack("<6I", uid, uid, uid, 1, uid, 1) + bytes(56)


def main():
    path, kind, src, dst, time, *rest = sys.argv[1:]
    octets = record(kind, src, dst, time, dict(word.split("=", 1) for word in rest))
    assert len(octets) == 448, len(octets)
    with open(path, "ab") as file:
        file.write(octets)


main()

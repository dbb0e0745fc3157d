"""A NAT's log in NetFlow v9, as a gateway sends it (NEL, port blocks), for tests.

nel.py ADDR:PORT SEQUENCE EVENT,TIME,INSIDE,OUTSIDE[,PEER] ...
nel.py ADDR:PORT SEQUENCE many COUNT TIME
nel.py - SEQUENCE EVENT,... ...      to standard output, one datagram

EVENT is natEvent's number, or 0: a flow; TIME RFC 3339; INSIDE, OUTSIDE and PEER an ADDR:PORT; of a
block (16, 17) the inside's port is 0 and the outside's FIRST-LAST, of a whole address (14, 15) both are
0. `many` makes and ends COUNT sessions, a second each, one after the other.
"""
import datetime
import socket
import struct
import sys
import time

# src, post-NAT src, ports of both, protocol, event, its time, block, dst and its port, octets.
FIELDS = (8, 4, 225, 4, 7, 2, 227, 2, 4, 1, 230, 1, 323, 8, 361, 2, 362, 2, 12, 4, 11, 2, 1, 4)
A_DATAGRAM = 30


def milliseconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def end(text):
    """The octets of an address, its port, and the last one of a block's."""
    addr, ports = text.rsplit(":", 1)
    first, _, last = ports.partition("-")
    return socket.inet_aton(addr), int(first), int(last or 0)


def record(event, at_ms, inside, outside, peer="0.0.0.0:0"):
    (src, port, _), (nat, first, last), (dst, dst_port, _) = end(inside), end(outside), end(peer)
    block = (first, last) if last else (0, 0)
    return struct.pack(">4s4sHHBBQHH4sHI", src, nat, port, 0 if last else first, 6 if first and not last else 0, event,
                       at_ms, *block, dst, dst_port, 0 if event else 1000)


def records():
    if sys.argv[3] != "many":
        for text in sys.argv[3:]:
            event, at, *ends = text.split(",")
            yield record(int(event), milliseconds(at), *ends)
        return
    begun = milliseconds(sys.argv[5])
    for i in range(int(sys.argv[4])):
        inside, outside = f"10.9.{i >> 16}.9:{i & 65535}", f"192.0.2.{i >> 14}:{1024 + (i & 16383)}"
        yield record(4, begun + 1000 * i, inside, outside)
        yield record(5, begun + 1000 * i + 999, inside, outside)


def wrap(number, body):
    return struct.pack(">HH", number, 4 + len(body)) + body


def datagram(sequence, some):
    now = time.time()
    template = wrap(0, struct.pack(">HH24H", 256, len(FIELDS) // 2, *FIELDS))
    header = struct.pack(">HHIIII", 9, 1 + len(some), int(now % 86400 * 1000) + 100000, int(now), sequence, 7)
    return header + template + wrap(256, b"".join(some))


def main():
    waiting, sequence = list(records()), int(sys.argv[2])
    if sys.argv[1] == "-":
        sys.stdout.buffer.write(datagram(sequence, waiting))
        return
    host, port = sys.argv[1].rsplit(":", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((host, 5556))
        for i in range(0, len(waiting), A_DATAGRAM):
            s.sendto(datagram(sequence, waiting[i:i + A_DATAGRAM]), (host, int(port)))
            sequence += 1
            time.sleep(0.0005)


main()

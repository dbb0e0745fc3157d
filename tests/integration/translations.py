"""Translations of a NetFlow v9 exporter, for tests: translations.py ADDR:PORT SEQUENCE create|delete|flow PORT..."""
import socket
import struct
import sys
import time

FIELDS = (8, 4, 225, 4, 7, 2, 227, 2, 12, 4, 11, 2, 4, 1, 230, 1, 323, 8, 1, 4)
EVENTS = {"create": 4, "delete": 5, "flow": 0}


def wrap(number, body):
    return struct.pack(">HH", number, 4 + len(body)) + body


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    now, event = time.time(), EVENTS[sys.argv[3]]
    records = b"".join(
        struct.pack(">4s4sHH4sHBBQI", bytes([10, 0, 0, 1]), bytes([198, 51, 100, 1]), int(inside), 40000 + i,
                    bytes([192, 0, 2, 1]), 22, 6, event, int(now * 1000), 0 if event else 1000)
        for i, inside in enumerate(sys.argv[4:]))
    sets = wrap(0, struct.pack(">HH20H", 256, 10, *FIELDS)) + wrap(256, records)
    header = struct.pack(">HHIIII", 9, 2, int(now % 86400 * 1000) + 100000, int(now), int(sys.argv[2]), 7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((host, 5555))
        s.sendto(header + sets, (host, int(port)))


main()

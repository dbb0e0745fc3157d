"""A NetFlow v9 exporter for tests: templates.py ADDR:PORT SOURCE-PORT SEQUENCE DATAGRAMS SECONDS-BETWEEN [template]"""
import socket
import struct
import sys
import time

FIELDS = (8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 1, 4, 2, 4, 22, 4, 21, 4)


def wrap(number, body):
    return struct.pack(">HH", number, 4 + len(body)) + body


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    source, first, count = map(int, sys.argv[2:5])
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((host, source))
    for sequence in range(first, first + count):
        now, sets = time.time(), b""
        uptime = int(now % 86400 * 1000) + 100000  # it started at midnight
        if "template" in sys.argv[6:] and sequence == first:
            sets += wrap(0, struct.pack(">HH18H", 256, 9, *FIELDS))
        sets += wrap(256, struct.pack(">4s4sHHBIIII", bytes([10, 9, 8, sequence % 250 + 1]),
                                      bytes([192, 0, 2, 1]), 40000 + sequence, 22, 6, 1000, 10,
                                      uptime - 5000, uptime - 1000) + bytes(3))
        s.sendto(struct.pack(">HHIIII", 9, 1, uptime, int(now), sequence, 7) + sets,
                 (host, int(port)))
        time.sleep(float(sys.argv[5]))


main()

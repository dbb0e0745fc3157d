"""An sFlow agent for tests: samples of three interfaces, at 500 datagrams a second. Says what it sent.

sampler.py ADDR:PORT SECONDS
"""
import json
import socket
import struct
import sys
import time

RATE = 500
TOGETHER = 4


def sample(source, sequence):
    packet = bytes(12) + struct.pack(
        ">HBBHHHBBH4s4sHHIIBBHHH", 0x0800, 0x45, 0, 40, sequence & 0xffff, 0, 64, 6, 0,
        bytes([10, 8, 0, source]), bytes([192, 0, 2, 1 + sequence % 200]), 1024 + sequence % 50000, 443,
        0, 0, 0x50, 0x18, 0, 0, 0) + bytes(2)
    raw = struct.pack(">IIII", 1, 1286, 4, len(packet) - 2) + packet
    body = struct.pack(">IIIIIIII", sequence, source, 512, 512 * sequence, 0, source, 9, 1)
    body += struct.pack(">II", 1, len(raw)) + raw
    return struct.pack(">II", 1, len(body)) + body


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    began, sent, sequences = time.monotonic(), 0, [0, 0, 0]
    while time.monotonic() - began < float(sys.argv[2]):
        samples = b""
        for i in range(TOGETHER):
            source = (sent * TOGETHER + i) % len(sequences)
            sequences[source] += 1
            samples += sample(source + 1, sequences[source])
        sent += 1
        uptime = int((time.monotonic() - began) * 1000) + 3600000
        s.sendto(struct.pack(">II4sIIII", 5, 1, bytes([192, 0, 2, 9]), 0, sent, uptime, TOGETHER) + samples,
                 (host, int(port)))
        time.sleep(max(0, began + sent / RATE - time.monotonic()))
    print(json.dumps({"datagrams": sent, "samples": sum(sequences)}))


main()

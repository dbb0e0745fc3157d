"""What the community's stores hold: the recording in four, made-up people's sessions in the rest."""
import gzip
import json
import os
import random
import socket
import struct

from . import flows, human, recorder, scenarios

PEOPLE = 3  # sessions through each gateway without a recording
LEAST_S = 60.0
IDLE_S = 3.0  # of the recording's exporters: a longer silence ends a record
RECORDS = 30  # of one datagram
SSH = 22


def recording(root):
    return os.path.join(root, "tests/data/chain")


def truth_of(folder):
    with open(folder + "/truth.json", encoding="utf-8") as file:
        return json.load(file)


def write(path, m, told, seed):
    """A capture of NetFlow v5 as member `m`'s exporter would have sent it meanwhile."""
    spans = []
    for number in range(PEOPLE):
        spans += session(m, number, told, random.Random(f"{seed}/{m.name}/{number}"), seed)
    spans.sort(key=lambda span: span[1])
    with gzip.open(path, "wb") as file:
        file.write(recorder.PCAP_HEADER)
        for at in range(0, len(spans), RECORDS):
            when, packet = datagram(m, spans[at:at + RECORDS], at)
            file.write(recorder.pcap_record(when, packet))


def session(m, number, told, rng, seed):
    """[(first, last, source, destination)] of one person's records, both directions."""
    person = human.Person(seed, f"{m.name}/{number}", scenarios.Manner())
    length = told["ended"] - told["started"]
    begins = told["started"] + rng.uniform(0, length - LEAST_S)
    inside = (f"10.{m.number}.0.{20 + number}", rng.randrange(32768, 61000))
    outside = (f"192.0.2.{rng.randrange(100, 200)}", SSH)
    return [(first, last, one, other)
            for first, last in bursts(person, begins, told["ended"] - begins)
            for one, other in ((inside, outside), (outside, inside))]


def bursts(person, at, length):
    """When there was traffic: silences up to the exporters' idle timeout are not told apart."""
    joined = []
    for _, gaps, silence in person.plan(length):
        if joined and at - joined[-1][1] <= IDLE_S:
            joined[-1][1] = at + sum(gaps)
        else:
            joined.append([at, at + sum(gaps)])
        at += sum(gaps) + silence
    return joined


def datagram(m, spans, sequence):
    """(microseconds, IPv4 packet)."""
    sent = max(last for _, last, *_ in spans) + IDLE_S + 1
    boot = min(first for first, *_ in spans) - 1
    payload = flows.HEADER.pack(5, len(spans), int((sent - boot) * 1000), int(sent),
                                int(sent % 1 * 1e9), sequence, 0, 0, 0)
    for first, last, (source, sport), (destination, dport) in spans:
        payload += flows.RECORD.pack(
            socket.inet_aton(source), socket.inet_aton(destination), bytes(4), 1, 2, 40, 4000,
            int((first - boot) * 1000), int((last - boot) * 1000), sport, dport, 0, 0x1B,
            socket.IPPROTO_TCP, 0, 0, 0, 0, 0, 0)
    udp = struct.pack("!HHHH", 40000, 2055, 8 + len(payload), 0) + payload
    exporter = bytes([10, 255, 0, m.number])
    return int(sent * 1e6), struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64,
                                        socket.IPPROTO_UDP, 0, exporter, exporter) + udp

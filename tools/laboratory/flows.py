"""Reads NetFlow v5 from recordings and turns connections into ON intervals: the lab's own check.

This is a yardstick on purpose written apart from the product: it shares no code with it.
"""
import gzip
import socket
import struct
from collections import defaultdict

HEADER = struct.Struct("!HHIIIIBBH")
RECORD = struct.Struct("!4s4s4sHHIIIIHHBBBBHHBBH")


def packets_of(path):
    """[(receive time, IPv4 packet)] of a pcap with LINKTYPE_RAW."""
    with gzip.open(path) as file:
        data = file.read()
    at, packets = 24, []
    while at < len(data):
        seconds, micros, length, _ = struct.unpack_from("<IIII", data, at)
        packets.append((seconds * 10**6 + micros, data[at + 16:at + 16 + length]))
        at += 16 + length
    return packets


def records_of(packet):
    """[(src, sport, dst, dport, proto, interface, first, last)] of one export datagram."""
    return datagram_records(packet[(packet[0] & 15) * 4 + 8:])


def datagram_records(payload):
    version, count, uptime, seconds, nanos, *_ = HEADER.unpack_from(payload)
    if version != 5:
        return []
    boot = seconds + nanos / 1e9 - uptime / 1000
    records = []
    for index in range(count):
        f = RECORD.unpack_from(payload, HEADER.size + index * RECORD.size)
        records.append((socket.inet_ntoa(f[0]), f[9], socket.inet_ntoa(f[1]), f[10], f[13],
                        f[3] or f[4], boot + f[7] / 1000, boot + f[8] / 1000))
    return records


def key_of(gateway, interface, one, other):
    """Both directions of a connection are one view."""
    return (gateway, interface) + tuple(sorted((one, other)))


def spans_by_view(packets):
    """packets: {gateway: [(time, packet)]}. {view: sorted [(first, last)]}, TCP only."""
    spans = defaultdict(list)
    for gateway, received in packets.items():
        for _, packet in received:
            for src, sport, dst, dport, proto, interface, first, last in records_of(packet):
                if proto == socket.IPPROTO_TCP:
                    spans[key_of(gateway, interface, (src, sport), (dst, dport))].append(
                        (first, last))
    return {view: sorted(found) for view, found in spans.items()}


def on_intervals(spans, gap_s):
    joined = [list(spans[0])]
    for first, last in spans[1:]:
        if first - joined[-1][1] <= gap_s:
            joined[-1][1] = max(joined[-1][1], last)
        else:
            joined.append([first, last])
    return joined


def clip(intervals, low, high):
    return [(max(a, low), min(b, high)) for a, b in intervals if b > low and a < high]


def total(intervals):
    return sum(b - a for a, b in intervals)


def jaccard(one, other, least_common_s):
    """ON time shared / ON time of either, over the time both lived; None when that is too short."""
    low, high = max(one[0][0], other[0][0]), min(one[-1][1], other[-1][1])
    if high - low < least_common_s:
        return None
    one, other = clip(one, low, high), clip(other, low, high)
    shared = sum(max(0.0, min(b, d) - max(a, c)) for a, b in one for c, d in other)
    either = total(one) + total(other) - shared
    return shared / either if either else None

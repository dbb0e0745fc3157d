"""Compares `spoor decode --options` with what others made of the same export datagrams.

goldens.py SPOOR CORPORA: telegraf-netflow/*/expected.out (Influx lines beside *.bin), tcpdump-sflow/*.out
(tcpdump's text beside *.pcap). Compared is what a golden says of flows, options and counters; exits 1 at a
difference.
"""
import collections
import glob
import json
import os
import re
import struct
import subprocess
import sys

# Names of protocols, as telegraf has them.
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "ipv6-icmp": 58, "hopopt": 0}
# Of an IPv6 packet telegraf names the first header, spoor the last (RFC 7012): an extension header's
# name says nothing of that one.
EXTENSIONS = {0, 43, 44, 51, 60}
ICMP = {1, 58}
# Telegraf's names of elements in options, as IANA has them.
OPTIONS = {
    "app_desc": "applicationDescription", "app_id": "applicationId", "app_name": "applicationName",
    "dropped_packets_total": "droppedPacketTotalCount", "event_time": "observationTimeSeconds",
    "exporter": "exporterIPv4Address", "exporting_pid": "exportingProcessId",
    "ignored_packet_total": "ignoredPacketTotalCount", "in_snmp": "ingressInterface",
    "in_total_packets": "packetTotalCount", "interface": "interfaceName",
    "interface_desc": "interfaceDescription", "notsent_packet_total": "notSentPacketTotalCount",
    "observation_domain_id": "observationDomainId", "out_snmp": "egressInterface", "padding": "paddingOctets",
    "system_init_ms": "systemInitTimeMilliseconds", "total_flows_exported": "exportedFlowRecordTotalCount",
    # A scope of NetFlow v9 has numbers of its own: 1, which is an element's, too, is the exporter.
    "in_bytes": "system",
}
# Likewise of sFlow's counters and discarded packets, as its standard has them.
COUNTERS = {
    "in_snmp": "ifIndex", "interface_type": "ifType", "speed": "ifSpeed", "in_bytes": "ifInOctets",
    "in_unicast_packets_total": "ifInUcastPkts", "in_mcast_packets_total": "ifInMulticastPkts",
    "in_broadcast_packets_total": "ifInBroadcastPkts", "in_dropped_packets": "ifInDiscards",
    "in_errors": "ifInErrors", "in_unknown_protocol": "ifInUnknownProtos", "out_bytes": "ifOutOctets",
    "out_unicast_packets_total": "ifOutUcastPkts", "out_mcast_packets_total": "ifOutMulticastPkts",
    "out_broadcast_packets_total": "ifOutBroadcastPkts", "out_dropped_packets": "ifOutDiscards",
    "out_errors": "ifOutErrors", "promiscuous": "ifPromiscuousMode", "port_name": "port_name",
    "errors_alignment": "dot3StatsAlignmentErrors", "errors_fcs": "dot3StatsFCSErrors",
    "collision_frames_single": "dot3StatsSingleCollisionFrames",
    "collision_frames_multi": "dot3StatsMultipleCollisionFrames", "errors_sqetest": "dot3StatsSQETestErrors",
    "deferred": "dot3StatsDeferredTransmissions", "collisions_late": "dot3StatsLateCollisions",
    "collisions_excessive": "dot3StatsExcessiveCollisions",
    "errors_internal_mac_tx": "dot3StatsInternalMacTransmitErrors",
    "errors_carrier_sense": "dot3StatsCarrierSenseErrors", "errors_frame_too_long": "dot3StatsFrameTooLongs",
    "errors_internal_mac_rx": "dot3StatsInternalMacReceiveErrors", "errors_symbols": "dot3StatsSymbolErrors",
}
DISCARDED = {"in_snmp": "inputifindex", "out_snmp": "outputifindex", "reason": "reason",
             "sampling_drops": "drops", "out_queue": "queue"}


def decode(spoor, files):
    out = subprocess.run([spoor, "decode", "--json", "--options", *files], capture_output=True, check=False)
    assert out.returncode in (0, 1), out.stderr.decode()
    return json.loads(out.stdout)


def influx(line):
    """measurement, tags, fields of one line."""
    head, rest = re.match(r"((?:[^ \\]|\\.)+) (.*)", line).groups()
    measurement, *tags = head.split(",")
    fields = {}
    for key, text, bare in re.findall(r'([a-z_0-9]+)=(?:"((?:[^"\\]|\\.)*)"|([^, ]+))', rest):
        fields[key] = int(bare[:-1]) if bare.endswith(("u", "i")) else bare or text
    return measurement, dict(tag.split("=") for tag in tags), fields


def number(value):
    return int(value, 16) if isinstance(value, str) else value


def first(fields, *keys):
    return next((number(fields[key]) for key in keys if key in fields), None)


def flags(text):
    return sum(1 << 7 - i for i, letter in enumerate(text) if letter != ".")


def domain_of(tags, fields):
    if tags["version"] == "NetFlowV5":
        return int(fields["engine_type"]) << 8 | number(fields["engine_id"])
    return fields.get("agent_subid")


def expected_of(tags, fields, v5_clock):
    """What a golden record says, in spoor's names; None where it says nothing."""
    is_sflow = tags["version"] == "sFlowV5"
    protocol = PROTOCOLS[fields["protocol"]] if "protocol" in fields else None
    start, end = first(fields, "flow_start_ms"), first(fields, "flow_end_ms")
    if tags["version"] == "NetFlowV5":
        start, end = (v5_clock - fields["sys_uptime"] + fields[key] for key in ("first_switched", "last_switched"))
    dst_port = fields.get("dst_port")
    if protocol in ICMP and "icmp_type" in fields:
        dst_port = fields["icmp_type"] << 8 | fields["icmp_code"]
    row = {
        "src": fields["src"], "dst": fields["dst"],
        "src_port": fields.get("src_port"), "dst_port": dst_port,
        "proto": None if protocol in EXTENSIONS else protocol,
        "bytes": first(fields, "l2_bytes", "in_bytes", "in_total_bytes"),
        "packets": 1 if is_sflow else first(fields, "in_packets", "in_total_packets"),
        # Of what goes out telegraf names the sampling interface here, too; sFlow says the one it came in by.
        "in_if": None if is_sflow and fields["direction"] == "egress" else fields.get("in_snmp"),
        "out_if": None if is_sflow and "out_snmp" not in fields else fields.get("out_snmp"),
        "vlan_in": fields.get("vlan_src") or None, "vlan_out": fields.get("vlan_dst") or None,
        "tcp_flags": flags(fields["tcp_flags"]) if "tcp_flags" in fields else None,
        "domain": domain_of(tags, fields), "tos": first(fields, "src_tos"),
        "sampling": max(fields["sampling_interval"], 1) if "sampling_interval" in fields else None,
        "version": {"sFlowV5": 5, "NetFlowV5": 5, "NetFlowV9": 9, "IPFIX": 10}[tags["version"]],
        "start": start, "end": end,
    }
    back = dict(row, src=row["dst"], dst=row["src"], src_port=row["dst_port"], dst_port=row["src_port"],
                bytes=first(fields, "type_29305_85", "type_29305_1"),
                packets=first(fields, "type_29305_86", "type_29305_2"), tcp_flags=None,
                tos=first(fields, "type_29305_5"), vlan_in=first(fields, "type_29305_58") or None, vlan_out=None,
                # YAF's reverseFlowDeltaMilliseconds: the other direction's first packet came so much later.
                start=start and start + (first(fields, "type_6871_21") or 0))
    return [row, back] if back["packets"] else [row]


def said(flow):
    """A flow of spoor's with times in milliseconds."""
    import datetime
    row = dict(flow)
    for key in ("start", "end"):
        at = datetime.datetime.fromisoformat(flow[key].replace("Z", "+00:00"))
        row[key] = round(at.timestamp() * 1000)
    return row


def agrees(wanted, flow):
    return all(value is None or flow.get(key, 0) == value for key, value in wanted.items())


def compare(name, wanted, flows):
    left = [said(flow) for flow in flows]
    status = 0
    for row in wanted:
        match = next((flow for flow in left if agrees(row, flow)), None)
        if match is None:
            print(f"{name}: nothing agrees with", {k: v for k, v in row.items() if v is not None})
            status = 1
        else:
            left.remove(match)
    for flow in left:
        print(f"{name}: not in the golden:", flow)
        status = 1
    return status


def options_of(fields):
    """What a golden options record says, in IANA's names; telegraf numbers enterprises' with the bit."""
    row = {}
    for key, value in fields.items():
        if match := re.fullmatch(r"type_(\d+)_(\d+)", key):
            row[f"{match[1]}:{int(match[2]) & 0x7fff}"] = value
        else:
            row[OPTIONS[key]] = value
    return row


def counters_of(fields):
    """What a golden line of an sFlow agent's counters says, or of its discarded packets."""
    names = DISCARDED if "reason" in fields else COUNTERS
    return {**{names[key]: value for key, value in fields.items() if key in names},
            "agent": fields["agent_ip"], "domain": fields["agent_subid"]}


def counted(line):
    """Such a line of spoor's. Telegraf says the direction and the status in words, of which spoor has the numbers."""
    row = {**line.get("counters", {}), **line.get("discarded", {}), "agent": line["agent"], "domain": line["domain"]}
    return {key: value for key, value in row.items() if key not in ("ifDirection", "ifStatus")}


def compare_others(name, wanted, left):
    status = 0
    for row in wanted:
        if row in left:
            left.remove(row)
        else:
            print(f"{name}: nothing agrees with", row)
            status = 1
    for line in left:
        print(f"{name}: not in the golden:", line)
        status = 1
    return status


def clock_of(path):
    """Of a v5 header, in milliseconds: the golden has none."""
    with open(path, "rb") as file:
        seconds, nanoseconds = struct.unpack(">8xII", file.read(16))
    return seconds * 1000 + nanoseconds // 1000000


def telegraf(spoor, folder):
    with open(os.path.join(folder, "expected.out"), encoding="utf-8") as file:
        lines = [influx(line) for line in file if line.strip()]
    files = sorted(glob.glob(os.path.join(folder, "*.bin")))
    flows = [line for line in lines
             if line[0] == "netflow" and "src" in line[2] and "dst" in line[2]]
    options = [options_of(line[2]) for line in lines if line[0] == "netflow_options"]
    wanted = [row for _, tags, fields in flows for row in expected_of(tags, fields, clock_of(files[0]))]
    got = decode(spoor, files)
    name = os.path.basename(folder)
    counters = [counters_of(line[2]) for line in lines if line not in flows and line[0] == "netflow"]
    status = compare(name, wanted, got["flows"])
    status |= compare_others(name, options, [{**line["options"], **line["scope"]} for line in got["options"]])
    status |= compare_others(name, counters, [counted(line) for line in got["counters"]])
    # What is left of a set whose template forgets lengths (a record too short to be one) is counted.
    dropped = {reason: count for reason, count in got["dropped"].items() if count}
    if set(dropped) - {"set"}:
        print(f"{name}: dropped", dropped)
        status = 1
    if status == 0:
        print(f"{name}: {len(flows)} records agree as {len(wanted)} flows, {len(options)} of options agree,",
              f"{len(counters)} of counters agree")
    return status


SAMPLE = re.compile(r"flow sample \(\d\).*rate (\d+),.*input (\d+)(?: \(0\), )?.*output (\d+)")
RAW = re.compile(r"protocol Ethernet \(1\), length (\d+)")


# What tcpdump says of an interface's counters, in the order of its lines.
GENERIC = [re.compile(pattern) for pattern in (
    r"ifindex (?P<ifIndex>\d+), iftype (?P<ifType>\d+), ifspeed (?P<ifSpeed>\d+), ifdirection (?P<ifDirection>\d+)",
    r"ifstatus (?P<ifStatus>\d+)",
    r"In octets (?P<ifInOctets>\d+), unicast pkts (?P<ifInUcastPkts>\d+), multicast pkts (?P<ifInMulticastPkts>\d+), "
    r"broadcast pkts (?P<ifInBroadcastPkts>\d+), discards (?P<ifInDiscards>\d+)",
    r"In errors (?P<ifInErrors>\d+), unknown protos (?P<ifInUnknownProtos>\d+)",
    r"Out octets (?P<ifOutOctets>\d+), unicast pkts (?P<ifOutUcastPkts>\d+), "
    r"multicast pkts (?P<ifOutMulticastPkts>\d+), broadcast pkts (?P<ifOutBroadcastPkts>\d+), "
    r"discards (?P<ifOutDiscards>\d+)",
    r"Out errors (?P<ifOutErrors>\d+), promisc mode (?P<ifPromiscuousMode>\d+)")]


def generic_of(text):
    """The interfaces' counters in a text of tcpdump's."""
    rows = []
    for line in text.splitlines():
        match = next((found for found in (pattern.search(line) for pattern in GENERIC) if found), None)
        if match is None:
            continue
        if "ifIndex" in match.groupdict():
            rows.append({})
        rows[-1].update({key: int(value) for key, value in match.groupdict().items()})
    return collections.Counter(tuple(sorted(row.items())) for row in rows)


def tcpdump(spoor, path):
    with open(path[:-5] + ".out", encoding="utf-8") as file:
        counters = generic_of(file.read())
    wanted, sample = collections.Counter(), None
    with open(path[:-5] + ".out", encoding="utf-8") as file:
        for line in file:
            if match := SAMPLE.search(line):
                sample = tuple(map(int, match.groups()))
            elif (match := RAW.search(line)) and sample:
                rate, in_if, out_if = sample
                wanted[rate, in_if, 0 if out_if >= 1 << 30 and "expanded" not in path else out_if,
                       int(match.group(1))] += 1
                sample = None
    decoded = decode(spoor, [path])
    got = collections.Counter((flow["sampling"], flow["in_if"], flow["out_if"], flow["bytes"])
                              for flow in decoded["flows"] if flow.get("format") == "sflow")
    own = collections.Counter(tuple(sorted((key, value) for key, value in line["counters"].items() if key[:2] == "if"))
                              for line in decoded["counters"] if "ifIndex" in line.get("counters", {}))
    name = os.path.basename(path)
    if wanted == got and counters == own:
        print(f"{name}: {sum(wanted.values())} samples agree, and the counters of {sum(own.values())} interfaces")
        return 0
    print(f"{name}: tcpdump alone", dict(wanted - got), dict(counters - own),
          "spoor alone", dict(got - wanted), dict(own - counters))
    return 1


def main(spoor, corpora):
    folders = sorted(map(os.path.dirname, glob.glob(corpora + "/telegraf-netflow/*/expected.out")))
    captures = sorted(glob.glob(corpora + "/tcpdump-sflow/*.pcap"))
    status = max([telegraf(spoor, folder) for folder in folders]
                 + [tcpdump(spoor, capture) for capture in captures], default=77)
    if status == 77:
        print(f"{corpora} is absent: not compared with goldens")
    return status


sys.exit(main(*sys.argv[1:]))

"""Namespaces, veth pairs, the WAN bridge and the NAT rules."""
import subprocess

from . import enclosure, scenarios

# Only IPv4 is exported; without this each new link would add IPv6 chatter of its own.
SYSCTLS = {"net/ipv6/conf/all/disable_ipv6": "1", "net/ipv6/conf/default/disable_ipv6": "1"}


def build(gateways=scenarios.GATEWAYS, hosts=scenarios.HOSTS):
    add_namespace("wan")
    ip("-n", "wan", lines=["link add br0 type bridge", "link set br0 up"])
    for gateway in gateways:
        add_gateway(gateway)
    for host in hosts:
        add_host(host)
    for gateway in gateways:
        nft(gateway.name, nat_rules(gateway, [h for h in hosts if h.gateway == gateway.name]))


def add_namespace(name):
    ip(lines=[f"netns add {name}"])
    with enclosure.inside(name):
        for key, value in SYSCTLS.items():
            enclosure.write("/proc/sys/" + key, value)
    ip("-n", name, lines=["link set lo up"])


def add_gateway(gateway):
    add_namespace(gateway.name)
    ip("-n", "wan", lines=[
        f"link add {gateway.name} type veth peer name wan0 netns {gateway.name}",
        f"link set {gateway.name} master br0 up",
    ])
    routes = [f"route add {prefix} dev wan0 src {gateway.wan}"
              for prefix in scenarios.WAN_PREFIXES]
    ip("-n", gateway.name, lines=[
        "link add lan0 type bridge",
        f"addr add {gateway.router}/24 dev lan0",
        f"addr add {gateway.wan}/32 dev wan0",
        f"addr add {gateway.management}/32 dev lo",
        "link set lan0 up",
        "link set wan0 up",
    ] + routes)
    with enclosure.inside(gateway.name):
        enclosure.write("/proc/sys/net/ipv4/ip_forward", "1")


def add_host(host):
    gateway = scenarios.gateway(host.gateway)
    add_namespace(host.name)
    ip("-n", host.gateway, lines=[
        f"link add {host.name} type veth peer name eth0 netns {host.name}",
        f"link set {host.name} master lan0 up",
    ])
    ip("-n", host.name, lines=[
        f"addr add {scenarios.lan_address(host)}/24 dev eth0",
        "link set eth0 up",
        f"route add default via {gateway.router}",
    ])


def nat_rules(gateway, hosts):
    forwards = [(host.public_port, scenarios.lan_address(host), 22) for host in hosts]
    forwards += [(scenarios.WEB_PORT, scenarios.lan_address(host), scenarios.WEB_PORT)
                 for host in hosts if host.name == scenarios.WEB_HOST]
    inbound = "\n".join(f"iifname wan0 tcp dport {port} dnat to {address}:{inner}"
                        for port, address, inner in forwards)
    ports = " fully-random" if gateway.random_ports else ""
    return f"""
table ip nat {{
    chain inbound {{
        type nat hook prerouting priority dstnat;
        {inbound}
    }}
    chain outbound {{
        type nat hook postrouting priority srcnat;
        oifname wan0 ip saddr {gateway.lan} snat to {gateway.wan}{ports}
    }}
}}
"""


def ip(*options, lines):
    feed(["ip", *options, "-batch", "-"], "\n".join(lines) + "\n")


def nft(namespace, rules):
    feed(["ip", "netns", "exec", namespace, "nft", "-f", "-"], rules)


def feed(argv, text):
    done = subprocess.run(argv, input=text, text=True, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")

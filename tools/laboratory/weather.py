"""What is wrong with the WAN at the moment: loss and cuts, as rules of its router."""
from . import enclosure, topology

RULES = """
table inet weather
delete table inet weather
table inet weather {{
    chain forward {{
        type filter hook forward priority filter
        {rules}
    }}
}}
"""


def begin():
    try:
        clear()
    except RuntimeError as error:
        raise enclosure.Refused(f"nftables cannot filter here: {error}")


def clear():
    rule("")


def lose(percent):
    rule(f"numgen random mod 100 < {percent} drop")


def cut(here, there, one_way=False):
    """Nothing passes between these ports; one-way: what `here` sends still arrives."""
    rules = [drop(there, here)] + ([] if one_way else [drop(here, there)])
    rule("\n        ".join(rules))


def cut_ipv4(one, other):
    """Between these two ports alone; IPv6 passes."""
    rule("\n        ".join(f"meta nfproto ipv4 {drop([a], [b])}"
                           for a, b in ((one, other), (other, one))))


def drop(source, destination):
    return f"iifname {ports(source)} oifname {ports(destination)} drop"


def ports(names):
    return "{ " + ", ".join(f'"{name}"' for name in names) + " }"


def rule(text):
    topology.nft("wan", RULES.format(rules=text))

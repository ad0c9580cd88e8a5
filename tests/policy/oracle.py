"""A second reading of doc/policy.md, naive on purpose.

Every question is answered from the sentences themselves, address by address; no interval
is ever computed.  Nothing here looks at how src/policy does it: the two are compared by
tests/policy/compare.
"""
import ipaddress

V4_SPECIAL = """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12
192.0.0.0/24 192.0.0.0/29 192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32
192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24
198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 255.255.255.255/32""".split()
V6_SPECIAL = """::1/128 ::/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23
2001::/32 2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28
2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7
fe80::/10""".split()
SPECIAL = [ipaddress.ip_network(n) for n in V4_SPECIAL + V6_SPECIAL]
GLOBAL6 = ipaddress.ip_network("2000::/3")
BROADCAST = ipaddress.ip_address("255.255.255.255")

PORTS = {
    "smb": [("tcp", 445)],
    "netbios": [("tcp", 139), ("udp", 137), ("udp", 138)],
    "smbdirect": [("tcp", 5445)],
    "quic": [("udp", 443)],
}
FLOW_NAMES = {"smb": ("tcp", 445), "netbios-ssn": ("tcp", 139), "netbios-ns": ("udp", 137),
              "netbios-dgm": ("udp", 138), "smbdirect": ("tcp", 5445), "quic": ("udp", 443)}
IN, OUT, FWD = "in", "out", "fwd"


def multicast(a):
    return a.is_multicast or a == BROADCAST


def in_internet(a):
    if multicast(a) or any(a in n for n in SPECIAL if n.version == a.version):
        return False
    return a.version == 4 or a in GLOBAL6


class Policy:
    """sets: name → (kind, items, excepted items); an item is (kind, value):
    ("range", (lo, hi)), ("set", name), ("machine", name), ("any", None), ("internet", None),
    and in rules ("self", None), ("localsubnet", None).
    rules: (line, action, service words, direction or None, from items, to items).
    defaults: (line, action, service words, direction or None).  extra: (name, proto, port)."""

    def __init__(self):
        self.sets, self.rules, self.defaults, self.extra = {}, [], [], []
        self.hosts = {}  # machine name in lower case → addresses

    # services

    def ports(self, word):
        if word == "all-smb":
            return self.ports("smb") + self.ports("netbios") + self.ports("smbdirect")
        return list(PORTS.get(word, [])) + [(p, n) for (name, p, n) in self.extra if name == word]

    def speaks(self, words, svc):
        return any(svc in self.ports(w) for w in words)

    def declared(self, svc):
        words = list(PORTS) + [name for (name, _, _) in self.extra]
        return self.speaks(words, svc)

    # addresses

    def addr_in(self, a, item, rule=False):
        kind, value = item
        if kind == "any" and rule:
            return True
        if multicast(a):
            return False
        if kind == "any":
            return True
        if kind == "range":
            lo, hi = value
            return a.version == lo.version and lo <= a <= hi
        if kind == "internet":
            return in_internet(a)
        if kind == "machine":
            return a in self.hosts.get(value.lower(), [])
        if kind == "set":
            _, plus, minus = self.sets[value]
            return any(self.addr_in(a, i) for i in plus) and not any(self.addr_in(a, i) for i in minus)
        raise AssertionError(kind)

    # machines

    def machine_in(self, names, addrs, item):
        kind, value = item
        if kind in ("any", "self", "localsubnet"):
            return True
        if kind == "set":
            _, plus, minus = self.sets[value]
            return (any(self.machine_in(names, addrs, i) for i in plus)
                    and not any(self.machine_in(names, addrs, i) for i in minus))
        if kind == "machine" and value.lower() in names:
            return True
        return any(self.addr_in(a, item) for a in addrs)  # multicast is in nothing there

    # the decision

    def peer(self, flow, who, items):
        a = flow[who]
        for item in items:
            if item[0] == "self":
                hit = flow["hook"] != FWD and not multicast(a) and a in flow["addrs"]
            elif item[0] == "localsubnet":
                hit = (flow["hook"] != FWD and not multicast(a)
                       and any(a in n for n in flow["localsubnet"]))
            else:
                hit = self.addr_in(a, item, rule=True)
            if hit:
                return True
        return False

    def me(self, flow, items):
        if flow["gateway"]:
            return any(i[0] == "any" for i in items)
        return any(self.machine_in(flow["names"], flow["addrs"], i) for i in items)

    def from_(self, flow, items):
        return self.me(flow, items) if flow["hook"] == OUT else self.peer(flow, "client", items)

    def to(self, flow, items):
        return self.me(flow, items) if flow["hook"] == IN else self.peer(flow, "server", items)

    def holds(self, rule, flow):
        _, _, words, direction, f, t = rule
        return (self.speaks(words, flow["svc"]) and direction in (None, flow["hook"])
                and self.from_(flow, f) and self.to(flow, t))

    def governed(self, flow):
        if "lo" in (flow["iif"], flow["oif"]):
            return False
        if flow["client"].is_loopback or flow["server"].is_loopback:
            return False
        if not self.declared(flow["svc"]):
            return False
        if flow["svc"] in self.ports("quic"):
            return any("quic" in r[2] and self.to(flow, r[5]) for r in self.rules)
        return True

    def verdict(self, flow):
        """(verdict, admit without the symmetric rule, line)"""
        if not self.governed(flow):
            return "pass", True, None
        for action in ("block", "allow"):
            lines = [r[0] for r in self.rules if r[1] == action and self.holds(r, flow)]
            if lines:
                return action, action == "allow", min(lines)
        found = [(line, action) for (line, action, words, direction) in self.defaults
                 if self.speaks(words, flow["svc"]) and direction in (None, flow["hook"])]
        if not found:
            return "pass", True, None
        line, action = min(found)
        return action, action == "allow", line

    def decide(self, flow):
        verdict, admit, line = self.verdict(flow)
        if flow["svc"] in (("udp", 137), ("udp", 138)) and flow["sport"] == flow["svc"][1]:
            back = dict(flow, client=flow["server"], server=flow["client"], iif=flow["oif"],
                        oif=flow["iif"], hook={IN: OUT, OUT: IN, FWD: FWD}[flow["hook"]])
            admit = admit or self.verdict(back)[1]
        return {"verdict": verdict, "admit": admit, "line": line}

    # what must be refused

    def wrong(self, candidates):
        """A reason why this policy is an error, or None; candidates: every address at which
        any set begins or ends, and its neighbours."""
        for _, _, words, _, f, t in self.rules:
            if "quic" in words and any(i[0] == "any" for i in t):
                return "any after to in a quic rule"
            for item in f + t:
                if item[0] in ("any", "self", "localsubnet", "internet"):
                    continue
                if any(self.addr_in(a, item) for a in candidates):
                    continue
                if item[0] == "set" and self.names_somebody(item):
                    continue
                return f"nothing in {item}"
        for svc in {p for w in self.all_services() for p in self.ports(w)}:
            for hook in (IN, OUT, FWD):
                actions = {a for (_, a, words, d) in self.defaults
                           if self.speaks(words, svc) and d in (None, hook)}
                if len(actions) > 1:
                    return f"two defaults for {svc} {hook}"
        return None

    def all_services(self):
        return list(PORTS) + [name for (name, _, _) in self.extra]

    def machines(self):
        return {v.lower() for (_, plus, minus) in self.sets.values() for (k, v) in plus + minus
                if k == "machine"}

    def names_somebody(self, item):
        return any(self.machine_in([m], self.hosts.get(m, []), item) for m in self.machines())

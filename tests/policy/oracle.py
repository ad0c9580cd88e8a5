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


LEVELS = ["secure", "integrity", "encrypted"]
PROFILES = {"domain", "private", "public"}


class Rule:
    """One allow or block.  items as in Policy; on, via, level, until None where unsaid."""

    def __init__(self, action, services, direction, from_, to):
        self.action, self.services, self.direction = action, services, direction
        self.from_, self.to = from_, to
        self.on = self.via = self.level = self.by = self.until = self.lasts = None
        self.groups, self.even = [], False
        self.line, self.file = None, None

    def hooks(self):
        return {self.direction} if self.direction else {IN, OUT, FWD}

    def profiles(self):
        return self.on or (PROFILES if self.action == "block" else {"domain"})


class Default:
    def __init__(self, action, services, direction):
        self.action, self.services, self.direction = action, services, direction
        self.line, self.file = None, None


class Policy:
    """sets: name → (kind, items, excepted items); an item is (kind, value):
    ("range", (lo, hi)), ("set", name), ("machine", name), ("any", None), ("internet", None),
    ("domain", name), ("namespace", unc), and in rules ("self", None), ("localsubnet", None).
    rules and defaults stand in the order in which they are read, includes in their place."""

    def __init__(self):
        self.sets, self.rules, self.defaults, self.extra = {}, [], [], []
        self.hosts = {}  # machine name, domain or namespace in lower case → addresses
        self.roaming, self.interfaces, self.groups = [], {}, []
        self.today = None
        self.known = {}  # what was asked of names before: a policy does not change

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

    # who roams

    def machines(self):
        return {v.lower() for (_, plus, minus) in self.sets.values() for (k, v) in plus + minus
                if k == "machine"}

    def roams(self, name):
        """Is the machine of that name, which has no address then, in a roaming set?"""
        name = name.lower()
        if name not in self.known:
            self.known[name] = any(self.named_in([name], ("set", s)) for s in self.roaming)
        return self.known[name]

    def named_in(self, names, item):
        """The machine without any address that has these names."""
        return self.machine_in(names, [], item)

    def written(self, item):
        """The machines' names that an item writes."""
        kind, value = item
        if kind == "machine":
            return {value.lower()}
        if kind != "set":
            return set()
        _, plus, minus = self.sets[value]
        names = set().union(*[self.written(i) for i in plus])
        return {n for n in names if not any(self.named_in([n], i) for i in minus)}

    def has_roaming(self, item):
        if item not in self.known:
            self.known[item] = item[0] == "set" and any(self.roams(n) for n in self.written(item))
        return self.known[item]

    def resolved(self, name):
        return [] if self.roams(name) else self.hosts.get(name.lower(), [])

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
            return a in self.resolved(value)
        if kind in ("domain", "namespace"):
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

    # who asks: a flow has `gateway`, or `names` and `given` addresses

    def is_roaming(self, flow):
        return any(self.named_in(flow["names"], ("set", s)) for s in self.roaming)

    def own(self, flow):
        return flow["given"] + [a for n in flow["names"] for a in self.resolved(n)]

    def stable(self, flow):
        return [] if self.is_roaming(flow) else self.own(flow)

    def profile(self, flow):
        if flow["gateway"] or not self.is_roaming(flow):
            return "domain"
        return flow["profile"] or "public"

    # the decision

    def peer_item(self, flow, who, item):
        a = flow[who]
        host = flow["hook"] != FWD and not flow["gateway"]
        if item[0] == "self":
            return host and not multicast(a) and a in self.own(flow)
        if item[0] == "localsubnet":
            return (flow["hook"] != FWD and not multicast(a)
                    and any(a in n for n in flow["localsubnet"]))
        return self.addr_in(a, item, rule=True)

    def peer(self, flow, who, items):
        return any(self.peer_item(flow, who, i) for i in items)

    def me(self, flow, items):
        if flow["gateway"]:
            return any(i[0] == "any" for i in items)
        return any(self.machine_in(flow["names"], self.stable(flow), i) for i in items)

    def from_(self, flow, rule):
        if flow["hook"] == OUT:
            return self.me(flow, rule.from_)
        if rule.level and any(self.has_roaming(i) for i in rule.from_):
            return True
        return self.peer(flow, "client", rule.from_)

    def to(self, flow, rule):
        return self.me(flow, rule.to) if flow["hook"] == IN else self.peer(flow, "server", rule.to)

    def in_interfaces(self, name, interface):
        for pattern in self.interfaces[name]:
            if pattern.endswith("*") and interface and interface.startswith(pattern[:-1]):
                return True
            if pattern == interface:
                return True
        return False

    def expired(self, rule):
        return rule.until is not None and self.today > rule.until

    def holds(self, rule, flow):
        return (self.speaks(rule.services, flow["svc"]) and flow["hook"] in rule.hooks()
                and self.from_(flow, rule) and self.to(flow, rule)
                and (flow["hook"] == FWD or self.profile(flow) in rule.profiles())
                and (rule.via is None or flow["hook"] == IN or self.in_interfaces(rule.via, flow["oif"]))
                and not self.expired(rule))

    def governed(self, flow):
        if "lo" in (flow["iif"], flow["oif"]):
            return False
        if flow["client"].is_loopback or flow["server"].is_loopback:
            return False
        if not self.declared(flow["svc"]):
            return False
        if flow["svc"] in self.ports("quic"):
            return any("quic" in r.services and self.to(flow, r) for r in self.rules)
        return True

    def satisfied(self, rule, flow):
        """Is the association good enough for this if-secure rule?"""
        if flow["secured"] is None:
            return False
        groups = {g.lower() for g in flow["secured"]} | {"any"}
        if LEVELS.index(flow["level"] or "secure") < LEVELS.index(rule.level):
            return False
        if rule.by and flow["by"] != rule.by:
            return False
        if not groups & ({g.lower() for g in rule.groups} or {"any"}):
            return False
        if flow["hook"] == IN and not self.peer(flow, "client", rule.from_):
            return bool(groups & {i[1].lower() for i in rule.from_ if self.has_roaming(i)})
        return True

    def verdict(self, flow):
        """(verdict, admit without the symmetric rule, the sentence)"""
        if not self.governed(flow):
            return "pass", True, None
        holding = [r for r in self.rules if self.holds(r, flow)]
        kinds = {"block": [r for r in holding if r.action == "block"],
                 "allow": [r for r in holding if r.action == "allow" and not r.level],
                 "secure": [r for r in holding if r.action == "allow" and r.level]}
        for verdict, rules in kinds.items():
            if rules:
                admit = verdict == "allow" or (verdict == "secure" and flow["hook"] != FWD
                                               and any(self.satisfied(r, flow) for r in rules))
                return verdict, admit, min(rules, key=lambda r: r.line)
        if flow["hook"] != FWD and self.profile(flow) == "public":
            return "block", False, None
        found = [d for d in self.defaults
                 if self.speaks(d.services, flow["svc"]) and d.direction in (None, flow["hook"])]
        if not found:
            return "pass", True, None
        lowest = min(found, key=lambda d: d.line)
        return lowest.action, lowest.action == "allow", lowest

    def decide(self, flow):
        verdict, admit, sentence = self.verdict(flow)
        if flow["svc"] in (("udp", 137), ("udp", 138)) and flow["sport"] == flow["svc"][1]:
            back = dict(flow, client=flow["server"], server=flow["client"], iif=flow["oif"],
                        oif=flow["iif"], hook={IN: OUT, OUT: IN, FWD: FWD}[flow["hook"]])
            admit = admit or self.verdict(back)[1]
        return {"verdict": verdict, "admit": admit, "line": sentence and sentence.line,
                "file": sentence and sentence.file}

    # what must be refused

    def wrong(self, candidates):
        """(why this policy is an error, its line or None), or None; candidates: every address
        at which any set begins or ends, and its neighbours."""
        for r in self.rules:
            why = self.rule_wrong(r, candidates)
            if why:
                return why, r
        for svc in {p for w in self.all_services() for p in self.ports(w)}:
            for hook in (IN, OUT, FWD):
                actions = {d.action for d in self.defaults
                           if self.speaks(d.services, svc) and d.direction in (None, hook)}
                if len(actions) > 1:
                    return f"two defaults for {svc} {hook}", None
        for plain in self.rules:
            for secure in self.rules:
                if (plain.action == secure.action == "allow" and not plain.level and secure.level
                        and not plain.even and self.meet(plain, secure, candidates)):
                    return f"in clear what line {secure.line} allows if secure", plain
        for group in self.groups:
            if any(s.lower() == group.lower() and self.has_roaming(("set", s)) for s in self.sets):
                return f"a group called like the roaming set {group}", None
        for name in self.roaming:
            if not self.names_alone(("set", name)):
                return f"addresses in the roaming set {name}", None
        return None

    def names_alone(self, item):
        if item[0] != "set":
            return item[0] == "machine"
        kind, plus, minus = self.sets[item[1]]
        return kind != "tags" and all(self.names_alone(i) for i in plus + minus)

    def rule_wrong(self, r, candidates):
        if "quic" in r.services and any(i[0] == "any" for i in r.to):
            return "any after to in a quic rule"
        if r.action == "block" and r.via and r.direction != OUT:
            return "a block with via that does not say out"
        if r.action == "block" and (r.level or r.even or r.lasts):
            return "a block with what belongs to an allow"
        if r.level and r.even:
            return "if and even in clear"
        if any(self.has_roaming(i) for i in r.from_) and r.direction != OUT and not r.level:
            return "from roaming members"
        if any(self.has_roaming(i) for i in r.to) and r.direction != IN:
            return "to roaming members"
        for item in r.from_ + r.to:
            if item[0] in ("any", "self", "localsubnet", "internet"):
                continue
            if any(self.addr_in(a, item) for a in candidates):
                continue
            if item[0] == "set" and self.names_somebody(item):
                continue
            if item[0] in ("domain", "namespace"):
                continue  # somebody, though nobody knows where
            return f"nothing in {item}"
        return None

    def meet(self, x, y, candidates):
        both = x.hooks() & y.hooks()
        if not both or not any(self.speaks(y.services, p) for w in x.services for p in self.ports(w)):
            return False
        if not x.profiles() & y.profiles() and FWD not in x.hooks() | y.hooks():
            return False
        from_ = any(self.has_roaming(i) for i in y.from_) and both & {IN, FWD}
        return bool((from_ or self.lists_meet(x.from_, y.from_, candidates))
                    and self.lists_meet(x.to, y.to, candidates))

    def lists_meet(self, x, y, candidates):
        if any(i[0] in ("any", "self", "localsubnet") for i in x + y):
            return True
        for a in candidates:
            if any(self.addr_in(a, i) for i in x) and any(self.addr_in(a, i) for i in y):
                return True
        for m in self.machines():
            if any(not multicast(a) for a in self.resolved(m)):
                continue
            if any(self.named_in([m], i) for i in x) and any(self.named_in([m], i) for i in y):
                return True
        return False

    def all_services(self):
        return list(PORTS) + [name for (name, _, _) in self.extra]

    def names_somebody(self, item):
        if any(self.machine_in([m], self.resolved(m), item) for m in self.machines()):
            return True
        return self.holds_unknown(item)

    def holds_unknown(self, item):
        """A domain or namespace that --names does not know stands for somebody."""
        if item[0] in ("domain", "namespace"):
            return not self.hosts.get(item[1].lower())
        if item[0] != "set":
            return False
        _, plus, minus = self.sets[item[1]]
        return any(self.holds_unknown(i) for i in plus) and not any(i[0] == "any" for i in minus)

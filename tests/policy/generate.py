"""Random policies of the sentences that are built, as text and as the oracle's own value,
and random flows about them.  Small pools, so that sets overlap and flows hit."""
import ipaddress
import random

from oracle import Policy

ip = ipaddress.ip_address

BASES = ["10.0.0.0", "10.20.0.0", "192.168.1.0", "203.0.113.0", "8.8.8.0", "fd00::", "2001:db8::",
         "2a00:1450::", "192.0.0.0", "3fff::"]
MACHINES = ["fs1", "fs2.corp.example", "Laptop-17", "ws_1", "printer"]
ROUTED = ["smb", "netbios", "smbdirect", "all-smb", "quic"]


RARE = ["224.0.0.0", "255.255.255.248", "ff02::"]


def some_address(r):
    base = ip(r.choice(RARE if r.random() < 0.04 else BASES))
    top = 7 if base == ip("255.255.255.248") else 15
    return base + r.randint(0, top)


def literal(r):
    """(text, (lo, hi))"""
    a = some_address(r)
    kind = r.random()
    if kind < 0.4:
        return str(a), (a, a)
    if kind < 0.75:
        bits = r.randint(1, 4)
        width = a.max_prefixlen
        if r.random() < 0.15:
            bits = r.choice([8, 16, 24])
        if r.random() < 0.02:
            bits = width
        net = ipaddress.ip_network(f"{a}/{width - bits}", strict=False)
        return str(net), (net[0], net[-1])
    b = a + r.randint(0, 9) if int(a) + 9 < 2 ** a.max_prefixlen else a
    return f"{a}-{b}", (a, b)


class Writer:
    """Sentences in lines, written in as many ways as the text rules allow."""

    def __init__(self, r):
        self.r, self.lines, self.at = r, [], 1

    def blank(self):
        return self.r.choice([" ", " ", " ", "\t", "  "])

    def comma(self):
        return self.r.choice([",", ", ", " , ", ",\t"])

    def add(self, words):
        """Words to one sentence; returns its line."""
        r, line, text = self.r, self.at, words[0]
        for w in words[1:]:
            gap = self.blank()
            if r.random() < 0.03:
                gap = " \\\n" + self.blank()
                self.at += 1
            text += gap + w
        if r.random() < 0.2:
            text += ' "a reason # no remark"'
        if r.random() < 0.2:
            text += self.blank() + "# a remark \\"
        self.lines.append(text)
        self.at += 1
        if r.random() < 0.15:
            self.lines.append(r.choice(["", "# only a remark", "   \t"]))
            self.at += 1
        return line

    def text(self):
        end = self.r.choice(["\n", "\n", "\n", "\r\n"])
        whole = "\n".join(self.lines) + self.r.choice(["", "\n"])
        if self.r.random() < 0.1:
            whole = "\ufeff" + whole
        return whole.replace("\n", end)


def vary(r, name):
    return r.choice([name, name, name.upper(), name.title()])


def list_words(r, w, items):
    return w.comma().join(items)


def make_items(r, names, rule, hosts, n):
    """n items: (text, value) pairs."""
    out = []
    for _ in range(n):
        k = r.random()
        if rule and k < 0.12:
            out.append((vary(r, "any"), ("any", None)))
        elif rule and k < 0.17:
            out.append(("self", ("self", None)))
        elif rule and k < 0.24:
            out.append(("localsubnet", ("localsubnet", None)))
        elif k < 0.27 and not rule:
            out.append(("any", ("any", None)))
        elif k < 0.31:
            out.append(("internet", ("internet", None)))
        elif names and k < (0.85 if rule else 0.5):
            name = r.choice(names)
            out.append((vary(r, name), ("set", name)))
        elif hosts and k < 0.8:
            name = r.choice(MACHINES)
            out.append((vary(r, name), ("machine", name)))
        else:
            text, value = literal(r)
            out.append((text, ("range", value)))
    return out


def make_sets(r, p):
    """Definitions as words, in an order in which each names only former ones."""
    made, names = [], []
    for i in range(r.randint(1, 7)):
        kind = r.choice(["network", "hosts"])
        name = f"{'n' if kind == 'network' else 'h'}-{i}.set"
        plus = make_items(r, names, False, kind == "hosts", r.randint(1, 4))
        minus = make_items(r, names, False, kind == "hosts", r.randint(1, 2)) if r.random() < 0.5 else []
        p.sets[name] = (kind, [v for _, v in plus], [v for _, v in minus])
        names.append(name)
        made.append((kind, name, plus, minus))
    return made, names


def make_services(r, p):
    words, used = list(ROUTED), {445, 139, 137, 138, 5445, 443}
    for _ in range(r.choice([0, 0, 1, 2])):
        name = r.choice(["smb", "backup", "nas", "quic", "netbios"])
        port = r.choice([8445, 9445, 10445, 3445])
        if port in used or any(n == name for n, _, _ in p.extra):
            continue
        used.add(port)
        p.extra.append((name, r.choice(["tcp", "udp"]), port))
        if name not in words:
            words.append(name)
    return words


def make_policy(r):
    """(text, Policy, hosts file)"""
    p, w = Policy(), Writer(r)
    for m in MACHINES:
        if r.random() < 0.7:
            p.hosts[m.lower()] = [some_address(r) for _ in range(r.randint(1, 3))]
    made, names = make_sets(r, p)
    services = make_services(r, p)
    todo = [("set", m) for m in made] + [("service", e) for e in p.extra]
    todo += [("rule", None)] * r.randint(0, 7) + [("default", None)] * r.choice([0, 1, 1, 2, 2])
    r.shuffle(todo)
    action = r.choice(["block", "block", "allow"])
    for kind, what in todo:
        if kind == "set":
            verb, name, plus, minus = what
            words = [verb, vary(r, name), list_words(r, w, [t for t, _ in plus])]
            if minus:
                words += ["except", list_words(r, w, [t for t, _ in minus])]
            w.add(words)
        elif kind == "service":
            name, proto, port = what
            w.add(["service", vary(r, name), proto, str(port)])
        elif kind == "default":
            some = r.choice([["all-smb"], ["all-smb", "quic"], r.sample(services, 1), r.sample(services, 2)])
            d = r.choice([None, None, "in", "out"])
            if r.random() < 0.05:
                action = r.choice(["block", "allow"])
            line = w.add(["default", action, list_words(r, w, some)] + ([d] if d else []))
            p.defaults.append((line, action, some, d))
        else:
            some = r.sample(services, r.randint(1, 2))
            act = r.choice(["allow", "allow", "block"])
            d = r.choice([None, None, "in", "out"])
            f = make_items(r, names, True, False, r.choice([1, 1, 2, 3]))
            t = make_items(r, names, True, False, r.choice([1, 1, 2, 3]))
            if "quic" in some and r.random() < 0.95:
                t = [x for x in t if x[1][0] != "any"] or make_items(r, names, False, False, 1)
                t = [x for x in t if x[1][0] != "any"] or [("10.20.0.1", ("range", (ip("10.20.0.1"),) * 2))]
            line = w.add([act, list_words(r, w, some)] + ([d] if d else [])
                         + ["from", list_words(r, w, [x for x, _ in f]), "to",
                            list_words(r, w, [x for x, _ in t])])
            p.rules.append((line, act, some, d, [v for _, v in f], [v for _, v in t]))
    hosts = "".join(f"{a} {vary(r, m)}\n" for m, addrs in p.hosts.items() for a in addrs)
    return w.text(), p, hosts


def neighbours(a):
    out = [a]
    if int(a):
        out.append(a - 1)
    if int(a) + 1 < 2 ** a.max_prefixlen:
        out.append(a + 1)
    return out


def candidates(p):
    """Every address at which something begins or ends, and its neighbours."""
    ends = [ip(x) for x in ("0.0.0.0", "1.1.1.1", "9.9.9.9", "10.0.0.0", "11.0.0.0", "192.0.1.0", "198.20.0.0", "224.0.0.1",
                            "239.255.255.255", "240.0.0.0", "255.255.255.255", "::", "::2", "2000::", "3fff:1000::",
                            "2001:200::", "ff02::1", "ffff::")]
    from oracle import SPECIAL
    for n in SPECIAL:
        ends += [n[0], n[-1]]
    lists = [i for (_, plus, minus) in p.sets.values() for i in plus + minus]
    lists += [i for rule in p.rules for i in rule[4] + rule[5]]
    for kind, value in lists:
        if kind == "range":
            ends += list(value)
    for addrs in p.hosts.values():
        ends += addrs
    seen = {}
    for e in ends:
        for a in neighbours(e):
            seen[(a.version, int(a))] = a
    return list(seen.values())


def make_flow(r, p, near):
    """(what explain reads, what the oracle reads)"""
    hook = r.choice(["in", "out", "fwd"])

    def one(version):
        while True:
            k = r.random()
            if k < 0.6:
                a = some_address(r)
            elif k < 0.97:
                a = r.choice(near)
            else:
                a = ip(r.choice(["127.0.0.1", "::1", "255.255.255.255", "224.0.0.252", "ff02::1:3"]))
            if not version or a.version == version:
                return a

    client = one(None)
    server = one(client.version)
    flow = {"hook": hook, "client": str(client), "server": str(server)}
    own = {"hook": hook, "client": client, "server": server, "gateway": True, "names": [],
           "addrs": [], "localsubnet": [], "iif": "", "oif": "", "sport": 0}
    words = []
    if r.random() < 0.85:
        for _ in range(r.choice([1, 1, 2])):
            if r.random() < 0.5:
                words.append(vary(r, r.choice(MACHINES + ["stranger"])))
            else:
                words.append(str(some_address(r)))
        flow["host"] = words[0] if len(words) == 1 and r.random() < 0.7 else words
    elif r.random() < 0.5:
        flow["host"] = None
    if words and hook != "fwd":
        own["gateway"] = False
        for word in words:
            try:
                own["addrs"].append(ip(word))
            except ValueError:
                own["names"].append(word.lower())
                own["addrs"] += p.hosts.get(word.lower(), [])
        # Now and then the packet is really this machine's own.
        if own["addrs"] and r.random() < 0.4:
            side = "client" if hook == "out" else "server"
            mine = [a for a in own["addrs"] if a.version == client.version]
            if mine:
                own[side] = r.choice(mine)
                flow[side] = str(own[side])
    known = {"smb": ("tcp", 445), "netbios-ssn": ("tcp", 139), "netbios-ns": ("udp", 137),
             "netbios-dgm": ("udp", 138), "smbdirect": ("tcp", 5445), "quic": ("udp", 443),
             "tcp/445": ("tcp", 445), "udp/137": ("udp", 137), "tcp/443": ("tcp", 443), "tcp/80": ("tcp", 80)}
    for name, proto, port in p.extra:
        known[f"{proto}/{port}"] = (proto, port)
        if name not in ("smb", "netbios", "quic"):
            known[name] = (proto, port)
    flow["service"] = r.choice(list(known))
    own["svc"] = known[flow["service"]]
    if r.random() < 0.5:
        own["sport"] = flow["sport"] = r.choice([own["svc"][1], 137, 138, 49152])
    for key in ("iif", "oif"):
        if r.random() < 0.2:
            own[key] = flow[key] = r.choice(["eth0", "eth1", "lo" if r.random() < 0.3 else "eth2"])
    if r.random() < 0.5:
        nets = []
        for _ in range(r.randint(0, 2)):
            a = some_address(r)
            nets.append(ipaddress.ip_network(f"{a}/{a.max_prefixlen - r.choice([2, 3, 8])}", strict=False))
        flow["localsubnet"] = [str(n) for n in nets]
        own["localsubnet"] = [] if hook == "fwd" else nets
    return flow, own

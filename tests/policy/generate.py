"""Random policies of the whole language, as text and as the oracle's own value, and random
flows about them.  Small pools, so that sets overlap and flows hit."""
import ipaddress
import datetime
import json

from oracle import SPECIAL, Default, Policy, Rule

ip = ipaddress.ip_address

BASES = ["10.0.0.0", "10.20.0.0", "192.168.1.0", "203.0.113.0", "8.8.8.0", "fd00::", "2001:db8::",
         "2a00:1450::", "192.0.0.0", "3fff::"]
PUBLISHED = ["203.0.113.0", "8.8.8.0", "2001:db8::", "2a00:1450::"]  # a cloud's are no others
MACHINES = ["fs1", "fs2.corp.example", "Laptop-17", "ws_1", "printer"]
ROAMERS = ["laptop-17", "laptop-18", "tablet.corp.example"]
INTERFACES = ["eth0", "eth1", "wg0", "wg1", "tun0", "Wg0"]
GROUPS = ["staff", "admins", "fleet"]
DOMAINS = ["corp.example", "lost.example"]
NAMESPACES = ["\\\\corp\\dfs", "\\\\lost\\dfs"]
DAY = datetime.date(2027, 1, 15)
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


def list_words(w, texts):
    return w.comma().join(texts)


def make_items(r, names, rule, hosts, n):
    """n items: (text, value) pairs."""
    out = []
    for _ in range(n):
        k = r.random()
        if rule and k < 0.10:
            out.append((vary(r, "any"), ("any", None)))
        elif rule and k < 0.14:
            out.append(("self", ("self", None)))
        elif rule and k < 0.20:
            out.append(("localsubnet", ("localsubnet", None)))
        elif k < 0.23 and not rule:
            out.append(("any", ("any", None)))
        elif k < 0.26:
            out.append(("internet", ("internet", None)))
        elif k < 0.28:
            name = r.choice(DOMAINS)
            out.append((f"from domain {vary(r, name)}", ("domain", name)))
        elif k < 0.30:
            name = r.choice(NAMESPACES)
            out.append((f"from namespace {vary(r, name)}", ("namespace", name)))
        elif names and k < (0.88 if rule else 0.5):
            name = r.choice(names)
            out.append((vary(r, name), ("set", name)))
        elif hosts and k < 0.8:
            name = r.choice(MACHINES + (ROAMERS if r.random() < 0.3 else []))
            out.append((vary(r, name), ("machine", name)))
        else:
            text, value = literal(r)
            out.append((text, ("range", value)))
    return out


class Maker:
    """One policy, its text, and the files it needs."""

    def __init__(self, r, wild=False):
        self.r, self.p, self.wild = r, Policy(), wild
        self.main, self.files = Writer(r), {}
        self.inner = Writer(r) if r.random() < 0.25 else None
        self.late, self.names, self.roamers = [], [], []
        self.where = None  # the line of the include

    # the world outside

    def make_hosts(self):
        r, p = self.r, self.p
        for m in MACHINES:
            if r.random() < 0.7:
                p.hosts[m.lower()] = [some_address(r) for _ in range(r.randint(1, 3))]
        for m in ROAMERS:  # a file may say so; a policy in which they roam never asks
            if r.random() < 0.5:
                p.hosts[m.lower()] = [some_address(r)]
        for name in (DOMAINS[0], NAMESPACES[0]):
            p.hosts[name.lower()] = [some_address(r) for _ in range(r.randint(1, 2))]
        self.hosts_text = "".join(f"{a} {vary(r, m)}\n" for m, addrs in p.hosts.items() for a in addrs)

    def prefixes(self):
        nets = []
        for _ in range(self.r.randint(1, 4)):
            a = ip(self.r.choice(PUBLISHED)) + self.r.randint(0, 15)
            nets.append(ipaddress.ip_network(f"{a}/{a.max_prefixlen - self.r.randint(0, 4)}", strict=False))
        return nets

    def make_tags(self, i, folder):
        """A tags sentence over a file of its own."""
        r, name = self.r, f"t-{i}.tags"
        tags = {t: self.prefixes() for t in ("Storage.WestEurope", "Sql", "EventHub.Asia")}
        kind = r.choice(["azure", "office365"])
        path = f"tags-{i}.json"
        if kind == "azure":
            doc = {"changeNumber": 7, "cloud": "Public", "values": [
                {"name": t, "id": t, "properties": {"changeNumber": 3, "addressPrefixes": [str(n) for n in nets]}}
                for t, nets in tags.items()]}
        else:
            tags = {"Exchange.Optimize": tags["Sql"], "Common.Default": tags["EventHub.Asia"]}
            doc = [{"id": n, "serviceArea": t.split(".")[0], "category": t.split(".")[1], "tcpPorts": "443",
                    "ips": [str(n) for n in nets]} for n, (t, nets) in enumerate(tags.items())]
            doc.append({"id": 9, "serviceArea": "Common", "category": "Default", "urls": ["x.example"]})
            tags["Common"] = tags["Common.Default"]
        self.files[folder + path] = json.dumps(doc)
        some = r.sample(sorted(tags), r.randint(1, 2))
        items = [("range", (n[0], n[-1])) for t in some for n in tags[t]]
        self.p.sets[name] = ("tags", items, [])
        self.names.append(name)
        return ["tags", vary(r, name), kind, f'"{path}"', list_words(self.main, [vary(r, t) for t in some])]

    def make_sets(self):
        """Definitions, in an order in which each names only former ones."""
        r, p, made = self.r, self.p, []
        for i in range(r.randint(1, 7)):
            if r.random() < 0.12:
                made.append(("tags", i))
                continue
            kind = r.choice(["network", "hosts"])
            name = f"{'n' if kind == 'network' else 'h'}-{i}.set"
            plus = make_items(r, self.names, False, kind == "hosts", r.randint(1, 4))
            minus = make_items(r, self.names, False, kind == "hosts", r.randint(1, 2)) if r.random() < 0.5 else []
            made.append(self.keep(kind, name, plus, minus))
        if r.random() < 0.45:
            made += self.make_roaming()
        return made

    def keep(self, kind, name, plus, minus):
        self.p.sets[name] = (kind, [v for _, v in plus], [v for _, v in minus])
        self.names.append(name)
        words = [kind, vary(self.r, name), list_words(self.main, [t for t, _ in plus])]
        if minus:
            words += ["except", list_words(self.main, [t for t, _ in minus])]
        return ("words", words)

    def make_roaming(self):
        """Sets of names alone, sets that contain those, and the sentence."""
        r, made = self.r, []
        first = [(vary(r, m), ("machine", m)) for m in r.sample(ROAMERS, r.randint(1, 3))]
        more = [("ws_1", ("machine", "ws_1"))] if r.random() < 0.2 else []
        less = [(vary(r, ROAMERS[0]), ("machine", ROAMERS[0]))] if r.random() < 0.2 and len(first) > 1 else []
        made.append(self.keep("hosts", "laptops", first + more, less))
        self.roamers.append("laptops")
        if r.random() < 0.4:
            kind = r.choice(["hosts", "network"])
            plus = [("Laptops", ("set", "laptops"))] + make_items(r, self.names, False, kind == "hosts", r.randint(0, 2))
            minus = make_items(r, self.names, False, kind == "hosts", 1) if r.random() < 0.4 else []
            made.append(self.keep(kind, "mobile", plus, minus))
            self.roamers.append("mobile")
        named = ["laptops"]
        if r.random() < 0.04:
            named.append(r.choice(self.names))  # often wrong
        self.p.roaming = [n for n in named]
        made.append(("words", ["roaming", list_words(self.main, [vary(r, n) for n in named])]))
        return made

    def make_services(self):
        r, p, words, used = self.r, self.p, list(ROUTED), {445, 139, 137, 138, 5445, 443}
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

    def make_others(self):
        """Interfaces, groups, and what decides nothing."""
        r, p, made = self.r, self.p, []
        for name in ("vpn", "Wired"):
            if r.random() < 0.7:
                p.interfaces[name] = [x + "*" if r.random() < 0.3 else x
                                      for x in r.sample(INTERFACES + ["wg", "e"], r.randint(1, 3))]
                made.append(("words", ["interfaces", vary(r, name), list_words(self.main, p.interfaces[name])]))
        for name in GROUPS:
            if r.random() < 0.8:
                p.groups.append(name)
                how = r.choice([["certificate", '"CN=Fleet CA"'], ["kerberos", '"CORP\\Desk"'], ["sid", "S-1-5-21-7-8"]])
                made.append(("words", ["group", vary(r, name), *how]))
        if self.roamers and r.random() < 0.03:
            p.groups.append(r.choice(self.roamers))
            made.append(("words", ["group", p.groups[-1], "sid", "S-1-5-32-544"]))
        if r.random() < 0.3:
            made += [("words", x) for x in (["profile", "domain", "when", "authenticated by", self.names[0], "and",
                                             "interface", "eth0"], ["profile", "public", "otherwise"])]
        if r.random() < 0.2:
            made.append(("words", ["server", "off", "on", vary(r, self.names[0]), "when unused", "30 days"]))
        if r.random() < 0.2:
            made.append(("words", ["audit", "shares", "on", self.names[-1], "for", "14d"]))
        if r.random() < 0.2:
            made += [("words", x) for x in (["ring", "pilot", "hosts", self.names[0], "soak", "3", "days"],
                                             ["ring", "some", "10%", "of", self.names[-1]],
                                             ["ring", "all-others", "rest"])]
        return made

    # rules

    def clauses(self, rule):
        """What follows the `to`, in any order."""
        r, p, out = self.r, self.p, []
        allow = rule.action == "allow" or r.random() < 0.01
        if r.random() < 0.35:
            rule.on = set(r.sample(["domain", "private", "public"], r.randint(1, 3)))
            out.append("on " + ("all" if len(rule.on) == 3 and r.random() < 0.8
                                else list_words(self.main, sorted(rule.on))))
        if p.interfaces and r.random() < 0.2 and (rule.action == "allow" or rule.direction == "out"
                                                  or r.random() < 0.03):
            rule.via = r.choice(sorted(p.interfaces))
            out.append("via " + vary(r, rule.via))
        if allow and r.random() < (0.85 if self.needs_secure(rule) else 0.4):
            rule.level = r.choice(["secure", "integrity", "encrypted"])
            text = "if " + rule.level
            if p.groups and r.random() < 0.4:
                rule.groups = r.sample(p.groups, r.randint(1, min(2, len(p.groups))))
                text += " as " + list_words(self.main, [vary(r, g) for g in rule.groups])
            if r.random() < 0.3:
                rule.by = r.choice(["certificate", "kerberos"])
                text += " by " + rule.by
            out.append(text)
        if allow and (not rule.level and r.random() < 0.6 or r.random() < 0.01):
            rule.even = True
            out.append("even in clear")
        if r.random() < 0.2:
            rule.until = DAY + datetime.timedelta(days=r.choice([-1, 0, 1, -300, 300]))
            out.append(f"until {rule.until}")
        if allow and r.random() < 0.1:
            rule.lasts = 7200
            out.append(r.choice(["for 2h", "for 120 minutes", "for 7200s"]))
        r.shuffle(out)
        return out

    def needs_secure(self, rule):
        return rule.direction != "out" and any(v == ("set", n) for v in rule.from_ for n in self.roamers)

    def make_rule(self, services):
        r = self.r
        some = r.sample(services, r.randint(1, 2))
        act = r.choice(["allow", "allow", "block"])
        d = r.choice([None, None, "in", "out"])
        f = make_items(r, self.names, True, False, r.choice([1, 1, 2, 3]))
        t = make_items(r, self.names, True, False, r.choice([1, 1, 2, 3]))
        if r.random() < 0.9:
            t = [x for x in t if d == "in" or x[1] not in [("set", n) for n in self.roamers]] or t
            if act == "block" and d != "out":
                f = [x for x in f if x[1] not in [("set", n) for n in self.roamers]] or f
        if "quic" in some and r.random() < 0.95:
            t = [x for x in t if x[1][0] != "any"] or make_items(r, self.names, False, False, 1)
            t = [x for x in t if x[1][0] != "any"] or [("10.20.0.1", ("range", (ip("10.20.0.1"),) * 2))]
        rule = Rule(act, some, d, [v for _, v in f], [v for _, v in t])
        words = ([act, list_words(self.main, some)] + ([d] if d else [])
                 + ["from", list_words(self.main, [x for x, _ in f]), "to",
                    list_words(self.main, [x for x, _ in t])])
        return rule, words + self.clauses(rule)

    def make_rules(self, services):
        """Some rules; unless it may be wild, those that are errors are left out."""
        rules = [self.make_rule(services) for _ in range(self.r.choice([0, 2, 4, 8, 12]))]
        self.p.rules = [rule for rule, _ in rules]
        near = candidates(self.p)
        while self.p.rules and not self.wild:
            wrong = self.p.wrong(near)
            if not wrong or not wrong[1]:
                break
            self.p.rules.remove(wrong[1])
        return [x for x in rules if x[0] in self.p.rules]

    def make_default(self, services, action):
        r = self.r
        some = r.choice([["all-smb"], ["all-smb", "quic"], ["quic", "all-smb"], r.sample(services, 1), r.sample(services, 2)])
        d = r.choice([None, None, "in", "out"])
        if r.random() < 0.05:
            action = r.choice(["block", "allow"])
        return Default(action, some, d), ["default", action, list_words(self.main, some)] + ([d] if d else [])

    # the text

    def write(self, what, words):
        """One sentence into one of the files; rules and defaults are noted as they are read."""
        inner = self.inner and self.r.random() < 0.4
        w = self.inner if inner else self.main
        line = w.add(words)
        if what:
            what.line, what.file = line, "sub/inner.policy" if inner else "p.policy"
            what.lines = range(line, w.at)
        return inner

    def make(self):
        r, p = self.r, self.p
        p.today = DAY
        self.make_hosts()
        made = self.make_sets()
        made = [(k, self.make_tags(v, "") if k == "tags" else v) for k, v in made]
        if not self.names:
            made.append(self.keep("network", "n-9.set", *[make_items(r, [], False, False, 1), []]))
        services = self.make_services()
        todo = [(None, words) for _, words in made + self.make_others()]
        todo += [(None, ["service", vary(r, n), proto, str(port)]) for n, proto, port in p.extra]
        action = r.choice(["block", "block", "allow"])
        todo += self.make_rules(services)
        todo += [self.make_default(services, action) for _ in range(r.choice([0, 1, 2, 2, 3]))]
        r.shuffle(todo)
        at = r.randint(0, len(todo)) if self.inner else -1
        before, within, after = [], [], []
        for i, (what, words) in enumerate(todo + [(None, None)]):
            if i == at:
                self.main.add(["include", '"sub/inner.policy"'])
                self.where = True
            if words is None:
                continue
            if words[0] == "tags" and self.inner:
                self.main.add(words)  # its file lies beside the main one
                continue
            into = within if self.write(what, words) else after if self.where else before
            if what:
                into.append(what)
        read = before + within + after
        p.rules = [x for x in read if isinstance(x, Rule)]
        p.defaults = [x for x in read if isinstance(x, Default)]
        if self.inner:
            self.files["sub/inner.policy"] = self.inner.text()
        self.text = self.main.text()
        return self


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
    for n in SPECIAL:
        ends += [n[0], n[-1]]
    lists = [i for (_, plus, minus) in p.sets.values() for i in plus + minus]
    lists += [i for rule in p.rules for i in rule.from_ + rule.to]
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
           "given": [], "localsubnet": [], "iif": "", "oif": "", "sport": 0, "profile": None,
           "secured": None, "level": None, "by": None}
    words = []
    if r.random() < 0.85:
        for _ in range(r.choice([1, 1, 2])):
            if r.random() < 0.5:
                words.append(vary(r, r.choice(MACHINES + ROAMERS * 2 + ["stranger"])))
            else:
                words.append(str(some_address(r)))
        flow["host"] = words[0] if len(words) == 1 and r.random() < 0.7 else words
    elif r.random() < 0.5:
        flow["host"] = None
    if words and hook != "fwd":
        own["gateway"] = False
        for word in words:
            try:
                own["given"].append(ip(word))
            except ValueError:
                own["names"].append(word.lower())
        # Now and then the packet is really this machine's own.
        if p.own(own) and r.random() < 0.4:
            side = "client" if hook == "out" else "server"
            mine = [a for a in p.own(own) if a.version == client.version]
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
    if r.random() < 0.6:
        flow["service"] = r.choice(["smb", "netbios-ns", "smbdirect", "quic"])
    own["svc"] = known[flow["service"]]
    if r.random() < 0.5:
        own["sport"] = flow["sport"] = r.choice([own["svc"][1], 137, 138, 49152])
    for key in ("iif", "oif"):
        if r.random() < 0.2:
            own[key] = flow[key] = r.choice(["eth2", "lo" if r.random() < 0.3 else "eth2"])
        elif r.random() < 0.6:
            own[key] = flow[key] = r.choice(INTERFACES)
    if r.random() < 0.5:
        nets = []
        for _ in range(r.randint(0, 2)):
            a = some_address(r)
            nets.append(ipaddress.ip_network(f"{a}/{a.max_prefixlen - r.choice([2, 3, 8])}", strict=False))
        flow["localsubnet"] = [str(n) for n in nets]
        own["localsubnet"] = [] if hook == "fwd" else nets
    if r.random() < 0.6:
        own["profile"] = flow["profile"] = r.choice(["domain", "private", "public"])
    if r.random() < 0.6:
        names = GROUPS + ["laptops", "mobile", "nobody"]
        own["secured"] = flow["secured"] = [vary(r, g) for g in r.sample(names, r.randint(0, 4))]
    elif r.random() < 0.3:
        flow["secured"] = None
    if r.random() < 0.6:
        own["level"] = flow["level"] = r.choice(["secure", "integrity", "encrypted", "encrypted"])
    if r.random() < 0.5:
        own["by"] = flow["by"] = r.choice(["certificate", "kerberos"])
    return flow, own

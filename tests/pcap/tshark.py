#!/usr/bin/env python3
"""Hold the sensor's rows against what tshark says of the same captures, TCP connection by
connection.

usage: tshark.py LEAVES-PROGRAM CAPTURE…

Compared: the two ends, dialect, signing and cipher, who logged on from where and how that ended,
the service of a ticket, shares with type, status and encryption of their own, files opened, pipes
and DCE/RPC interfaces, what was signed and encrypted.
Where tshark is not installed this says so and exits 77 (skipped).
"""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

DIALECTS = {"0x0202": "2.0.2", "0x0210": "2.1", "0x0300": "3.0", "0x0302": "3.0.2", "0x0311": "3.1.1"}
CIPHERS = {"0x0001": "AES-128-CCM", "0x0002": "AES-128-GCM", "0x0003": "AES-256-CCM", "0x0004": "AES-256-GCM"}
SIGNING = {"0x0000": "HMAC-SHA256", "0x0001": "AES-CMAC", "0x0002": "AES-GMAC"}
TYPES = {"0x01": "disk", "0x02": "pipe", "0x03": "print"}
SERVICES = {"A:": "disk", "IPC": "pipe", "LPT1:": "print"}
OPENS1 = {"0x02", "0x03", "0x0e", "0x0f", "0x2d", "0xa2"}
DOS = {("0x01", "0x0005"): "0xc0000022", ("0x01", "0x0043"): "0xc00000cc", ("0x02", "0x0002"): "0xc000006a"}
PENDING, MORE, OK = "0x00000103", "0xc0000016", "0x00000000"
INTERFACES = {
    "4b324fc8-1670-01d3-1278-5a47bf6ee188": "srvsvc", "6bffd098-a112-3610-9833-46c3f87e345a": "wkssvc",
    "367abb81-9844-35f1-ad32-98f038001003": "svcctl", "338cd001-2244-31f1-aaaa-900038001003": "winreg",
    "12345778-1234-abcd-ef00-0123456789ac": "samr", "12345778-1234-abcd-ef00-0123456789ab": "lsarpc",
    "3919286a-b10c-11d0-9ba8-00c04fd92ef5": "lsarpc", "12345678-1234-abcd-ef00-0123456789ab": "spoolss",
    "12345678-1234-abcd-ef00-01234567cffb": "netlogon", "1ff70682-0a51-30e8-076d-740be8cee98b": "atsvc",
    "86d35949-83c9-4044-b424-db363231fd0c": "atsvc", "82273fdc-e32a-18c3-3f78-827929dc23ea": "eventlog",
    "e1af8308-5d1f-11c9-91a4-08002b14a0fa": "epmapper", "4fc742e0-4a10-11cf-8273-00aa004ae673": "netdfs",
    "894de0c0-0d55-11d3-a322-00c04fa321a1": "initshutdown",
}
PIPES = {"srvsvc", "wkssvc", "svcctl", "winreg", "samr", "lsarpc", "netlogon", "spoolss", "atsvc", "eventlog",
         "epmapper", "netdfs", "initshutdown"}
ALIASES = {"lsass": "lsarpc", "ntsvcs": "ntsvcs", "plugplay": "ntsvcs"}


def pipe(name):
    name = name.replace("/", "\\").strip("\\").lower().removeprefix("pipe\\")
    return ALIASES.get(name, name if name in PIPES else "other")


class Pdu(dict):
    """Field name → its values, of one message of SMB."""

    def one(self, name, default=None):
        return self.get(name, [default])[0]

    def last(self, name, default=None):
        return self.get(name, [default])[-1]

    def true(self, name):
        return self.one(name, "0") in ("1", "True")


def pdus_of(packet):
    found = []
    for proto in packet:
        name = proto.get("name")
        if name in ("smb", "smb2") or (name == "nbss" and not found):
            found.append(Pdu(proto=[name]))
        elif not found:
            continue
        for f in proto.iter("field"):
            if f.get("name"):
                found[-1].setdefault(f.get("name"), []).append(f.get("show", ""))
    return [p for p in found if p.one("proto") != "nbss" or "nbss.calling_name" in p]


def conversations(path):
    """TCP stream → (ends of its first packet with SMB, its messages in order)."""
    argv = ["tshark", "-r", path, "-Y", "smb or smb2 or (dcerpc and tcp) or nbss.calling_name", "-T", "pdml",
            "-o", "tcp.reassemble_out_of_order:TRUE"]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    streams = {}
    for _, packet in ET.iterparse(child.stdout):
        if packet.tag != "packet":
            continue
        fields = {f.get("name"): f.get("show") for p in packet for f in p.iter("field")
                  if p.get("name") in ("tcp", "ip", "ipv6")}
        pdus = pdus_of(packet)
        if pdus and "tcp.stream" in fields:
            ends = (fields.get("ip.src") or fields.get("ipv6.src"), fields.get("tcp.srcport"),
                    fields.get("ip.dst") or fields.get("ipv6.dst"), fields.get("tcp.dstport"))
            streams.setdefault(fields["tcp.stream"], []).extend((ends, p) for p in pdus)
        packet.clear()
    child.wait()
    return streams


class Said:
    """What tshark says of one connection."""

    def __init__(self):
        self.ends = None
        self.words = {}
        self.offered = self.encrypted = self.guest = self.signed = self.encrypts_sessions = False
        self.logons, self.asked = {}, {}
        self.shares, self.opens, self.pipes = set(), {}, set()
        self.trees, self.names = {}, {}
        self.hidden, self.services, self.workstations, self.calling = set(), set(), set(), None

    def roles(self, ends, response):
        if response is not None and not self.ends:
            src, sport, dst, dport = ends
            self.ends = (dst, dport, src, sport) if response else (src, sport, dst, dport)

    def nbss(self, p, ends):
        self.calling = p.one("nbss.calling_name").split("<")[0]

    # ---- SMB2 ----

    def smb2(self, p, ends):
        if p.one("smb2.cmd") is None:
            self.encrypted |= "smb2.header.transform.signature" in p or p.one("smb2.protocol_id") == "0xfd534d42"
            return
        command, response = int(p.one("smb2.cmd"), 0), p.true("smb2.flags.response")
        self.roles(ends, response)
        status = p.one("smb2.nt_status", OK)
        if command == 0:
            self.negotiate2(p, response)
        elif command == 1:
            self.logon2(p, response, status)
        elif p.true("smb2.flags.signature") and p.one("smb2.sesid") != "0x0000000000000000":
            self.signed = True
        if command == 3 and not response:
            self.names[p.one("smb2.msg_id")] = p.one("smb2.tree")
        elif command == 3 and status != PENDING:
            path, kind = self.names.get(p.one("smb2.msg_id")), TYPES.get(p.one("smb2.share_type"))
            self.shares.add((path, status, kind))
            if status == OK and p.true("smb2.share_flags.encrypt_data"):
                self.hidden.add(path)
            self.trees[p.one("smb2.sesid"), p.one("smb2.tid")] = path, kind
        if command == 5:
            self.open2(p, response, status)
        self.bind(p)

    def negotiate2(self, p, response):
        mode = "required" if p.true("smb2.sec_mode.sign_required") else \
            "enabled" if p.true("smb2.sec_mode.sign_enabled") else "off"
        if not response:
            self.words["signing_client"] = mode
            return
        if "smb2.sec_mode" in p:
            self.words["signing_server"] = mode
        if p.one("smb2.dialect") in DIALECTS:
            self.words["dialect"] = DIALECTS[p.one("smb2.dialect")]
            self.words["cipher"] = CIPHERS.get(p.one("smb2.negotiate_context.cipher_id"))
            self.words["signing_algorithm"] = SIGNING.get(p.one("smb2.negotiate_context.signing_id"))

    def logon2(self, p, response, status):
        if not response:
            self.claim(p, p.one("smb2.msg_id"))
        elif status not in (MORE, PENDING):
            self.answer(p.one("smb2.msg_id"), status)
            self.guest |= p.true("smb2.ses_flags.guest")
            self.encrypted |= p.true("smb2.ses_flags.encrypt")
            self.encrypts_sessions |= p.true("smb2.ses_flags.encrypt")
            self.signed |= p.true("smb2.flags.signature")

    def open2(self, p, response, status):
        key = p.one("smb2.msg_id")
        if not response:
            self.names[key] = p.one("smb2.filename", "")
        elif status == OK or status[2] in "48":
            self.opened(self.trees.get((p.one("smb2.sesid"), p.one("smb2.tid"))), self.names.get(key))

    # ---- SMB1 ----

    def smb1(self, p, ends):
        command, response = p.one("smb.cmd"), p.true("smb.flags.response")
        self.roles(ends, response)
        status = p.one("smb.nt_status", OK)
        if p.one("smb.error_class", "0x00") != "0x00":
            status = DOS.get((p.one("smb.error_class"), p.one("smb.error_code")), "an error of DOS")
        commands = set(p.get("smb.cmd", []))
        if command == "0x72":
            self.negotiate1(p, response)
            return
        if p.true("smb.flags2.sec_sig") and p.one("smb.signature", "") not in \
                ("", "00:00:00:00:00:00:00:00", "42:53:52:53:50:59:4c:20"):
            self.signed = True
        if "0x73" in commands:
            self.logon1(p, response, status)
        if "0x75" in commands and response:
            path = p.one("smb.path")
            kind = SERVICES.get(p.one("smb.service")) if status == OK else None
            self.shares.add((path, status, kind))
            self.trees[p.one("smb.uid"), p.one("smb.tid")] = path, kind
        if command in OPENS1:
            key = p.one("smb.mid"), p.one("smb.pid")
            if not response:
                self.names[key] = p.one("smb.file", "")
            elif status == OK:
                self.opened(self.trees.get((p.one("smb.uid"), p.one("smb.tid"))), self.names.get(key))
        self.bind(p)

    def negotiate1(self, p, response):
        if not response:
            self.offered = True
            self.dialects = p.get("smb.dialect.name", [])
            return
        index = int(p.one("smb.dialect.index", "65535"), 0)
        if index < len(getattr(self, "dialects", [])):
            self.words["dialect"] = self.dialects[index]
            if "smb.sm.sig_required" in p:
                self.words["signing_server"] = "required" if p.true("smb.sm.sig_required") else \
                    "enabled" if p.true("smb.sm.signatures") else "off"

    def logon1(self, p, response, status):
        key = p.one("smb.mid"), p.one("smb.pid")
        if not response:
            self.claim(p, key)
            if "smb.account" in p:
                nt, lm = int(p.one("smb.unicode_pwlen", "0")), int(p.one("smb.ansi_pwlen", p.one("smb.pwlen", "0")))
                version = "v2" if nt > 24 else "v1" if nt == 24 else None
                user, domain = p.one("smb.account"), p.one("smb.primary_domain", "")
                anonymous = not user and nt <= 1 and lm <= 1
                self.asked[key] = ("anonymous" if anonymous else "ntlm", version, user, domain)
        elif status != MORE:
            self.answer(key, status)
            self.guest |= p.true("smb.setup.action.guest")

    # ---- both ----

    def claim(self, p, key):
        if "ntlmssp.auth.username" in p:
            # Of an empty response its place is shown instead; a real one is longer.
            size = len(p.one("ntlmssp.auth.ntresponse", "").replace(":", "")) // 2
            size = size if size >= 24 else 0
            user, domain = (p.one(f"ntlmssp.auth.{n}", "") for n in ("username", "domain"))
            user, domain = ("" if x == "NULL" else x for x in (user, domain))
            version = "v2" if size > 24 else "v1" if size == 24 else None
            self.asked[key] = ("ntlm" if size or user else "anonymous", version, user, domain)
            self.workstations.add(p.one("ntlmssp.auth.hostname", ""))
        elif "kerberos.SNameString" in p:
            self.asked[key] = ("kerberos", None, None, p.one("kerberos.realm"))
            self.services.add("/".join(p["kerberos.SNameString"]))

    def answer(self, key, status):
        if key in self.asked:
            self.logons[self.asked[key]] = status

    def opened(self, tree, name):
        if not tree:
            return
        path, kind = tree
        self.opens[path] = self.opens.get(path, 0) + 1
        if kind == "pipe" and name:
            self.pipes.add(pipe(name))

    def bind(self, p):
        for uuid in p.get("dcerpc.cn_bind_to_uuid", []):
            self.pipes.add(INTERFACES.get(uuid, "other"))


def said_of(messages):
    said = Said()
    for ends, p in messages:
        {"smb2": said.smb2, "smb": said.smb1, "nbss": said.nbss}[p.one("proto")](p, ends)
    return said


# ---- our side ----

def split(path, folder):
    """One capture for each TCP connection of an Ethernet pcap; ends → file."""
    with open(path, "rb") as f:
        data = f.read()
    files, at = {}, 24
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        record = data[at:at + 16 + length]
        at += 16 + length
        tags = 0
        while record[28 + tags:30 + tags] in (b"\x81\x00", b"\x88\xa8"):
            tags += 4
        p = record[30 + tags:]
        if record[28 + tags:30 + tags] == b"\x86\xdd":
            a, b, proto, t = p[8:24], p[24:40], p[6], p[40:]
        else:
            a, b, proto, t = p[12:16], p[16:20], p[9], p[4 * (p[0] & 15):]
        if proto == 6 and len(t) >= 4:
            key = frozenset(((a, t[:2]), (b, t[2:4])))
            files.setdefault(key, []).append(record)
    for i, (key, records) in enumerate(files.items()):
        name = os.path.join(folder, f"{i}.pcap")
        with open(name, "wb") as f:
            f.write(data[:24] + b"".join(records))
        yield key, name


def key_of(ends):
    import socket
    def raw(a):
        return socket.inet_pton(socket.AF_INET6 if ":" in a else socket.AF_INET, a)
    src, sport, dst, dport = ends
    return frozenset(((raw(src), struct.pack(">H", int(sport))), (raw(dst), struct.pack(">H", int(dport)))))


def rows_of(leaves, path):
    out = subprocess.run([leaves, path], capture_output=True, text=True, check=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    tally = [r for r in rows if "tally" in r][-1]
    return [r for r in rows if "client" in r], tally


def differences(said, rows, tally):
    bad = []

    def expect(what, got, want):
        if got != want:
            bad.append(f"{what}: rows say {got!r}, tshark {want!r}")

    client, _, server, port = said.ends
    expect("ends", {(r["client"], r["server"], r["port"]) for r in rows}, {(client, server, int(port))})
    for name in "dialect", "cipher", "signing_algorithm", "signing_server", "signing_client":
        expect(name, {r[name] for r in rows}, {said.words.get(name)})
    expect("smb1_offered", any(r["smb1_offered"] for r in rows), said.offered)
    got = {(r["auth"], r["ntlm"], r["user"], r["domain"], r["auth_status"]) for r in rows
           if r["auth"] and r["auth_status"]}
    expect("logons", got, {(*who, status) for who, status in said.logons.items()})
    expect("shares", {(r["share"], r["share_status"], r["share_type"]) for r in rows if r["share"]}, said.shares)
    expect("opens", {r["share"]: r["opens"] for r in rows if r["opens"]}, said.opens)
    expect("pipes", {p for r in rows for p in r["pipes"]}, said.pipes)
    expect("services", {r["service"] for r in rows if r["service"]}, said.services)
    told, unsaid = {r["workstation"] for r in rows if r["workstation"]}, {"", "NULL", said.calling}
    expect("workstations", told - unsaid, said.workstations - unsaid)
    if said.calling:
        expect("a workstation on 139", bool(told), True)
    if not said.encrypts_sessions:
        expect("encrypted shares", {r["share"] for r in rows if r["share"] and r["encrypted"]}, said.hidden)
    expect("guest", any(r["guest"] for r in rows), said.guest)
    if not any((r["dialect"] or "").startswith("NT") for r in rows):
        # Samba's own encryption of SMB1 is nothing to tshark.
        expect("encrypted", any(r["encrypted"] for r in rows), said.encrypted)
    expect("signed", any(r["signed"] for r in rows), said.signed)
    for count in "malformed", "gaps", "evicted":
        expect(count, tally[count], 0)
    return bad


def compare(leaves, path, say):
    """Every connection of the capture; returns how many there were and how many differ."""
    count = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        files = dict(split(path, folder))
        for stream, messages in conversations(path).items():
            said = said_of(messages)
            if not said.ends:
                continue
            rows, tally = rows_of(leaves, files[key_of(said.ends)])
            bad = differences(said, rows, tally)
            count += 1
            wrong += bool(bad)
            say(stream, said, bad)
    return count, wrong


def available():
    return shutil.which("tshark") is not None


def main(argv):
    if len(argv) < 3:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    if not available():
        print("skipped: tshark is not installed (tools/setup test)")
        return 77
    total = 0

    def say(stream, said, bad):
        for b in bad:
            print(f"stream {stream}, {said.ends[0]} to {said.ends[2]}:{said.ends[3]}: {b}")

    for path in argv[2:]:
        count, wrong = compare(argv[1], path, say)
        total += wrong
        print(f"{path}: {count} connections, {wrong} differ")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

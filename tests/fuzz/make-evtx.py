#!/usr/bin/env python3
"""Make EVTX files: seeds for the fuzzer and unit tests, and large ones for the bench.

    make-evtx.py seeds FOLDER       every value type and token, small
    make-evtx.py bulk FILE MIB      chunks full of Security events as a file server logs them

Nothing here reads a file of Windows; the layout is that of [MS-EVEN6] 2.2.12 and of what
readers of EVTX document.  The same arguments make the same bytes.
"""
import random
import struct
import sys
import uuid
import zlib

CHUNK = 65536
NS = "http://schemas.microsoft.com/win/2004/08/events/event"
STRING, ANSI, INT8, UINT8, INT16, UINT16, INT32, UINT32, INT64, UINT64 = range(1, 11)
REAL32, REAL64, BOOL, BINARY, GUID, SIZE, FILETIME, SYSTEMTIME, SID, HEX32, HEX64 = range(11, 22)
BINXML, ARRAY = 0x21, 0x80
SECURITY = "Microsoft-Windows-Security-Auditing"


def filetime(unix):
    return int((unix + 11644473600) * 10**7)


def sid(text):
    parts = [int(p) for p in text.split("-")[1:]]
    return struct.pack("<BB", parts[0], len(parts) - 2) + parts[1].to_bytes(6, "big") + b"".join(
        struct.pack("<I", p) for p in parts[2:])


class Sub:
    """A place where an instance's value goes."""

    def __init__(self, index, kind=STRING, optional=False):
        self.index, self.kind, self.optional = index, kind, optional


class El:
    def __init__(self, name, *content, **attributes):
        self.name, self.content, self.attributes = name, content, attributes


class Raw(bytes):
    """Tokens as they are."""


class Chunk:
    def __init__(self, first_record):
        self.b = bytearray(512)
        self.first = self.next = first_record
        self.names, self.templates = {}, {}
        self.last_at = 0
        self.id_places = []

    # names and text

    def name(self, out, base, text):
        at = base + len(out) + 4
        if text in self.names:
            out += struct.pack("<I", self.names[text])
            return
        self.names[text] = at
        h = 0
        for ch in text:
            h = (h * 65599 + ord(ch)) & 0xffffffff
        out += struct.pack("<IIHH", at, 0, h & 0xffff, len(text)) + text.encode("utf-16-le") + b"\0\0"

    def content(self, out, base, item):
        if isinstance(item, Sub):
            out += struct.pack("<BHB", 0x0e if item.optional else 0x0d, item.index, item.kind)
        elif isinstance(item, Raw):
            out += item
        elif isinstance(item, El):
            self.element(out, base, item)
        elif isinstance(item, tuple):  # ("entity", "amp")
            out += b"\x09"
            self.name(out, base, item[1])
        else:
            units = item.encode("utf-16-le")
            out += struct.pack("<BBH", 5, 1, len(units) // 2) + units

    def element(self, out, base, e, dependency=True):
        out += bytes([0x41 if e.attributes else 0x01])
        if dependency:
            out += struct.pack("<H", 0xffff)
        size_at = len(out)
        out += b"\0\0\0\0"
        self.name(out, base, e.name)
        if e.attributes:
            list_at = len(out)
            out += b"\0\0\0\0"
            left = len(e.attributes)
            for key, value in e.attributes.items():
                left -= 1
                out += bytes([0x46 if left else 0x06])
                self.name(out, base, key)
                self.content(out, base, value)
            struct.pack_into("<I", out, list_at, len(out) - list_at - 4)
        if e.content:
            out += b"\x02"
            for item in e.content:
                if isinstance(item, El):
                    self.element(out, base, item, dependency)
                else:
                    self.content(out, base, item)
            out += b"\x04"
        else:
            out += b"\x03"
        struct.pack_into("<I", out, size_at, len(out) - size_at - 4)

    # instances

    def instance(self, base, key, root, values):
        """values: [(type, bytes or a function that makes them for the place they have)]."""
        out = bytearray(b"\x0f\x01\x01\x00\x0c\x01")
        guid = uuid.uuid5(uuid.NAMESPACE_URL, "bulkhead:" + key).bytes_le
        out += guid[:4]
        at = base + len(out) + 4
        if key in self.templates:
            out += struct.pack("<I", self.templates[key])
        else:
            self.templates[key] = at
            out += struct.pack("<I", at) + b"\0\0\0\0" + guid + b"\0\0\0\0"
            body_at = len(out)
            out += b"\x0f\x01\x01\x00"
            self.element(out, base, root)
            out += b"\x00"
            struct.pack_into("<I", out, body_at - 4, len(out) - body_at)
        out += struct.pack("<I", len(values))
        places = base + len(out) + 4 * len(values)
        done = []
        for kind, v in values:
            v = v(places) if callable(v) else v
            places += len(v)
            done.append((kind, v))
        for kind, v in done:
            out += struct.pack("<HBB", len(v), kind, 0)
        for kind, v in done:
            out += v
        return out

    def record(self, fragment, when):
        """fragment: a function of the place it will have; False if it does not fit."""
        names, templates = dict(self.names), dict(self.templates)
        at = len(self.b)
        body = fragment(at + 24, self.next)
        body += b"\0" * (-(len(body) + 28) % 8)
        size = 24 + len(body) + 4
        if at + size >= CHUNK:  # libevtx does not see the last record of one that is full
            self.names, self.templates = names, templates
            return False
        self.b += b"**\0\0" + struct.pack("<IQQ", size, self.next, filetime(when)) + body
        self.b += struct.pack("<I", size)
        self.last_at = at
        self.id_places.append(at + 8)
        self.next += 1
        return True

    def finish(self):
        end, last = len(self.b), self.next - 1
        self.b += b"\0" * (CHUNK - end)
        seal(self.b, self.first, last, self.last_at, end)
        return bytes(self.b)


def seal(b, first, last, last_at, end):
    b[0:128] = b"ElfChnk\0" + struct.pack("<QQQQIII", first, last, first, last, 128, last_at, end) + struct.pack(
        "<I", zlib.crc32(bytes(b[512:end]))) + b"\0" * 68 + b"\0\0\0\0"
    struct.pack_into("<I", b, 120, 1)
    struct.pack_into("<I", b, 124, zlib.crc32(bytes(b[128:512]), zlib.crc32(bytes(b[0:120]))))


def header(chunks, next_record, flags=0):
    h = bytearray(b"ElfFile\0" + struct.pack("<QQQIHHHH", 0, max(chunks - 1, 0), next_record, 128, 1, 3, 4096,
                                             chunks & 0xffff) + b"\0" * 76 + struct.pack("<I", flags))
    h += struct.pack("<I", zlib.crc32(bytes(h[:120])))
    return bytes(h) + b"\0" * (4096 - len(h))


def text(s):
    return s.encode("utf-16-le")


# An event as Windows builds it: System's template around, the provider's own inside.

def system(*inside, computer="fs1.corp.example", provider=SECURITY, channel="Security"):
    return El(
        "Event",
        El("System",
           El("Provider", Name=provider, Guid="{54849625-5478-4994-A5BA-3E3B0328C30D}"),
           El("EventID", Sub(3, UINT16), Qualifiers=Sub(4, UINT16, True)),
           El("Version", Sub(11, UINT8)), El("Level", Sub(0, UINT8)), El("Task", Sub(2, UINT16)),
           El("Opcode", Sub(1, UINT8)), El("Keywords", Sub(5, HEX64)),
           El("TimeCreated", SystemTime=Sub(6, FILETIME)),
           El("EventRecordID", Sub(10, UINT64)),
           El("Correlation", ActivityID=Sub(7, GUID, True), RelatedActivityID=Sub(18, GUID, True)),
           El("Execution", ProcessID=Sub(8, UINT32), ThreadID=Sub(9, UINT32)),
           El("Channel", channel), El("Computer", computer),
           El("Security", UserID=Sub(12, SID, True))),
        *inside, xmlns=NS)


def event(c, event_id, when, values, keywords=0x8020000000000000, template=None, inner=BINXML, **around):
    """values: [(name, type, bytes)] of EventData, or what else stands in place 19."""
    def make(base, number):
        def data(at):
            if callable(values):
                return values(at)
            root = template or El("EventData", *[El("Data", Sub(i, kind), Name=name)
                                                 for i, (name, kind, _) in enumerate(values)])
            return c.instance(at, "data%d" % event_id, root, [(k, v) for _, k, v in values])
        none = (0, b"")
        return c.instance(base, "system%s" % sorted(around.items()), system(Sub(19, BINXML, True), **around), [
            (UINT8, b"\0"), (UINT8, b"\0"), (UINT16, struct.pack("<H", 12808)),
            (UINT16, struct.pack("<H", event_id)), none, (HEX64, struct.pack("<Q", keywords)),
            (FILETIME, struct.pack("<Q", filetime(when))), none, (UINT32, struct.pack("<I", 4)),
            (UINT32, struct.pack("<I", 96)), (UINT64, struct.pack("<Q", number)), (UINT8, b"\1"),
            none, none, none, none, none, none, none, (inner, data)])
    return c.record(make, when)


SIDS = "S-1-5-21-3457937927-2839227994-823803824-%d"


def subject(user, rid, logon):
    return [("SubjectUserSid", SID, sid(SIDS % rid)), ("SubjectUserName", STRING, text(user)),
            ("SubjectDomainName", STRING, text("CORP")), ("SubjectLogonId", HEX64, struct.pack("<Q", logon))]


def e5140(user, rid, logon, ip, share, path):
    return subject(user, rid, logon) + [
        ("ObjectType", STRING, text("File")), ("IpAddress", STRING, text(ip)), ("IpPort", STRING, text("49873")),
        ("ShareName", STRING, text("\\\\*\\" + share)), ("ShareLocalPath", STRING, text(path)),
        ("AccessMask", HEX32, struct.pack("<I", 1)), ("AccessList", STRING, text("%%4416\r\n\t\t\t\t"))]


def e5145(user, rid, logon, ip, share, path, target):
    v = e5140(user, rid, logon, ip, share, path)
    return v[:9] + [("RelativeTargetName", STRING, text(target)), v[9], v[10],
                    ("AccessReason", STRING, text("-"))]


def e4624(user, rid, logon, ip, package, lm, workstation):
    return [("SubjectUserSid", SID, sid("S-1-0-0")), ("SubjectUserName", STRING, text("-")),
            ("SubjectDomainName", STRING, text("-")), ("SubjectLogonId", HEX64, struct.pack("<Q", 0)),
            ("TargetUserSid", SID, sid(SIDS % rid)), ("TargetUserName", STRING, text(user)),
            ("TargetDomainName", STRING, text("CORP")), ("TargetLogonId", HEX64, struct.pack("<Q", logon)),
            ("LogonType", UINT32, struct.pack("<I", 3)), ("LogonProcessName", STRING, text("NtLmSsp ")),
            ("AuthenticationPackageName", STRING, text(package)), ("WorkstationName", STRING, text(workstation)),
            ("LogonGuid", GUID, bytes(16)), ("TransmittedServices", STRING, text("-")),
            ("LmPackageName", STRING, text(lm)), ("KeyLength", UINT32, struct.pack("<I", 128)),
            ("ProcessId", HEX64, struct.pack("<Q", 0)), ("ProcessName", STRING, text("-")),
            ("IpAddress", STRING, text(ip)), ("IpPort", STRING, text("49873")),
            ("ImpersonationLevel", STRING, text("%%1833"))]


def e5156(direction, src, sport, dst, dport, protocol=6):
    return [("ProcessID", UINT64, struct.pack("<Q", 4)), ("Application", STRING, text("System")),
            ("Direction", STRING, text(direction)), ("SourceAddress", STRING, text(src)),
            ("SourcePort", STRING, text(str(sport))), ("DestAddress", STRING, text(dst)),
            ("DestPort", STRING, text(str(dport))), ("Protocol", UINT32, struct.pack("<I", protocol)),
            ("FilterRTID", UINT64, struct.pack("<Q", 67890)), ("LayerName", STRING, text("%%14610")),
            ("LayerRTID", UINT64, struct.pack("<Q", 44)), ("RemoteUserID", SID, sid("S-1-0-0")),
            ("RemoteMachineID", SID, sid("S-1-0-0"))]


def e4688(user, rid, logon):
    return subject(user, rid, logon) + [
        ("NewProcessId", SIZE, struct.pack("<Q", 0x1b4)),
        ("NewProcessName", STRING, text("C:\\Windows\\System32\\svchost.exe")),
        ("TokenElevationType", STRING, text("%%1936")), ("ProcessId", SIZE, struct.pack("<Q", 0x2a8)),
        ("CommandLine", STRING, text("")), ("TargetUserSid", SID, sid("S-1-0-0")),
        ("TargetUserName", STRING, text("-")), ("TargetDomainName", STRING, text("-"))]


# ---- seeds ----

T0 = 1769860800  # 2026-01-31 12:00 UTC


def seed_smb():
    c = Chunk(1)
    assert event(c, 4624, T0, e4624("alice", 1104, 0x1234, "10.0.0.21", "NTLM", "NTLM V2", "PC21"))
    assert event(c, 5140, T0 + 1, e5140("alice", 1104, 0x1234, "10.0.0.21", "IPC$", ""))
    assert event(c, 5145, T0 + 2, e5145("alice", 1104, 0x1234, "10.0.0.21", "IPC$", "", "srvsvc"))
    assert event(c, 5140, T0 + 3, e5140("alice", 1104, 0x1234, "10.0.0.21", "Home", "\\??\\C:\\Home"))
    assert event(c, 5140, T0 + 4, e5140("Bj\u00f6rn \U0001f512", 1105, 0x99, "fe80::21%7", "Home", "\\??\\C:\\Home"),
                 keywords=0x8010000000000000)
    assert event(c, 5156, T0 + 5, e5156("%%14592", "10.0.0.5", 445, "10.0.0.21", 50123))
    assert event(c, 4688, T0 + 6, e4688("fs1$", 1001, 0x3e7))
    return header(1, c.next) + c.finish()


def seed_types():
    """One event whose values have every type, with every token in its template."""
    c = Chunk(100)
    number = [("i8", INT8, b"\xff"), ("u8", UINT8, b"\xff"), ("i16", INT16, b"\xfe\xff"), ("u16", UINT16, b"\xfe\xff"),
              ("i32", INT32, b"\xfd\xff\xff\xff"), ("u32", UINT32, b"\xfd\xff\xff\xff"),
              ("i64", INT64, b"\xfc" + b"\xff" * 7), ("u64", UINT64, b"\xfc" + b"\xff" * 7),
              ("r32", REAL32, struct.pack("<f", 1.5)), ("r64", REAL64, struct.pack("<d", -2.25)),
              ("yes", BOOL, b"\1\0\0\0"), ("no", BOOL, b"\0\0\0\0"), ("hex32", HEX32, b"\x1f\0\0\0"),
              ("hex64", HEX64, b"\xe9\x03" + bytes(6)), ("size", SIZE, struct.pack("<Q", 0x2a8))]
    rest = [("string", STRING, text("a<b & \u20ac\U0001f512")), ("ended", STRING, text("ended\0")),
            ("ansi", ANSI, b"10.0.0.9\0"), ("binary", BINARY, b"\x02\0\x01\xbd\n\0\0\x09"),
            ("guid", GUID, uuid.UUID("54849625-5478-4994-a5ba-3e3b0328c30d").bytes_le),
            ("sid", SID, sid("S-1-5-21-1-2-3-501")), ("time", FILETIME, struct.pack("<Q", filetime(T0))),
            ("systemtime", SYSTEMTIME, struct.pack("<8H", 2026, 1, 6, 31, 12, 0, 0, 250)),
            ("null", 0, b""), ("strings", ARRAY | STRING, text("one\0two\0")),
            ("numbers", ARRAY | UINT16, struct.pack("<3H", 1, 2, 3)), ("half", STRING, b"\x00\xd8x\0"),
            ("wrong", UINT32, b"\1\2"), ("event", 0x20, b"\0\0\0\0")]
    values = number + rest
    elements = [El("Data", Sub(i, kind), Name=name) for i, (name, kind, _) in enumerate(values)]
    elements += [El("Data", "literal ", ("entity", "amp"), ("entity", "what"), Raw(b"\x08\x41\x00"),
                    Raw(b"\x07\x03\x00" + text("<c>")), Raw(b"\x0d\x00\x00\x03"), Name="mixed"),
                 El("Data", Sub(99), Name="missing"), El("Data", Sub(23, 0, True), Name="left out"),
                 El("Data", Name="empty"), El("Data", "unnamed"), El("Binary", "00"),
                 El("Complex", El("Inner", "deep"), Name="outer")]
    root = El("EventData", *elements)
    assert event(c, 7000, T0, values, template=root, channel="System", provider="Types")
    return header(1, c.next) + c.finish()


def seed_userdata():
    c = Chunk(7)

    def server(at):  # elements that stand in the value themselves: no dependency in them
        out = bytearray(b"\x0f\x01\x01\x00")
        c.element(out, at, El("UserData", El("EventData", El("ClientName", "10.0.0.9"), El("Status", "0x0"),
                                             xmlns="Smb3")), dependency=False)
        return out + b"\0"

    def nested(at):  # a template in a value of a template
        def leaf(at2):
            return c.instance(at2, "leaf", El("EventXML", El("ClientName", Sub(0))), [(STRING, text("\\\\10.0.0.8"))])
        return c.instance(at, "user", El("UserData", Sub(0, BINXML)), [(BINXML, leaf)])

    around = {"provider": "Microsoft-Windows-SMBServer", "channel": "Microsoft-Windows-SMBServer/Audit"}
    assert event(c, 3000, T0, [("ClientName", ANSI, b"10.0.0.9")], **around)
    assert event(c, 3021, T0 + 1, server, **around)
    assert event(c, 3022, T0 + 2, nested, **around)

    def bare(base, number):  # a whole event without any template
        out = bytearray(b"\x0f\x01\x01\x00")
        c.element(out, base, El("Event", El("System", El("Provider", Name="Bare"), El("EventID", "4711"),
                                            El("TimeCreated", SystemTime="2026-01-31T12:00:03.5Z"),
                                            El("EventRecordID", "10"), El("Channel", "Bare"),
                                            El("Computer", "bare.corp.example")),
                                El("EventData", El("Data", "v", Name="n")), xmlns=NS), dependency=False)
        return out + b"\0"
    assert c.record(bare, T0 + 3)
    assert event(c, 4712, T0 + 4, lambda at: b"", **around)  # a fragment of no bytes
    return header(1, c.next) + c.finish()


def seed_deep():
    """Fragments within values within fragments, deeper than anybody writes them."""
    c = Chunk(1)

    def level(n):
        def make(at):
            inner = [(BINXML, level(n - 1))] if n else [(STRING, text("bottom"))]
            return c.instance(at, "deep%d" % n, El("UserData", Sub(0)) if n else El("Leaf", Sub(0)), inner)
        return make
    for depth in (1, 2, 3, 4, 9):
        assert event(c, depth, T0, level(depth), provider="Deep")
    return header(1, c.next) + c.finish()


# Shapes that made other readers fall, made anew: chunks without a file around them.

def lie(at, value, size="<I"):
    """The second of two events, whose number at a place relative to what a function finds says otherwise."""
    c = Chunk(1)
    assert event(c, 5140, T0, e5140("alice", 1104, 0x1234, "10.0.0.21", "Home", "\\??\\C:\\Home"))
    second = len(c.b)
    assert event(c, 5140, T0 + 1, e5140("alice", 1104, 0x1234, "10.0.0.22", "Home", "\\??\\C:\\Home"))
    assert event(c, 5156, T0 + 2, e5156("%%14592", "10.0.0.5", 445, "10.0.0.21", 50123))
    struct.pack_into(size, c.b, at(c, second), value)
    return c.finish()


INSTANCE = 24 + 4  # of a record: its header, the fragment's
COUNT = INSTANCE + 10  # of the values of an instance whose template was told before
DEFINITION = 512 + INSTANCE + 10  # of the first template, in the chunk


def repeated(kind, depth):
    """Fragments within values, all of one template, or elements in elements."""
    c = Chunk(1)

    def instances(n):
        def make(at):
            inner = (BINXML, instances(n - 1)) if n else (STRING, text("x"))
            return c.instance(at, "same", El("UserData", Sub(0, BINXML)), [inner])
        return make

    def elements(base, number):
        out = bytearray(b"\x0f\x01\x01\x00")
        for _ in range(depth):
            out += b"\x01\xff\xff\xff\xff\0\0"
            c.name(out, base, "E")
            out += b"\x02"
        return out

    if kind == "instances":
        assert event(c, 1, T0, instances(depth), provider="Deep")
    else:
        assert c.record(elements, T0)
    return c.finish()


def itself():
    """A template with an instance of itself."""
    c = Chunk(1)
    assert c.record(lambda base, _: c.instance(base, "round", El("Event", El("UserData", Raw(
        b"\x0c\x01\0\0\0\0" + struct.pack("<I", DEFINITION) + b"\0\0\0\0"))), []), T0)
    return c.finish()


def odd_values():
    """Values whose bytes are not what their type says; libevtx 31, python-evtx 45."""
    c = Chunk(1)
    values = [("sid", SID, b"\1\xff" + bytes(6)), ("sids", ARRAY | SID, sid("S-1-5-7") * 2 + b"\1"), ("guids", ARRAY | GUID, bytes(17)),
              ("strings", ARRAY | STRING, text("no end")), ("times", ARRAY | FILETIME, b"\xff" * 15), ("time", FILETIME, b"\xff" * 8),
              ("system", SYSTEMTIME, b"\xff" * 16), ("odd", STRING, b"a\0b"), ("half", STRING, b"\0\xdc\0\xd8"), ("bool", BOOL, b"\2"),
              ("hex", HEX64, b"\1" * 9), ("none", ARRAY, b"\1"), ("what", 0x7f, b"\1"), ("binary", BINXML, b"\x0c\x01" + b"\xff" * 12)]
    assert event(c, 7001, T0, values, provider="Odd")
    raw = [El("Data", Raw(b"\x05\x01\xff\xff"), Name="long"), El("Data", Raw(b"\x0d\xff\xff\x01"), Name="far")]
    for i, e in enumerate(raw):
        assert event(c, 7002 + i, T0, values[:1], template=El("EventData", e), provider="Odd")
    return c.finish()


def fell():
    def at(n):
        return lambda c, second: n if n >= 0 else second - n

    def name_of(c, text):
        return c.names[text]

    yield "count", lie(at(-COUNT), 0xffffffff)  # evtx 291 and 294, hayabusa-evtx 95: so many values
    yield "count-more", lie(at(-COUNT), 4096)
    yield "value-size", lie(at(-COUNT - 4), 0xffff, "<H")
    yield "value-index", lie(lambda c, second: c.b.index(b"\x0d\x03\x00\x06"), 0xff000d, "<I")  # libevtx 24
    yield "name-length", lie(lambda c, _: name_of(c, "Computer") + 6, 0x8000, "<H")  # hayabusa-evtx 95: twice that is none
    yield "name-next", lie(lambda c, _: name_of(c, "Computer"), 512)
    yield "definition-size", lie(at(DEFINITION + 20), 0xfffffff0)
    yield "definition-next", lie(at(DEFINITION), DEFINITION)
    yield "template-inside", lie(at(-INSTANCE - 6), 512 + INSTANCE)
    yield "template-itself", itself()  # evtx 290: round and round
    yield "template-far", lie(at(-INSTANCE - 6), CHUNK - 2)
    yield "record-zero", lie(at(-4), 0)
    yield "record-size", lie(at(-4), 0xfffffff8)
    yield "record-short", lie(at(-4), 24)
    yield "instances", repeated("instances", 120)
    yield "elements", repeated("elements", 1200)
    yield "values", odd_values()
    c = bytearray(lie(at(-4), 0x100))
    struct.pack_into("<II", c, 44, 0xffffffff, 100)  # the last record, and where the next will be
    yield "ends", bytes(c)


def small(data):
    """A seed need not carry the unused end of its only chunk: files are cut short like that."""
    return data.rstrip(b"\0") + b"\0" * 8


def seeds(folder):
    files = {"smb.evtx": small(seed_smb()), "types.evtx": small(seed_types()), "userdata.evtx": small(seed_userdata()),
             "deep.evtx": small(seed_deep())}
    files |= {f"fell-{name}": small(data) for name, data in fell()}
    for name, data in files.items():
        with open(folder + "/" + name, "wb") as f:
            f.write(data)


# ---- bulk ----

def fill(rng, first):
    c = Chunk(first)
    users = ["user%03d" % i for i in range(300)]
    pipes = ["srvsvc", "wkssvc", "samr", "lsarpc", "spoolss"]
    n = 0
    while True:
        n += 1
        i = rng.randrange(300)
        u, rid, logon, ip = users[i], 1100 + i, rng.randrange(1 << 32), "10.0.%d.%d" % (i // 200, i % 200 + 1)
        share, path = rng.choice([("Home", "\\??\\D:\\Home"), ("Public", "\\??\\D:\\Public"), ("IPC$", "")])
        what = rng.choices(["5145", "5156", "4624", "5140", "4688"], [45, 25, 12, 10, 8])[0]
        when = T0 + n
        if what == "5145":
            target = rng.choice(pipes) if share == "IPC$" else "docs\\report %d.docx" % rng.randrange(1000)
            ok = event(c, 5145, when, e5145(u, rid, logon, ip, share, path, target))
        elif what == "5156":
            ok = event(c, 5156, when, e5156("%%14592", "10.0.9.5", rng.choice([445, 445, 135, 389]), ip,
                                            rng.randrange(49152, 65536)))
        elif what == "4624":
            ok = event(c, 4624, when, e4624(u, rid, logon, ip, "Kerberos", "-", ""))
        elif what == "5140":
            ok = event(c, 5140, when, e5140(u, rid, logon, ip, share, path))
        else:
            ok = event(c, 4688, when, e4688(u, rid, logon))
        if not ok:
            return c


def bulk(path, mib):
    """32 different chunks, again and again with their records counted on."""
    rng = random.Random(445)
    made = []
    for _ in range(32):
        c = fill(rng, 1)
        end = len(c.b)
        made.append((c, end, bytearray(c.finish())))
    total, number = mib * 16, 1
    with open(path, "wb") as f:
        f.write(header(total, 1))
        for k in range(total):
            c, end, b = made[k % len(made)]
            first = number
            for at in c.id_places:
                struct.pack_into("<Q", b, at, number)
                number += 1
            seal(b, first, number - 1, c.last_at, end)
            f.write(b)
        f.seek(0)
        f.write(header(total, number))
    print(number - 1)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "seeds":
        seeds(sys.argv[2])
    elif len(sys.argv) == 4 and sys.argv[1] == "bulk":
        bulk(sys.argv[2], int(sys.argv[3]))
    else:
        sys.exit(__doc__)

#!/usr/bin/env python3
"""Make seeds of the shapes that broke other readers of SMB and of event logs.

usage: make-shapes.py CORPUS-FOLDER

All bytes are made here; what is taken from elsewhere is which lie a message told.  Where a
report is public it is named beside the shape: Wireshark's and the kernel's by CVE, Zeek's,
Suricata's and others' by their issue.  A seed is CORPUS-FOLDER/TARGET/shape-NAME.
"""
import importlib.machinery
import importlib.util
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FAR16, FAR32 = 0xffff, 0xffffffff


def le(fmt, *v):
    return struct.pack("<" + fmt, *v)


def utf16(text):
    return text.encode("utf-16-le")


# ---- NetBIOS session service, and how messages follow each other ----

def nbss(*messages):
    """A stream for the framer: its first byte wants everything to be shown."""
    return b"\xff" + b"".join(messages)


def framed(m, length=None):
    return struct.pack(">I", len(m) if length is None else length) + m


def smb2(command, body=b"", response=0, following=0, message=1, session=0, tree=0, status=0, flags=0):
    return (b"\xfeSMB" + le("HHIHHIIQIIQ", 64, 0, status, command, 1, flags | response, following, message, 0, tree, session)
            + bytes(16) + body)


def smb1(command, words=b"", data=b"", response=0, count=None, size=None, mid=7, flags2=0xc001, status=0):
    return (b"\xffSMB" + bytes([command]) + le("I", status) + bytes([0x18 | response << 7]) + le("H", flags2) + bytes(12)
            + le("HHHH", 1, 0xfeff, 100, mid) + bytes([len(words) // 2 if count is None else count]) + words
            + le("H", len(data) if size is None else size) + data)


def framings():
    yield "no-bytes", nbss(*[framed(b"")] * 6, framed(smb2(0)))
    # One packet of "00 00 00 00" ended a server (chimera #1539).
    for n in 1, 2, 3:
        yield f"short-{n}", nbss(framed(b"\xfeSM"[:n]), framed(smb2(0)))
    yield "longer-than-all", nbss(framed(smb2(0), 0xffffff))
    yield "extension-bit", nbss(framed(smb2(0), 0x1ffff))
    yield "unknown-types", nbss(*[bytes([t, 0, 0, 3]) + b"abc" for t in (0x80, 0x84, 0x86, 0xff)])
    yield "keep-alive-that-talks", nbss(b"\x85\0\0\x40" + smb2(0), framed(smb2(0)))
    yield "names-without-end", nbss(b"\x81\0\0\x44" + b"\x20" + b"CA" * 16 + b"\x3f" + b"A" * 34)
    yield "names-that-point", nbss(b"\x81\0\0\x08\xc0\x00\xc0\x02\xc0\x04\xc0\x00")


def compounds():
    # next_offset wrapped around: CVE-2026-5407.  Of those that go back, each goes elsewhere.
    for name, following in ("to-itself", 0), ("unaligned", 65), ("into-header", 8), ("back", 0x100000000 - 64), \
            ("wraps", 0xfffffff8), ("far", 0x7ffffff8), ("at-end", 128), ("past-end", 136):
        yield f"next-{name}", nbss(framed(smb2(5, following=following) + smb2(5, following=following)))
    many = b"".join(smb2(6, following=64) for _ in range(60))
    yield "next-many", nbss(framed(many + smb2(6)))
    yield "next-then-smb1", nbss(framed(smb2(3, following=64) + smb1(0x75)))
    yield "headers-alone", nbss(framed(b"\xfeSMB"), framed(b"\xffSMB"), framed(b"\xfdSMB"), framed(b"\xfcSMB"))
    yield "not-64", nbss(framed(smb2(1).replace(le("H", 64), le("H", 63), 1)))


def transforms():
    def hidden(size, inner=b"", flags=1):
        return b"\xfdSMB" + bytes(16) + bytes(16) + le("IHHQ", size, 0, flags, 77) + inner

    yield "hidden-nothing", nbss(framed(hidden(0)))
    yield "hidden-lies", nbss(framed(hidden(FAR32, bytes(40))))
    yield "hidden-in-hidden", nbss(framed(hidden(200, hidden(100, hidden(64, smb2(5))))))

    def packed(size, algorithm, flags, length, inner):
        return b"\xfcSMB" + le("IHHI", size, algorithm, flags, length) + inner

    yield "packed-offset-lies", nbss(framed(packed(500, 2, 0, FAR32, smb2(8))))
    yield "packed-chain-lies", nbss(framed(packed(FAR32, 0, 1, FAR32, smb2(8))))
    yield "packed-in-packed", nbss(framed(packed(300, 0, 1, 200, packed(200, 0, 1, 100, packed(100, 0, 1, 64, smb2(8))))))


# ---- SMB1 ----

def andx(command, at, words=b"", **kw):
    return smb1(command, le("BBH", 0x75, 0, at) + words, **kw)


def old():
    # A chain that leads back: Manticore #551, and readers before it.
    setup = le("HHHIHHII", 1024, 2, 1, 0, 0, 0, 0, 0xd4)
    yield "andx-itself", andx(0x73, 32, setup)
    yield "andx-header", andx(0x73, 4, setup)
    yield "andx-far", andx(0x73, FAR16, setup)
    first = andx(0x73, 0, setup, data=b"\0" * 5)
    at = len(first)
    loop = bytearray(first)
    struct.pack_into("<H", loop, 35, at)
    yield "andx-there-and-back", bytes(loop) + bytes([4]) + le("BBHHH", 0x73, 0, 32, 0, 1) + le("H", 3) + b"A:\0"
    # A byte count beyond the frame: chimera #1067.
    yield "dialects-beyond", smb1(0x72, data=b"\x02NT LM 0.12\0", size=FAR16)
    yield "dialects-unended", smb1(0x72, data=b"\x02NT LM 0.12")
    yield "dialects-untyped", smb1(0x72, data=b"\x00NT LM 0.12\0\x05LANMAN1.0\0\x02")
    yield "dialects-many", smb1(0x72, data=b"\x02\0" * 400)
    yield "choice-beyond", smb1(0x72, le("H", 400) + bytes(32), response=1)
    yield "words-lie", smb1(0x73, setup, count=255)
    yield "no-words", smb1(0x75)
    yield "passwords-beyond", andx(0x73, 0, le("HHHIHHII", 1024, 2, 1, 0, FAR16, FAR16, 0, 0x54), data=bytes(30))
    yield "password-odd", andx(0x73, 0, le("HHHIHHII", 1024, 2, 1, 0, 1, 0, 0, 0x54), data=b"\0" + utf16("a") + b"\0\0b")
    yield "blob-beyond", andx(0x73, 0, le("HHHIHII", 1024, 2, 1, 0, FAR16, 0, 0x800000d4), data=b"NTLMSSP\0")
    yield "tree-password-beyond", andx(0x75, 0, le("HH", 0, FAR16), data=utf16("\\\\a\\b") + b"\0\0?????\0")
    yield "tree-unended", andx(0x75, 0, le("HH", 0, 1), data=b"\0" + utf16("\\\\a\\b"))
    # Parameters whose place overflows sixteen bits: Suricata, OSS-Fuzz 44227.
    for name, count, offset in ("wraps", 2, 0xfffe), ("beyond", FAR16, FAR16), ("in-header", 8, 0):
        yield f"transaction-{name}", smb1(0x25, le("HHHHBBHIHHHHHBB", count, count, 8, 8, 0, 0, 0, 0, 0, count, offset, count,
                                                   offset, 255, 0) + le("HH", 0x26, 7), data=utf16("\\PIPE\\") + b"\0\0")
    # A write of more than its frame holds: Suricata #5770; with 12 words, and of 4 GB: #6008.
    for words in 12, 14:
        body = le("HIIHHHHH", 7, 0, 0, 0, FAR16, FAR16, FAR16, 32) + (le("I", 0) if words == 14 else b"")
        yield f"write-{words}", andx(0x2f, 0, body, data=b"\x05\0\x0b")
    yield "create-odd-name", andx(0xa2, 0, b"\0" + le("HIIIQIIIIIB", 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), data=b"\0s\0r\0v")
    yield "create-name-beyond", andx(0xa2, 0, b"\0" + le("HIIIQIIIIIB", FAR16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), data=b"\0")


# ---- SMB2 ----

def negotiates():
    def request(count, offset, contexts, tail=b""):
        return smb2(0, le("HHHHI", 36, count, 1, 0, 0) + bytes(16) + le("IHH", offset, contexts, 0) + tail)

    def response(blob, size, offset, contexts, tail=b""):
        return smb2(0, le("HHHH", 65, 1, 0x311, contexts) + bytes(16) + le("IIII", 7, 1 << 20, 1 << 20, 1 << 20)
                    + bytes(16) + le("HHI", blob, size, offset) + tail, response=1)

    def context(kind, data, size=None):
        return le("HHI", kind, len(data) if size is None else size, 0) + data + bytes(-len(data) % 8)

    dialects = le("5H", 0x202, 0x210, 0x300, 0x302, 0x311) + bytes(6)
    yield "dialects-none", request(0, 0, 0)
    yield "dialects-lie", request(FAR16, 0, 0, dialects)
    for name, offset in ("in-header", 8), ("unaligned", 113), ("beyond", 4096), ("wraps", 0xfffffff8), ("zero", 0):
        yield f"contexts-{name}", request(5, offset, 1, dialects + context(1, le("HHH", 1, 32, 1) + bytes(32)))
        yield f"answer-contexts-{name}", response(128, 0, offset, 1, context(2, le("HH", 1, 2)))
    yield "contexts-many", request(5, 112, FAR16, dialects + context(3, b"\1\0\0\0\0\0\0\0\2\0") * 40)
    yield "context-lies", request(5, 112, 2, dialects + context(2, le("HH", FAR16, 2)) + context(1, b"", FAR16))
    yield "netname-odd", request(5, 112, 1, dialects + context(5, utf16("fs1")[:-1]))
    yield "answer-context-lies", response(128, 0, 128, 3, context(8, le("HH", FAR16, 1)) + context(2, b"") + context(3, b"\1"))
    for name, offset, size in ("in-header", 4, 64), ("beyond", FAR16, FAR16), ("overlaps", 64, 200), ("zero", 0, 0):
        yield f"answer-blob-{name}", response(offset, size, 0, 0, bytes(40))


def sessions():
    for name, offset, size in ("in-header", 8, 40), ("beyond", FAR16, FAR16), ("at-end", 88, 1), ("zero", 0, 0), \
            ("overlaps", 64, 88):
        yield f"blob-{name}", smb2(1, le("HBBIIHHQ", 25, 0, 1, 0, 0, offset, size, 0) + b"NTLMSSP\0")
        yield f"answer-blob-{name}-1", smb2(1, le("HHHH", 9, 0, offset, size) + bytes(8), response=1)
        yield f"tree-{name}", smb2(3, le("HHHH", 9, 0, offset, size) + utf16("\\\\a\\b"))
        yield f"create-{name}", smb2(5, le("HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, offset, size, 0, 0) + utf16("srv"))
    yield "tree-odd", smb2(3, le("HHHH", 9, 0, 72, 7) + utf16("\\\\a\\b"))
    # 3.1.1 lets a request begin with what it asks to be redirected: [MS-SMB2] 2.2.9.1.
    yield "tree-extended", smb2(3, le("HHHH", 9, 4, 72, 16) + le("IHHI", FAR32, FAR16, FAR16, 0) + bytes(20))
    yield "sizes-lie", smb2(3, le("HHHH", FAR16, 0, 72, 4) + utf16("ab"))


def pipes():
    for name, offset, size in ("in-header", 8, 40), ("beyond", FAR16, FAR32), ("wraps", 112, FAR32 - 100), ("zero", 0, 0):
        yield f"write-{name}", smb2(9, le("HHIQ", 49, offset, size, 0) + bytes(16) + le("IIHHI", 0, 0, 0, 0, 0) + b"\5\0\x0b")
        yield f"ioctl-{name}", smb2(11, le("HHI", 57, 0, 0x11c017) + bytes(16) + le("IIIIIIII", offset, size, FAR32, offset, size,
                                                                                   FAR32, 1, 0) + b"\5\0\x0b")
    # Zeek #2744: a request that ends where its fields should be.
    yield "set-info-short", smb2(17, le("HBBIHHI", 33, 1, 19, FAR32, 96, 0, 0) + bytes(16))


def listings():
    """Answers of srvsvc to whom asks for shares, in NDR and NDR64, and what can be said wrongly in one."""
    def pdu(word, names, count=None, most=None, level=1, actual=None, flags=3, length=None):
        out, size = bytearray(), "Q" if word == 8 else "I"

        def put(fmt, *v):
            out.extend(bytes(-len(out) % struct.calcsize(fmt[0])))
            out.extend(le(fmt, *v))

        put("I", level)
        out.extend(bytes(-len(out) % word))
        put("I", level)
        put(size, 1)
        put("I", len(names) if count is None else count)
        put(size, 1)
        put(size, len(names) if most is None else most)
        for _ in names:
            put(size, 1)
            put("I", 0)
            put(size, 1)
        for text in [t for n in names for t in (n, "remark")]:
            for v in len(text) + 1, 0, len(text) + 1 if actual is None else actual:
                put(size, v)
            out.extend(utf16(text) + b"\0\0")
        n = 24 + len(out) if length is None else length
        return bytes([5, 0, 2, flags, 0x10, 0, 0, 0]) + le("HHIIHH", n, 0, 2, 0, 0, 0) + out

    def answer(data):
        return smb2(11, le("HHI", 49, 0, 0x11c017) + bytes(16) + le("IIIIII", 112, 0, 112, len(data), 0, 0) + data, response=1)

    for word in 4, 8:
        yield f"list-{word}", answer(pdu(word, ["home", "ADMIN$", "print$"]))
        for name, lie in ("count", {"count": FAR32}), ("most", {"most": 0}), ("actual", {"actual": FAR32}), ("level", {"level": 502}), \
                ("piece", {"flags": 1}), ("short", {"length": 23}), ("long", {"length": FAR16}):
            yield f"list-{word}-{name}-lies", answer(pdu(word, ["home", "a"], **lie))


# ---- security tokens ----

SPNEGO, NTLM = b"\x06\x06\x2b\x06\x01\x05\x05\x02", b"\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"


def der(tag, *parts):
    data = b"".join(parts)
    n = len(data)
    return bytes([tag]) + (bytes([n]) if n < 128 else b"\x82" + struct.pack(">H", n)) + data


def tokens():
    for name, size in ("endless", b"\x80"), ("negative", b"\x84\xff\xff\xff\xff"), ("five", b"\x85\1\0\0\0\0"),  \
            ("eight", b"\x88" + b"\xff" * 8), ("many", b"\xfe" + b"\xff" * 126), ("padded", b"\x84\0\0\0\x0a"):
        yield f"size-{name}", b"\x60" + size + SPNEGO + b"\xa0\x10\x30\x0e"
        yield f"size-{name}-inside", der(0x60, SPNEGO, b"\xa0" + size + b"\x30\x0e")
    deep = b""
    for _ in range(400):
        deep = der(0x30, deep) if len(deep) < 2000 else deep
    yield "deep", der(0x60, SPNEGO, der(0xa0, deep))
    yield "deep-mechanisms", der(0x60, SPNEGO, der(0xa0, der(0x30, der(0xa0, b"\x30\x80" * 500))))
    itself = b"NTLMSSP\0\1\0\0\0"
    for _ in range(12):
        itself = der(0x60, SPNEGO, der(0xa0, der(0x30, der(0xa0, der(0x30, NTLM)), der(0xa2, der(4, itself)))))
    yield "spnego-in-spnego", itself
    yield "tag-long", der(0x60, b"\x1f" + b"\xff" * 40 + b"\x7f\x02\1\1")
    yield "oid-long", der(0x60, b"\x06\x7f" + b"\xff" * 126)
    yield "ntlm-at-end", der(0x60, SPNEGO, der(0xa0, der(0x30, der(0xa2, der(4, b"NTLMSSP\0")))))
    yield "answer-state", der(0xa1, der(0x30, der(0xa0, b"\x0a\x04\xff\xff\xff\xff"), der(0xa2, b"\x04\x84\x7f\xff\xff\xff")))
    kerberos = b"\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"
    for name, people in ("none", b""), ("many", der(0x1b, b"a") * 200), ("long", der(0x1b, b"a" * 2000)), ("nul", der(0x1b, b"a\0b")):
        ticket = der(0x61, der(0x30, der(0xa1, der(0x1b, b"R" * (3000 if name == "long" else 3))),
                               der(0xa2, der(0x30, der(0xa0, b"\x02\x04\xff\xff\xff\xff"), der(0xa1, der(0x30, people))))))
        yield f"ticket-{name}", der(0x60, kerberos, b"\1\0", der(0x6e, der(0x30, der(0xa3, ticket))))


def ntlm(*places, flags=1, tail=b"", kind=3):
    """Its signature is given by the target."""
    return le("I", kind) + b"".join(le("HHI", n, n, at) for n, at in places) + le("I", flags) + tail


def ntlms():
    # Offsets before the header's end underflowed: Suricata, OSS-Fuzz 44262.
    for name, n, at in ("in-header", 8, 12), ("beyond", FAR16, FAR16), ("wraps", 16, 0xfffffff8), ("zero", 0, 0), ("odd", 7, 64), \
            ("overlap", 200, 64):
        yield name, ntlm(*[(n, at)] * 6, tail=utf16("alice") * 30)
    yield "halves", ntlm((0, 0), (24, 64), (6, 64), (6, 64), (6, 64), (0, 0), tail=b"\x00\xd8\x00\xd8\x00\xdc" * 12)
    yield "oem", ntlm((0, 0), (24, 64), (9, 64), (9, 64), (9, 64), (0, 0), flags=2, tail=bytes(range(128, 200)))
    # Names of a challenge that never end, or are not there: Zeek #541.
    challenge = le("HHIIQQ", 0, 0, 0, 0x8201, 1, 0)
    yield "challenge-empty", le("I", 2) + challenge + le("HHI", 0, 0, 48)
    yield "challenge-unended", le("I", 2) + challenge + le("HHI", 12, 12, 48) + le("HH", 1, FAR16) + bytes(8)
    yield "kind-9", ntlm(*[(0, 0)] * 6, kind=9)


# ---- DCE/RPC ----

def binds():
    interface = bytes(range(16)) + le("I", 3)

    def bind(length=None, contexts=1, transfers=1, auth=0, kind=11, drep=0x10, tail=None):
        items = le("HBB", 0, transfers, 0) + interface * 2 if tail is None else tail
        body = le("HHI", 4280, 4280, 0) + bytes([contexts, 0, 0, 0]) + items
        n = 16 + len(body) if length is None else length
        return bytes([5, 0, kind, 3, drep, 0, 0, 0]) + (le("HHI", n, auth, 1) if drep else struct.pack(">HHI", n, auth, 1)) + body

    for n in 0, 1, 15, 16, 17, 28, FAR16:
        yield f"length-{n}", bind(length=n)
    yield "contexts-lie", bind(contexts=255)
    yield "transfers-lie", bind(transfers=255)
    yield "nothing", bind(contexts=0, tail=b"")
    yield "auth-lies", bind(auth=FAR16)
    yield "many", bind(contexts=32, tail=(le("HBB", 0, 1, 0) + interface * 2) * 32)
    yield "big-endian", bind(drep=0)
    yield "alter-cut", bind(kind=14)[:40]
    yield "response", bind(kind=2)


# ---- conversations ----

UP, DOWN, FIRST = 0, 1, 8


def said(*messages):
    return b"".join(bytes([what]) + struct.pack(">H", len(m)) + m for what, m in messages)


def talks():
    begin = (FIRST | UP, smb2(0, le("HHHHI", 36, 1, 1, 0, 0) + bytes(24) + le("H", 0x202)))
    begun = (FIRST | DOWN, smb2(0, le("HHHH", 65, 1, 0x202, 0) + bytes(56), response=1))
    tree = smb2(3, le("HHHH", 9, 0, 72, 10) + utf16("\\\\a\\b"), session=5)
    shared = smb2(3, le("HBBIII", 16, 1, 0, 0, 0, 0), response=1, session=5, tree=3)
    # Answers that nobody asked for, of trees that nobody has: Zeek #2733.
    yield "answers-alone", said((FIRST | DOWN, shared), (DOWN, smb2(5, bytes(88), response=1, session=5, tree=9)),
                                (DOWN, smb1(0x75, bytes(14), response=1)), (DOWN, smb1(0xa2, bytes(68), response=1)))
    yield "answered-twice", said(begin, begun, begun, (UP, tree), (DOWN, shared), (DOWN, shared), (DOWN, tree))
    yield "asked-twice", said(begin, begin, begun, (UP, tree), (UP, tree), (DOWN, shared))
    pending = smb2(3, bytes(9), response=1, flags=2, status=0x103, session=5)
    yield "pending-for-ever", said(begin, begun, (UP, tree), *[(DOWN, pending)] * 30, (DOWN, shared))
    yield "ids-of-ones", said(begin, begun, *[(UP, smb2(c, bytes(56), message=2**64 - 1, session=2**64 - 1, tree=FAR32)) for c in
                                              (1, 3, 5, 9, 2, 4)])
    yield "all-sessions", said(begin, begun, *[(UP, smb2(3, tree[64:], session=n, message=n)) for n in range(30)])
    yield "two-dialects", said(begin, begun, (UP, smb1(0x72, data=b"\x02NT LM 0.12\0\x02SMB 2.???\0")),
                               (DOWN, smb1(0x72, bytes(34), response=1)), begun)
    yield "write-beyond-frame", said(begin, begun, (UP, smb2(9, le("HHIQ", 49, 112, 1 << 30, 0) + bytes(32), session=5, tree=3)),
                                     (UP, tree))


# ---- event logs ----

def evtx_maker():
    loader = importlib.machinery.SourceFileLoader("make_evtx", f"{HERE}/make-evtx.py")
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("make_evtx", loader))
    loader.exec_module(module)
    return module


def logs():
    """Chunks of three events of which one place lies, with sums that are right again."""
    make = evtx_maker()

    def chunk(change):
        c = make.Chunk(1)
        for i in range(3):
            make.event(c, 5140, make.T0 + i, make.e5140("alice", 1104, 0x1234, "10.0.0.21", "IPC$", ""))
        b = bytearray(c.b)
        second = struct.unpack_from("<I", b, 512 + 4)[0] + 512
        change(b, second)
        end = min(len(b), make.CHUNK)
        b = b[:end] + bytes(make.CHUNK - end)
        make.seal(b, 1, 3, second, end)
        return make.header(1, 4) + bytes(b[:end + 8])

    def put(at, fmt, *v):
        return lambda b, second: struct.pack_into("<" + fmt, b, second + at, *v)

    # omerbenamram/evtx #264 and #288: sizes of records that lead nowhere, or back.
    for name, size in ("none", 0), ("short", 8), ("far", 3099113656), ("odd", 29), ("all", FAR32):
        yield f"record-{name}", chunk(put(4, "I", size))
    yield "record-0", chunk(put(8, "QQ", 0, 0))
    yield "record-without-mark", chunk(put(0, "I", 0))
    # #235, #290: templates that lead back to themselves, to their record, or out of the chunk.
    first = 512 + 24 + 10  # where the first record's instance names its template

    def template(value):
        return lambda b, second: struct.pack_into("<I", b, first, value)

    for name, value in ("itself", first), ("record", 512), ("header", 0), ("far", FAR32), ("end", make.CHUNK - 4):
        yield f"template-{name}", chunk(template(value))

    def inside(b, second):  # every instance within uses the template around it
        outer, at = struct.unpack_from("<I", b, first)[0], first
        while (at := b.find(b"\x0f\x01\x01\x00\x0c\x01", at + 1)) >= 0:
            struct.pack_into("<I", b, at + 10, outer)

    yield "template-in-itself", chunk(inside)
    yield "template-next-itself", chunk(lambda b, second: struct.pack_into("<I", b, first + 4, first + 4))
    for name, at in ("size", 4 + 20), ("element", 4 + 24 + 4 + 3):
        yield f"template-{name}-lies", chunk(lambda b, second, at=at: struct.pack_into("<I", b, first + at, FAR32))

    def names(b, second):  # each name's next is itself, and its length a lie
        at = 512
        while (at := b.find(make.text("Data") + b"\0\0", at + 1)) >= 0:
            struct.pack_into("<I", b, at - 8, at - 8)
            struct.pack_into("<H", b, at - 2, FAR16)

    yield "names-lie", chunk(names)
    yield "values-lie", chunk(lambda b, second: struct.pack_into("<I", b, b.find(le("I", 20), second), FAR32))


SHAPES = {
    "nbss": (framings, compounds, transforms), "smb1": (old,), "smb2": (negotiates, sessions, pipes, listings), "spnego": (tokens,),
    "ntlmssp": (ntlms,), "dcerpc": (binds,), "talk": (talks,), "evtx": (logs,),
}


def main(folder):
    count = 0
    for target, makers in SHAPES.items():
        os.makedirs(f"{folder}/{target}", exist_ok=True)
        for maker in makers:
            for name, data in maker():
                path = f"{folder}/{target}/shape-{name}"
                assert not os.path.exists(path) or open(path, "rb").read() == data, f"{path}: two of one name"
                with open(path, "wb") as f:
                    f.write(data)
                count += 1
    print(f"{count} seeds")


if len(sys.argv) != 2:
    sys.exit(__doc__)
main(sys.argv[1])

#!/usr/bin/env python3
"""Make seeds for the fuzzers of SMB from the captures in tests/data, which are our own.

usage: make-smb.py CORPUS-FOLDER [CAPTURE…]

One seed per kind of message and parser: smb1 and smb2 (a message), nbss (a stream), spnego,
ntlmssp and dcerpc (what messages carry), talk (a conversation).  Seeds of more than 4 KiB
are left out.
"""
import glob
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LARGEST = 4096


def segments(path):
    """(client first?, payload) of every TCP packet of an Ethernet pcap, in order."""
    with open(path, "rb") as f:
        data = f.read()
    at, seen = 24, set()
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        p = data[at + 30:at + 16 + length]
        at += 16 + length
        if data[at - length + 12:at - length + 14] == b"\x86\xdd":
            ends, t = p[8:40], p[40:]
        elif p[9:10] == b"\x06":
            ends, t = p[12:20], p[4 * (p[0] & 15):struct.unpack_from(">H", p, 2)[0]]
        else:
            continue
        if len(t) < 20:
            continue
        sport, dport, seq = struct.unpack_from(">HHI", t)
        payload = t[4 * (t[12] >> 4):]
        if not payload or (ends, sport, dport, seq) in seen:
            continue
        seen.add((ends, sport, dport, seq))
        yield dport in (445, 139), (min(sport, dport), max(sport, dport)), payload


def messages(path):
    """(connection, to the server?, NetBIOS type, message)"""
    streams = {}
    for up, who, payload in segments(path):
        s = streams.get((who, up), b"") + payload
        while len(s) >= 4 and len(s) >= 4 + int.from_bytes(s[1:4], "big"):
            n = int.from_bytes(s[1:4], "big")
            yield who, up, s[0], s[4:4 + n]
            s = s[4 + n:]
        streams[who, up] = s


def tokens(m):
    """What SESSION_SETUP carries."""
    command = struct.unpack_from("<H", m, 12)[0]
    if command != 1:
        return
    off, n = struct.unpack_from("<HH", m, 64 + (4 if m[16] & 1 else 12))
    if n:
        yield m[off:off + n]


class Seeds:
    def __init__(self, folder):
        self.folder, self.known, self.count = folder, set(), 0

    def add(self, target, kind, data):
        if not data or len(data) > LARGEST or (target, kind) in self.known:
            return
        self.known.add((target, kind))
        os.makedirs(f"{self.folder}/{target}", exist_ok=True)
        with open(f"{self.folder}/{target}/made-{kind}", "wb") as f:
            f.write(data)
        self.count += 1


def der(tag, *parts):
    data = b"".join(parts)
    n = len(data)
    return bytes([tag]) + (bytes([n]) if n < 128 else b"\x82" + n.to_bytes(2, "big")) + data


def kerberos():
    """An AP-REQ for cifs/fs1 in CORP.EXAMPLE (RFC 4120 5.5.1), in SPNEGO, in its GSS header."""
    name = der(0x30, der(0xa0, der(2, b"\x02")),
               der(0xa1, der(0x30, der(0x1b, b"cifs"), der(0x1b, b"fs1"))))
    ticket = der(0x61, der(0x30, der(0xa0, der(2, b"\x05")), der(0xa1, der(0x1b, b"CORP.EXAMPLE")),
                           der(0xa2, name), der(0xa3, der(0x30, der(0xa2, der(4, bytes(40)))))))
    ap_req = der(0x6e, der(0x30, der(0xa0, der(2, b"\x05")), der(0xa1, der(2, b"\x0e")),
                           der(0xa2, der(3, bytes(5))), der(0xa3, ticket)))
    token = der(0x60, b"\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00", ap_req)
    mechanisms = der(0xa0, der(0x30, b"\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"))
    return der(0x60, b"\x06\x06\x2b\x06\x01\x05\x05\x02",
               der(0xa0, der(0x30, mechanisms, der(0xa2, der(4, token)))))


def old(command, response, words, data):
    """An SMB1 message of before NT."""
    return (b"\xffSMB" + bytes([command]) + bytes(4) + bytes([response << 7]) + bytes(14)
            + b"\x01\0\x34\x12\x64\0\x07\0" + bytes([len(words) // 2]) + words
            + len(data).to_bytes(2, "little") + data)


def handmade(seeds):
    """What Samba's own client no longer says."""
    seeds.add("spnego", "kerberos", kerberos())
    seeds.add("smb1", "offer", old(0x72, 0, b"", b"\x02PC NETWORK PROGRAM 1.0\0\x02LANMAN2.1\0"))
    seeds.add("smb1", "choice-core", old(0x72, 1, b"\0\0", b""))
    seeds.add("smb1", "choice-lanman", old(0x72, 1, b"\1" + bytes(25), b""))
    seeds.add("smb1", "lanman", old(0x73, 0, b"\xff" + bytes(13) + b"\x18" + bytes(5),
                                    bytes(24) + b"JANE\0OFFICE\0"))
    seeds.add("smb1", "tree-core", old(0x70, 0, b"", b"\x04\\\\NAS\\C\0\x04\0\x04A:\0"))
    seeds.add("smb1", "open-core", old(0x02, 0, bytes(4), b"\x04\\PIPE\\srvsvc\0"))
    for chained in 0, 1:
        head = b"\xfcSMB" + struct.pack("<IHHI", 500, 0 if chained else 2, chained, 64)
        inner = b"\xfeSMB\x40\0" + bytes(58)
        m = head + inner + bytes(20)
        seeds.add("nbss", f"compressed-{chained}", b"\xff" + len(m).to_bytes(4, "big") + m)


def rpc(seeds, m):
    for at in range(64, min(len(m), 200)):
        if m[at:at + 2] == b"\x05\x00" and m[at + 2] in (11, 14):
            seeds.add("dcerpc", f"{m[at + 2]}", m[at:])


def one(seeds, m):
    if m[:4] == b"\xfeSMB":
        command, side = struct.unpack_from("<H", m, 12)[0], m[16] & 1
        seeds.add("smb2", f"{command}-{side}", m)
        for t in tokens(m):
            at = t.find(b"NTLMSSP\0")
            kind = f"{side}-{t[at + 8] if at >= 0 else 'other'}"
            seeds.add("spnego", kind, t)
            if at >= 0:
                seeds.add("ntlmssp", kind, t[at + 8:])
        if command in (9, 11) and not side:
            rpc(seeds, m)
    elif m[:4] == b"\xffSMB":
        seeds.add("smb1", f"{m[4]:02x}-{m[9] >> 7}", m)
        if m[4] in (0x25, 0x2f):
            rpc(seeds, m)


def main(folder, captures):
    seeds = Seeds(folder)
    for path in captures:
        name = os.path.basename(path).removesuffix(".pcap")
        stream, talk, begun = {True: b"\xff", False: b"\xff"}, b"", set()
        order = []
        for who, up, kind, m in messages(path):
            if kind:
                stream[up] += bytes([kind]) + len(m).to_bytes(3, "big") + m
                seeds.add("nbss", f"control-{kind:02x}",
                          b"\xff" + bytes([kind]) + len(m).to_bytes(3, "big") + m)
                continue
            one(seeds, m)
            if who not in order:
                order.append(who)
            what = (not up) | min(order.index(who), 3) << 1 | (0 if (who, up) in begun else 8)
            begun.add((who, up))
            piece = bytes([what]) + len(m).to_bytes(2, "big") + m
            if len(talk) + len(piece) <= LARGEST:
                talk += piece
            if len(stream[up]) + len(m) + 4 <= LARGEST:
                stream[up] += len(m).to_bytes(4, "big") + m
        seeds.add("talk", name, talk)
        seeds.add("nbss", f"{name}-0", stream[False] if len(stream[False]) > 1 else b"")
        seeds.add("nbss", f"{name}-1", stream[True] if len(stream[True]) > 1 else b"")
    handmade(seeds)
    print(f"{seeds.count} seeds")


if len(sys.argv) < 2:
    sys.exit(__doc__)
main(sys.argv[1], sys.argv[2:] or sorted(glob.glob(f"{HERE}/../data/*.pcap")))

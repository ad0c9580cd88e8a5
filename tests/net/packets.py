"""packets: crafted packets, and witnesses of what became of them.

A packet carries a tag behind its transport header.  Senders write whole IP packets, from
any source address; witnesses return the tags that came through.  Instead of waiting for
what will not come, every batch ends with a sentinel on a port that nobody governs: when
it has arrived, everything that was going to arrive before it has.
"""
import errno
import ipaddress
import os
import re
import select
import socket
import struct

TAG = b"BhTg"
SENTINEL = 0xFFFFFFFF
SENTINEL_PORT = 4444
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 3, 0x0800, 0x86DD
TCP, UDP, FRAGMENT = 6, 17, 44
SO_RCVBUFFORCE, PACKET_IGNORE_OUTGOING, SOL_PACKET = 33, 23, 263
WITNESS_GROUP = 446


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo(src, dst, proto, length):
    if src.version == 4:
        return src.packed + dst.packed + struct.pack("!BBH", 0, proto, length)
    return src.packed + dst.packed + struct.pack("!IHBB", length, 0, 0, proto)


def transport(src, dst, proto, sport, dport, tag, flags=0x02):
    """A TCP segment (a SYN unless told otherwise) or UDP datagram that carries the tag."""
    data = TAG + struct.pack("!I", tag)
    if proto == TCP:
        head = struct.pack("!HHIIBBHHH", sport, dport, tag, 0, 5 << 4, flags, 65535, 0, 0)
        sum_at = 16
    else:
        head = struct.pack("!HHHH", sport, dport, 8 + len(data), 0)
        sum_at = 6
    whole = head + data
    value = checksum(pseudo(src, dst, proto, len(whole)) + whole)
    return whole[:sum_at] + struct.pack("!H", value or 0xFFFF) + whole[sum_at + 2:]


def ipv4(src, dst, proto, payload, ident=1, more=False, offset=0):
    frag = (0x2000 if more else 0) | offset // 8
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident & 0xFFFF, frag, 64, proto, 0,
                       src.packed, dst.packed)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(src, dst, proto, payload):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), proto, 64, src.packed, dst.packed) + payload


def packet(src, dst, proto, sport, dport, tag, flags=0x02):
    src, dst = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    segment = transport(src, dst, proto, sport, dport, tag, flags)
    return ipv4(src, dst, proto, segment, tag) if src.version == 4 else ipv6(src, dst, proto, segment)


def fragments6(src, dst, payload, cut, proto=TCP, ident=77):
    """An IPv6 packet in two fragments; payload begins with the header that proto names."""
    src, dst = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    first = struct.pack("!BBHI", proto, 0, 1, ident) + payload[:cut]
    second = struct.pack("!BBHI", proto, 0, cut, ident) + payload[cut:]
    return [ipv6(src, dst, FRAGMENT, first), ipv6(src, dst, FRAGMENT, second)]


def tags_in(data):
    return [int.from_bytes(data[m.end():m.end() + 4], "big") for m in re.finditer(re.escape(TAG), data)]


class Wire:
    """Sends from, and listens at, one end of a cable."""

    def __init__(self, space, ifname, to_mac=None):
        self.own, self.to = space.mac(ifname), to_mac
        self.s = space.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        with space:
            self.s.bind((ifname, ETH_P_ALL))
        self.s.setblocking(False)

    def send(self, ip_packet):
        kind = ETH_P_IP if ip_packet[0] >> 4 == 4 else ETH_P_IPV6
        self.s.send(self.to + self.own + struct.pack("!H", kind) + ip_packet)

    def arrived(self, seconds=5):
        """Tags up to the sentinel; None when that never came."""
        return until_sentinel(self.s, lambda: self.s.recv(65536)[14:], seconds)

    def drain(self):
        drain(self.s)


class Local:
    """Sends through the namespace's own output path, from any source address."""

    def __init__(self, space):
        self.s4 = space.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.s4.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.s6 = space.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def send(self, ip_packet):
        """False when the kernel says at once that a rule refuses it."""
        try:
            if ip_packet[0] >> 4 == 4:
                self.s4.sendto(ip_packet, (socket.inet_ntop(socket.AF_INET, ip_packet[16:20]), 0))
            else:
                self.s6.sendto(ip_packet, (socket.inet_ntop(socket.AF_INET6, ip_packet[24:40]), 0))
            return True
        except PermissionError:
            return False


def drain(s):
    while True:
        try:
            s.recv(1 << 16)
        except BlockingIOError:
            return


def until_sentinel(s, receive, seconds):
    seen = set()
    while True:
        ready, _, _ = select.select([s], [], [], seconds)
        if not ready:
            return None
        try:
            for tag in tags_in(receive()):
                if tag == SENTINEL:
                    return seen
                seen.add(tag)
        except BlockingIOError:
            continue
        except OSError as e:
            # Packets were lost between the kernel and us: no claim can be made.
            if e.errno == errno.ENOBUFS:
                return None
            raise


class Delivered:
    """What reached the end of the input hook, told by NFLOG from a table of its own.

    AF_PACKET would see packets before the input hook; this sees them after every
    other table (priority 20, behind bulkhead's 10).
    """

    def __init__(self, space, ifnames):
        names = ", ".join(f'"{n}"' for n in ifnames)
        space.must("nft", "-f", "-", text=f"""table inet witness {{
	chain seen {{
		type filter hook input priority 20; policy accept;
		iifname {{ {names} }} log group {WITNESS_GROUP}
	}}
}}
""")
        self.s = space.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        self.s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.s.bind((0, 0))
        self.configure(1, b"\x01")  # bind
        self.configure(2, struct.pack("!IBx", 0xFFFF, 2))  # copy whole packets
        self.configure(5, struct.pack("!I", 1))  # tell each at once
        self.s.setblocking(False)

    def configure(self, kind, value):
        # NFULNL_MSG_CONFIG with one NFULA_CFG_* attribute, acknowledged.
        attribute = struct.pack("=HH", 4 + len(value), kind) + value
        attribute += b"\0" * (-len(attribute) % 4)
        body = struct.pack("!BBH", socket.AF_UNSPEC, 0, WITNESS_GROUP) + attribute
        self.s.send(struct.pack("=IHHII", 16 + len(body), (4 << 8) | 1, 1 | 4, 1, 0) + body)
        answer = self.s.recv(4096)
        code = struct.unpack_from("=i", answer, 16)[0]
        if code:
            raise OSError(-code, "nfnetlink_log refused the witness: " + os.strerror(-code))

    def arrived(self, seconds=5):
        return until_sentinel(self.s, lambda: self.s.recv(1 << 17), seconds)

    def drain(self):
        drain(self.s)

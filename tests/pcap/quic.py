#!/usr/bin/env python3
"""Hold the rows of SMB over QUIC against what tshark says of the same captures.

usage: quic.py LEAVES-PROGRAM

Compared: who asks whom for which name by the protocol smb, and what both say in bytes.  The
captures are those of tests/data that are named after QUIC, and that of the collection at
$BULKHEAD_CORPUS or ../shared/corpus if it is there.  Where tshark is not installed this says so
and exits 77 (skipped).
"""
import glob
import json
import os
import shutil
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
FIELDS = ["udp.stream", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "udp.dstport", "udp.length",
          "tls.handshake.extensions_server_name", "tls.handshake.extensions_alpn_str"]


def told(path):
    """(client, server, port, name) → bytes each way, of streams in which smb is offered."""
    out = subprocess.run(["tshark", "-n", "-r", path, "-Tfields", *(w for f in FIELDS for w in ("-e", f))],
                         capture_output=True, text=True, check=True).stdout
    streams = {}
    for line in out.splitlines():
        stream, src4, src6, dst4, dst6, port, length, name, offers = line.split("\t")
        s = streams.setdefault(stream, {"ends": (src4 or src6, dst4 or dst6, int(port)), "bytes": [0, 0], "smb": False})
        s["bytes"][(src4 or src6) != s["ends"][0]] += int(length) - 8
        if offers:
            s["smb"], s["name"] = "smb" in offers.split(","), name
    return {(*s["ends"], s["name"]): tuple(s["bytes"]) for s in streams.values() if s["smb"]}


def main():
    if not shutil.which("tshark"):
        print("skipped: tshark is not installed (tools/setup test)")
        return 77
    corpus = os.environ.get("BULKHEAD_CORPUS", f"{TOP}/../shared/corpus")
    paths = glob.glob(f"{TOP}/tests/data/quic*.pcap") + glob.glob(f"{corpus}/pcap/*quic*.pcap")
    bad = n = 0
    for path in sorted(paths):
        rows = map(json.loads, subprocess.run([sys.argv[1], path], capture_output=True, text=True, check=True).stdout.splitlines())
        ours = {(r["client"], r["server"], r["port"], r["server_name"]): (r["bytes_to_server"], r["bytes_to_client"])
                for r in rows if r.get("transport") == "quic443"}
        theirs = told(path)
        n += len(theirs)
        if ours != theirs or not theirs:
            bad += 1
            print(f"{os.path.basename(path)}: rows say {ours}\n  tshark says {theirs}")
    print(f"{len(paths)} captures, {n} connections: {bad} disagreements")
    return 1 if bad or not n else 0


sys.exit(main())

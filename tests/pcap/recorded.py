#!/usr/bin/env python3
"""Hold the sensor's rows against what was really done when tests/data was recorded, or made.

usage: recorded.py LEAVES-PROGRAM

Every row of a capture must be one of those written here, and each of these must be there.
"""
import json
import os
import subprocess
import sys

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data")

OK, DENIED, NO_LOGON = "0x00000000", "0xc0000022", "0xc000006d"
V4 = {"client": "10.99.0.1", "server": "10.99.0.2", "port": 445, "transport": "tcp445",
      "verdict": "answered", "complete": True, "connections": 1}
SMB3 = V4 | {"dialect": "3.1.1", "cipher": "AES-128-GCM", "signing_algorithm": "AES-GMAC",
             "signing_server": "enabled", "signing_client": "enabled", "server_name": "10.99.0.2"}
USER = {"user": "games", "domain": "CORP", "workstation": "WS1", "auth": "ntlm", "ntlm": "v2",
        "auth_status": OK, "guest": False}


def share(name, **more):
    kind = "pipe" if name == "IPC$" else "disk"
    return {"share": f"\\\\10.99.0.2\\{name}", "share_type": kind, "share_status": OK,
            "encrypted": False} | more


IPC = share("IPC$")
NT1 = V4 | USER | {"dialect": "NT LANMAN 1.0", "smb1_offered": True, "signing_server": "off",
                   "signing_client": None}
QUIC = V4 | {"port": 443, "transport": "quic443", "complete": False, "share": None, "user": None,
             "dialect": None, "encrypted": None}
V6 = {"client": "fd00:99::1", "server": "fd00:99::2", "port": 139, "transport": "nbss139",
      "server_name": "fd00:99::2"}
EXPECTED = {
    "smb311-home": [SMB3 | USER | {"signed": True} | s for s in (IPC, share("home"))],
    "smb202-home": [V4 | USER | {"dialect": "2.0.2", "cipher": None, "signing_server": "enabled",
                                 "signed": True} | s for s in (IPC, share("home"))],
    "smb311-signed": [SMB3 | USER | {"signing_server": "required", "signing_client": "required",
                                     "signed": True} | s for s in (IPC, share("home"))],
    "smb311-encrypted": [SMB3 | USER | {"signing_client": "required", "share": None,
                                        "encrypted": True}],
    "smb311-secret": [SMB3 | USER | s for s in (IPC, share("secret", encrypted=True))],
    "wrong-password": [SMB3 | USER | {"auth_status": NO_LOGON, "guest": None, "share": None}],
    "denied-share": [SMB3 | USER | s for s in (
        IPC, share("finance", share_type=None, share_status=DENIED))],
    "smb1-refused": [V4 | {"dialect": None, "smb1_offered": True, "user": None, "share": None}],
    "smb1-used": [NT1 | s
                  for s in (IPC, share("HOME"))],
    "guest": [SMB3 | USER | {"user": "stranger", "guest": True} | s for s in (IPC, share("home"))],
    # smbclient first tries its own name without a password, then nobody's.
    "anonymous": [SMB3 | {"user": "root", "auth": "ntlm", "ntlm": None, "auth_status": NO_LOGON},
                  SMB3 | {"user": "", "domain": "", "auth": "anonymous", "ntlm": None,
                          "auth_status": OK} | IPC,
                  V4 | {"port": 139, "transport": "nbss139", "smb1_offered": True, "user": None}],
    "nbss139-ipv6": [SMB3 | USER | V6 | s | {"share": s["share"].replace("10.99.0.2", "fd00:99::2")}
                     for s in (IPC, share("home"))],
    # smbclient knows two names for NT LM 0.12, and smbd takes the first.
    "smb1-lanman": [V4 | share("HOME") | {
        "dialect": "LANMAN1.0", "user": "stranger", "domain": "CORP", "workstation": None, "auth": "ntlm",
        "ntlm": None, "guest": True, "signing_server": None, "opens": 1}],
    "smb1-ntlmv1": [NT1 | {"port": 139, "transport": "nbss139", "ntlm": "v1", "signed": False} | s
                    for s in (IPC, share("HOME", opens=1))],
    "smb1-encrypted": [NT1 | {"signed": True} | s for s in (IPC, {"share": None, "encrypted": True})],
    "smb1-pipes": [NT1 | {"signed": True} | share("IPC$", opens=2, pipes=["srvsvc", "lsarpc"])],
    "smb210-pipes": [V4 | USER | {"dialect": "2.1", "signed": True} |
                     share("IPC$", opens=2, pipes=["wkssvc", "samr"])],
    # Where SMB is not expected, its beginning is not watched for.
    "smb311-port8445": [SMB3 | USER | {"port": 8445, "complete": False, "smb1_offered": True} | s
                        for s in (IPC, share("home", opens=3))],
    "dfs": [SMB3 | USER | {"signed": True} | s for s in (IPC, IPC, IPC, share("dfs"), share("home"))],
    "quic-made": [QUIC | {"server_name": "fs1.corp.example", "bytes_to_server": 1300, "bytes_to_client": 305},
                  QUIC | {"client": "fd00:99::1", "server": "fd00:99::2", "server_name": "fs2.corp.example",
                          "bytes_to_server": 3600, "bytes_to_client": 200},
                  QUIC | {"server": "10.99.0.3", "server_name": "fs3.corp.example", "verdict": "silent",
                          "bytes_to_server": 2400, "bytes_to_client": 0},
                  QUIC | {"port": 8443, "server_name": "fs1.corp.example", "bytes_to_server": 2400,
                          "bytes_to_client": 405}],
    "nobody-there": [{"server": "10.99.0.3", "port": p, "verdict": "silent", "dialect": None,
                      "bytes_to_server": 0} for p in (445, 139)],
}


def fits(row, want):
    return all(row[k] == v for k, v in want.items())


def check(program, name, expected):
    path = os.path.join(DATA, name + ".pcap")
    out = subprocess.run([program, path], capture_output=True, text=True, check=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    bad = [f"{name}: {r}" for r in rows if "problem" in r]
    tally = [r for r in rows if "tally" in r][-1]
    for k in "gaps", "malformed", "evicted", "truncated_packets":
        if tally[k]:
            bad.append(f"{name}: {k} is {tally[k]}")
    rows = [r for r in rows if "client" in r]
    for r in rows:
        if not any(fits(r, want) for want in expected):
            near = min(([k for k, v in want.items() if r[k] != v] for want in expected), key=len)
            bad.append(f"{name}: a row nobody made, other in {near}: {r}")
    for want in expected:
        if not any(fits(r, want) for r in rows):
            bad.append(f"{name}: no row {want}")
    if len(rows) != len(expected):
        bad.append(f"{name}: {len(rows)} rows, expected {len(expected)}")
    return bad


def main():
    bad = []
    on_disk = {f[:-5] for f in os.listdir(DATA) if f.endswith(".pcap")}
    if on_disk != set(EXPECTED):
        bad.append(f"captures and expectations differ: {on_disk ^ set(EXPECTED)}")
    for name in sorted(on_disk & set(EXPECTED)):
        bad += check(sys.argv[1], name, EXPECTED[name])
    print("\n".join(bad))
    print(f"{len(EXPECTED)} recorded captures: {len(bad)} disagreements")
    return 1 if bad else 0


sys.exit(main())

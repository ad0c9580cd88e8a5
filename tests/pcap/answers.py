#!/usr/bin/env python3
"""Hold the sensor's rows against what an independent reader says of real captures.

usage: answers.py LEAVES-PROGRAM [CORPUS]

The corpus is found at $BULKHEAD_CORPUS or ../shared/corpus beside the checkout; where it
is absent this says so and exits 77 (skipped).  For every connection in answers.json the
rows must agree in every field that both know, and every fact of the answers must be in
some row.
"""
import json
import os
import subprocess
import sys

MODES = {"0x00": "off", "0x01": "enabled", "0x02": "required", "0x03": "required"}
AUTH = {"NTLM": "ntlm", "Kerberos": "kerberos"}


def rows_of(program, path):
    out = subprocess.run([program, path], capture_output=True, text=True, check=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    return [r for r in rows if "client" in r], [r for r in rows if "problem" in r]


def key(r):
    return (r["client"], r["server"], r["port"])


def dialect(conn):
    """The last one agreed on; 2.FF asks for another round."""
    d = [x for x in conn["dialect"] if x != "2.FF"]
    return d[-1] if d else None


def auth_matches(a, r):
    status = a["status"][-1] if isinstance(a["status"], list) else a["status"]
    if status is not None and r["auth_status"] != status:
        return False
    if a["mech"] == "Kerberos":
        return (r["auth"], r["service"], r["domain"]) == ("kerberos", a["spn"], a["realm"])
    anonymous = a["user"] == "" and a["v"] == "none"
    return (r["auth"] == ("anonymous" if anonymous else "ntlm")
            and r["ntlm"] == (None if a["v"] == "none" else a["v"])
            and (r["user"], r["domain"]) == (a["user"], a["domain"])
            and (r["workstation"] or "") == a["host"])


def share_matches(s, r):
    if s["path"] != r["share"]:
        return False
    if s["status"] is not None and r["share_status"] != s["status"]:
        return False
    if s["type"] is not None and r["share_type"] != s["type"].lower():
        return False
    return s["encrypt"] is None or r["encrypted"] == s["encrypt"]


def check_pair(conns, rows, say):
    """All connections between the same two ends: rows carry no stream number."""
    for name, want in (("dialect", {dialect(c) for c in conns}),
                       ("cipher", {c["cipher"] for c in conns}),
                       ("signing_algorithm", {c["signing"] for c in conns}),
                       ("signing_client", {MODES.get(c["client_secmode"]) for c in conns})):
        got = {r[name] for r in rows}
        if got != want:
            say(f"{name}: rows say {got}, the answers {want}")
    want = set()
    for c in conns:
        if c["server_secmode"]:
            want.add(MODES[c["server_secmode"]])
        elif "smb1_sig_required" in c:
            want.add("required" if c["smb1_sig_required"] else
                     "enabled" if c["smb1_sig_enabled"] else "off")
        else:
            want.add(None)
    got = {r["signing_server"] for r in rows}
    if got != want and not (want == {None} and got == {"off"}):
        say(f"signing_server: rows say {got}, the answers {want}")

    for c in conns:
        for a in c["auth"]:
            if not any(auth_matches(a, r) for r in rows):
                say(f"no row for the authentication {a}")
        for s in c["shares"]:
            if not any(share_matches(s, r) for r in rows):
                say(f"no row for the share {s}")
    auths = [a for c in conns for a in c["auth"]]
    shares = [s for c in conns for s in c["shares"]]
    for r in rows:
        if r["user"] is not None and not any(
                (r["user"], r["domain"]) == (a.get("user"), a.get("domain")) for a in auths):
            say(f"a row with a user nobody saw: {r['domain']}\\{r['user']}")
        if r["share"] is not None and not any(s["path"] == r["share"] for s in shares):
            say(f"a row with a share nobody saw: {r['share']}")
    # The answers know of guests from SMB2 alone; SMB1 has its own word for them.
    for name, want in (("guest", any(c["guest"] or (c["smb1_msgs"] and not c["smb2_msgs"] and
                                     any(r["guest"] for r in rows)) for c in conns)),
                       ("encrypted", any(c["enc_msgs"] for c in conns))):
        if any(r[name] is True for r in rows) != want:
            say(f"{name}: the answers say {want}")
    if any(c["smb2_msgs"] and c["signed_msgs"] and c["auth"] for c in conns) and \
            not any(r["signed"] for r in rows):
        say("signed: no row, but signed messages were seen")
    for r in rows:
        offered = any(c["smb1_msgs"] for c in conns)
        if r["smb1_offered"] and not offered:
            say("smb1_offered, but no SMB1 message was seen")


def check(program, folder, answers):
    bad = []

    def say(text):
        bad.append(f"{answers['file']}: {text}")

    rows, problems = rows_of(program, os.path.join(folder, answers["file"]))
    for p in problems:
        say(f"problem: {p['problem']}")
    pairs = {}
    for c in answers["conns"]:
        pairs.setdefault(key(c), []).append(c)
    for k, conns in pairs.items():
        # A connection that never got to SMB is a row of ours and nothing to the answers.
        mine = [r for r in rows if key(r) == k
                and r["bytes_to_server"] + r["bytes_to_client"] > 0]
        if not mine:
            say(f"no row at all for {k}")
            continue
        check_pair(conns, mine, lambda text, k=k: say(f"{k[0]} to {k[1]}: {text}"))
    for r in rows:
        if key(r) not in pairs and r["bytes_to_server"] + r["bytes_to_client"]:
            say(f"rows for a conversation nobody saw: {key(r)}")
    return bad


def main():
    program = sys.argv[1]
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    corpus = sys.argv[2] if len(sys.argv) > 2 else os.environ.get(
        "BULKHEAD_CORPUS", os.path.join(here, "../shared/corpus"))
    folder = os.path.join(corpus, "pcap")
    if not os.path.exists(os.path.join(folder, "answers.json")):
        print(f"skipped: no captures at {folder}")
        return 77
    bad, n, conns = [], 0, 0
    for a in json.load(open(os.path.join(folder, "answers.json"))):
        bad += check(program, folder, a)
        n += 1
        conns += len(a["conns"])
    print("\n".join(bad))
    print(f"{n} captures, {conns} connections: {len(bad)} disagreements")
    return 1 if bad else 0


sys.exit(main())

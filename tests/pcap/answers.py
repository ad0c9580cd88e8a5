#!/usr/bin/env python3
"""Hold the sensor's rows against what an independent reader says of real captures.

usage: answers.py LEAVES-PROGRAM [CORPUS]

The corpus is found at $BULKHEAD_CORPUS or ../shared/corpus beside the checkout; where it
is absent this says so and exits 77 (skipped).  Every field of the answers is held against
the rows, both ways: each of their facts must be in some row, and no row may say what they
do not.
"""
import json
import os
import subprocess
import sys

# Of what nobody can see inside the answers have nothing.  This is tshark's reading of the
# ClientHello and of the lengths of the datagrams; and nothing else may be said.
QUIC = {"samba425-smb-over-quic.pcap": [
    {"client": "10.78.0.2", "server": "10.78.0.1", "port": 443, "transport": "quic443", "server_name": "files.example.test",
     "verdict": "answered", "complete": False, "connections": 1, "bytes_to_server": 6093, "bytes_to_client": 2040,
     "first_seen": 1795351640706720000, "last_seen": 1795351649764670000, "opens": 0, "pipes": []}]}
MODES = {"0x00": "off", "0x01": "enabled", "0x02": "required", "0x03": "required"}
AUTH = {"NTLM": "ntlm", "Kerberos": "kerberos"}


def rows_of(program, path):
    out = subprocess.run([program, path], capture_output=True, text=True, check=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    return ([r for r in rows if "client" in r], [r for r in rows if "problem" in r],
            [r for r in rows if "tally" in r][-1])


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


def share_key(s):
    """What a share of the answers says, as far as it says something."""
    return s["path"], s["status"], s["type"].lower() if s["type"] else None, s["encrypt"]


def share_matches(k, r):
    mine = (r["share"], r["share_status"], r["share_type"], r["encrypted"])
    return all(want is None or want == got for want, got in zip(k, mine))


def smb1_offered(conn):
    """By a NEGOTIATE of SMB1; that of SMB2 offers numbers alone."""
    if any(not d[0].isdigit() for d in conn["dialect_offered"]):
        return True
    return False if conn["dialect_offered"] else None


def signing_server(conn):
    if conn["server_secmode"]:
        return MODES[conn["server_secmode"]]
    if "smb1_sig_required" in conn:
        return "required" if conn["smb1_sig_required"] else "enabled" if conn["smb1_sig_enabled"] else "off"
    return None


def check_words(conns, rows, say):
    """What is of a connection as a whole.  Rows carry no stream number, so all connections
    between the same two ends are held against all their rows."""
    for name, want in (("dialect", {dialect(c) for c in conns}),
                       ("cipher", {c["cipher"] for c in conns}),
                       ("compression", {c["compression"] for c in conns}),
                       ("signing_algorithm", {c["signing"] for c in conns}),
                       ("signing_client", {MODES.get(c["client_secmode"]) for c in conns}),
                       ("signing_server", {signing_server(c) for c in conns}),
                       ("smb1_offered", {smb1_offered(c) for c in conns})):
        got = {r[name] for r in rows}
        if got != want:
            say(f"{name}: rows say {got}, the answers {want}")
    names = {c["netname"] for c in conns if c["netname"]}
    for n in names - {r["server_name"] for r in rows}:
        say(f"no row with the server's name {n}")


def check_people(conns, rows, say):
    auths = [a for c in conns for a in c["auth"]]
    for a in auths:
        if not any(auth_matches(a, r) for r in rows):
            say(f"no row for the authentication {a}")
    for r in rows:
        if r["auth"] is not None and not any(auth_matches(a, r) for a in auths):
            say(f"a row with a logon nobody saw: {r['auth']} {r['domain']}\\{r['user']} {r['auth_status']}")
    # The answers know of guests and null sessions from SMB2 alone; SMB1 has its own words.
    smb1 = any(c["smb1_msgs"] and not c["smb2_msgs"] for c in conns)
    if any(r["guest"] is True for r in rows) != any(c["guest"] for c in conns) and not smb1:
        say(f"guest: rows say otherwise than {[c['guest'] for c in conns]}")
    if any(c["anon"] for c in conns) and not any(r["auth"] == "anonymous" for r in rows):
        say("a null session, and no row that is anonymous")


def check_shares(conns, rows, say):
    shares = {share_key(s) for c in conns for s in c["shares"]}
    for s in shares:
        if not any(share_matches(s, r) for r in rows):
            say(f"no row for the share {s}")
    for r in rows:
        if r["share"] is not None and not any(share_matches(s, r) for s in shares):
            say(f"a row with a share nobody saw: {r['share']} {r['share_status']}")
    # The same share twice in one connection is one row of it; in two connections it is two.
    for path in {s[0] for s in shares}:
        want = sum(len({share_key(s) for s in c["shares"] if s["path"] == path}) for c in conns)
        got = sum(r["connections"] for r in rows if r["share"] == path)
        if got != want:
            say(f"{path}: {got} connections, the answers have {want}")


def check_protection(conns, rows, say):
    encrypted = any(c["enc_msgs"] or c["sess_encrypt"] or any(s["encrypt"] for s in c["shares"])
                    for c in conns)
    if any(r["encrypted"] is True for r in rows) != encrypted:
        say(f"encrypted: the answers say {encrypted}")
    if any(c["sess_encrypt"] for c in conns) and \
            not any(r["encrypted"] for r in rows if r["auth_status"] == "0x00000000"):
        say("a session that is encrypted, and no row of it")
    # A signed NEGOTIATE or a session that never came to be is no signed session; SMB1's
    # signatures are not among the answers.
    count = sum(c["signed_msgs"] for c in conns)
    signed = any(r["signed"] for r in rows)
    if signed and not count and any(c["smb2_msgs"] for c in conns):
        say("signed, but no signed message was seen")
    if not signed and count and any(c["auth"] for c in conns):
        say("signed: no row, but signed messages were seen")


def check_pair(conns, rows, say):
    check_words(conns, rows, say)
    check_people(conns, rows, say)
    check_shares(conns, rows, say)
    check_protection(conns, rows, say)
    if len(conns) == 1 and not conns[0]["syn"] and any(r["complete"] for r in rows):
        say("complete, though its SYN was not captured")


def check(program, folder, answers):
    bad = []

    def say(text):
        bad.append(f"{answers['file']}: {text}")

    rows, problems, tally = rows_of(program, os.path.join(folder, answers["file"]))
    for p in problems:
        say(f"problem: {p['problem']}")
    for count in "malformed", "evicted":
        if tally[count]:
            say(f"{tally[count]} {count}")
    # A packet may hold several messages, and a message several links of a chain.
    least = sum(c["smb"] for c in answers["conns"])
    most = sum(c["smb1_msgs"] + c["smb2_msgs"] + c["enc_msgs"] for c in answers["conns"])
    if not least <= tally["messages"] <= most:
        say(f"{tally['messages']} messages, the answers have {least} to {most}")
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


def check_sealed(program, folder, name, expected):
    rows, problems, tally = rows_of(program, os.path.join(folder, name))
    rows = [{k: v for k, v in r.items() if v is not None} for r in rows]
    bad = [f"{name}: {p}" for p in problems]
    if rows != expected:
        bad.append(f"{name}: {rows}, tshark says {expected}")
    if tally["malformed"] or tally["truncated_packets"] or tally["messages"]:
        bad.append(f"{name}: {tally}")
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
    for name, expected in QUIC.items():
        bad += check_sealed(program, folder, name, expected)
        n += 1
        conns += len(expected)
    print("\n".join(bad))
    print(f"{n} captures, {conns} connections: {len(bad)} disagreements")
    return 1 if bad else 0


sys.exit(main())

#!/usr/bin/env python3
"""Write seeds for the fuzz targets logs and events: shapes that made other readers of logs fall.

usage: tests/fuzz/make-crashers.py [FOLDER=tests/fuzz/corpus]

What a report or an advisory tells of an input is made anew here, in the words of the logs that we
read; no byte is another's.  For EVTX make-evtx.py does the same.  The same run makes the same bytes.
"""
import json
import os
import sys

XML, JSON, CSV, PFIREWALL, ZEEK, SAMBA = range(6)  # byte 0 of an input of logs
SECURITY = "Microsoft-Windows-Security-Auditing"
AUDIT = "games|10.0.0.5|10.0.0.9|ws1|home|SMB3_11|"
ALICE = "alice|10.0.0.5|connect|ok|home\n"


def samba():
    # rsyslog, CVE-2022-24903: a count of octets without end.  syslog-ng 5779 and 3328: digits alone, and
    # a digit, NUL and spaces.
    yield "octets", 4, "9" * 700 + " <13>1 " + ALICE + "12345\n4\0  \n<\n<1\n<999999999999999999999>" + ALICE
    # journald, CVE-2018-16866: a colon and nothing, blanks and nothing; an identifier that never ends.
    yield "identifier", 4, ":\n :\n\t: \nsmbd_audit:\nsmbd_audit[\nsmbd_audit[]:\nsmbd_audit[" + "1" * 300 + "]: " + ALICE \
        + "Jan 31 12:00:00 fs1 smbd_audit:" + " " * 400 + "\n"
    # rsyslog, CVE-2019-17041 and 17042: a header without what ends it.
    yield "unended", 4, "Message forwarded from \nJan 31 12:00:00\nJan 31 12:00:00 \nJan 31 12:00:00 fs1\nJan" + "x" * 900
    # syslog-ng 3270 and CVE-2022-38725: a fraction that is none; numbers without end in times.
    yield "times", 4, "".join(f"{t} fs1 smbd_audit: {ALICE}" for t in (
        "Feb 2 2022 00:00:00." + "0" * 600, "Jan 31 12:00:00.asd123", "Feb 31 25:61:61", "Jan  0 00:00:00", "Jan 99 12:00:00",
        "99999999999999999999.5", "-1", "2026-13-45T99:99:99.999999999999Z", "2026-01-31T12:00:00+99:99", "0000-00-00T00:00:00Z"))
    # syslog-ng 3581 and 3601: structured data with quotes that are not escaped, and cut off.
    yield "structured", 4, "".join(f"<134>1 2026-01-31T12:00:00Z fs1 smbd_audit 1 - {d} {ALICE}" for d in (
        '[a b="c d=e f="1" g="h"]', '[a b="c\\"d\\]"][e f="]"]', "[", '[a b="', "[]", '[a b="c"', "[" * 200, '[a b="' + "\\" * 201))
    # fail2ban and OSSEC, log injection: a name that reads like a field, a line, or a header.
    yield "forged", 1, AUDIT + "create_file|ok|0x1|file|open|/srv/a|10.9.9.9|ws|fin|connect|ok|fin\n" + AUDIT + "connect|ok|home|connect|ok|fin\n" \
        + "a|b|10.0.0.5|ws1|home|connect|ok|home\n" + "|" * 500 + "\n" + AUDIT + "connect|fail (a|b) c|home\n" \
        + "[2026/01/31 12:00:00.1, 3] x.c:1(f)\n  games|10.0.0.5|ws1|home|connect|ok|home\\n[2026/01/31 12:00:00,\n" + AUDIT + "connect|ok|x\r" + ALICE
    # JSON that is cut where a line was too long, or has what is not there as null.
    whole = json.dumps({"timestamp": "2026-01-31T12:00:00.000000+0100", "type": "Authentication", "Authentication": {
        "version": {"major": 1, "minor": 2}, "status": None, "localAddress": None, "remoteAddress": "ipv6::::::::::::445",
        "serviceDescription": "SMB2", "clientAccount": None, "workstation": "\\\\\\\\", "passwordType": None, "duration": 1e400}})
    yield "cut-json", 0, "".join("  " + whole[:n] + "\n" for n in (1, 2, 40, 60, 120, 200, 300, len(whole)))
    yield "no-objects", 0, '  {"timestamp": [], "type": "Authentication", "Authentication": []}\n  {"type": "Authorization"}\n' \
        '  {"type": {}, "Authentication": {"version": 1}}\n  {"type": "Authentication", "Authentication": {"status": "NT_STATUS_OK", ' \
        '"remoteAddress": "unix:", "localAddress": "ipv4:10.0.0.9", "serviceDescription": "SMB2"}}\n'


def texts():
    """JSON that parsers of it fell over."""
    # jansson, CVE-2016-4425: depth.  Analysers nest too: one document in a string of another.
    yield "deep", "[" * 1500 + "\n" + '{"a":' * 700 + "1" + "}" * 700 + "\n" + "[{" * 300 + "\n"
    # cJSON, CVE-2016-10749; yajl, CVE-2017-16516; ujson, CVE-2022-31116: a backslash at the end, \u cut off,
    # half a surrogate.
    yield "escapes", '{"a":"\\\n{"a":"\\"\n{"a":"\\u"}\n{"a":"\\uD8"}\n{"a":"\\uD83D"}\n{"a":"\\uDE00\\uD83D"}\n{"a":"\\u0000","\\u0000":1}\n' \
        '{"EventID":5140,"SourceName":"' + SECURITY + '","ShareName":"\\ud800","IpAddress":"\\u0031"}\n'
    # jq, CVE-2015-8863: numbers that are too long; and some that are none.
    yield "numbers", "".join('{"EventID":%s,"SourceName":"%s","IpPort":%s,"EventTime":%s}\n' % (n, SECURITY, n, n) for n in (
        "1e400", "-1e400", "9" * 400, "-" + "9" * 40, "0x1414", "5140.0", "5140.5", "-0", "01", "1e", "-", "NaN", "Infinity"))
    # wazuh 3862 and 29245: what is no event at all, and one that is cut off.
    yield "none", "/home:bar\n{\n}\n\n\0\n{}{}{}\n{\"Event\":null}\n{\"Event\":{\"System\":[]}}\n{\"Event\":{\"System\":{\"EventID\":{\"#text\":{}}}}}\n" \
        '{"winlog":{"event_id":"5140","provider_name":"%s","event_data":"x"}}\n{"winlog":[{}]}\n{"hits":{"hits":[[],1,{"_source":[]}]}}\n' % SECURITY
    # Keys that come again, or of which there are many.
    yield "keys", json.dumps({f"k{i}": i for i in range(300)}) + '\n{"EventID":5140,"EventID":5145,"EventID":[],"SourceName":"' + SECURITY \
        + '","IpAddress":"10.0.0.5","IpAddress":"10.0.0.6","ShareName":"\\\\\\\\*\\\\a","Computer":"fs1","Computer":null}\n'
    # The journal tells what is no text as numbers, what came twice as a list, and what is too long as null.
    yield "journal", "".join(json.dumps({"__REALTIME_TIMESTAMP": t, "SYSLOG_IDENTIFIER": "smbd_audit", "MESSAGE": m}) + "\n" for t, m in (
        ("1769860800000000", list((AUDIT + "connect|ok|h\u00f6me").encode("latin-1"))), ("1", [256, -1, 97]), ("-1", [97, "b", None, 1.5]),
        ("x", []), (1769860800000000, [[97]]), ("9" * 30, None), (None, ["games|10.0.0.5|connect|ok|home", "x"]), ("1", {"a": 1}),
        ("1769860800000000", list(b"a\nb|10.0.0.5|connect|ok|home\n"))))
    # SIEMs put documents into strings of documents.
    inner = json.dumps({"EventData": {"Data": [{"@Name": "ShareName", "#text": "x"}] * 20}})
    for _ in range(3):
        inner = json.dumps({"EventId": 5140, "Provider": SECURITY, "Payload": inner, "message": inner[:300]})
    yield "within", inner + "\n" + '{"Payload":"{\\"EventData\\":{\\"Data\\":"}\n{"EventData":"<EventData><Data Name=\\"","EventID":5156}\n'
    # Ends of a connection that are none, in eve and Zeek.
    yield "ends", "".join(json.dumps({"event_type": "smb", "flow_id": f, "src_ip": a, "dest_ip": b, "src_port": p, "dest_port": 445,
                                      "timestamp": "2026-01-31T12:00:00.000001+0000", "smb": s}) + "\n" for f, a, b, p, s in (
        (2**63, "10.0.0.5", "fe80::9", 1, {}), (-1, "", "10.0.0.9", -1, []), (1.5, "10.0.0.5", "10.0.0.9", 65536, None),
        (1, "10.0.0.5", "10.0.0.9", "5", {"command": "SMB2_COMMAND_", "tree_id": -1, "session_id": 2**64, "dialect": "9.9.9"}),
        (1, "::ffff:10.0.0.5", "::", 5, {"command": [], "share": "\\" * 300, "status_code": "0xfffffffff", "client_dialects": [1, None]})))


def tables():
    line = "1769860800.0\tC1\t10.0.0.5\t50000\t10.0.0.9\t445\t"
    head = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tsmb_mapping\n#fields\tts\tuid\t" \
        "id.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tpath\tshare_type\n"
    # RITA 694: more fields than names; and fewer, and none.
    yield "fields", ZEEK, head + line + "\\\\fs1\\a\tDISK\t\n" + line + "\\\\fs1\\b\n" + line.rstrip("\t") + "\n\t\t\t\n#fields\n" + line + "x\tDISK\n" \
        + "#fields\t" + "\t".join(f"f{i}" for i in range(300)) + "\n" + "\t" * 300 + "\n#fields\tts\tts\tts\tuid\tuid\n" + line + "\n"
    yield "separators", ZEEK, "".join(f"#separator {s}\n#fields{s}ts{s}uid\n1{s}2\n" for s in (
        "\\x", "\\x0", "\\x00", "\\x0a", "\\xzz", "\\x09\\x09", "", "|", "\\\\", "\\x23")) + head.replace("#set_separator\t,", "#set_separator") \
        + line + "\\\\fs1\\\\x\\x4\\x\\xff\\\tDISK\n" + line + "\\\\\tDISK\n#path\n#path\t" + "x" * 300 + "\n#close\n" + line + "\\\\fs1\\c\tDISK\n"
    yield "quotes", CSV, '"TimeCreated","EventID","IpAddress"\n"a"b"c,5140,"""\n"",5140,""""\n"unended\n5140,x\n' + ",".join(["5140"] * 400) + "\n" \
        + '=1+1,"5140","@x"\n\0,\0,\0\n"' + '""' * 400 + '"\n'
    yield "headless", CSV, "5140,5140,5140\n" + "EventID,EventID,Provider,Provider,Computer\n" * 3 + "5140;" + SECURITY + "\n#TYPE\n#TYPE x\n\n\r\r\n"
    yield "columns", PFIREWALL, "#Fields: date time action protocol src-ip dst-ip src-port dst-port size " + "x " * 300 + "\n" \
        "2026-01-31 12:00:00 DROP TCP 10.0.0.5 10.0.0.9 1 445 0\n#Fields:\n2026-01-31 12:00:00 DROP TCP 10.0.0.5 10.0.0.9 1 445 0 " + "- " * 300 \
        + "\n#Fields: action action src-ip\nDROP DROP 10.0.0.5\n"
    yield "times", PFIREWALL, "#Fields: date time action protocol src-ip dst-ip src-port dst-port\n" + "".join(
        f"{w} DROP TCP 10.0.0.5 10.0.0.9 1 445\n" for w in ("9999-99-99 99:99:99", "0000-00-00 00:00:00", "2026-02-30 12:00:00", "2026-01-31 24:00:60",
                                                            "- -", "2026 12", "99999999999999999999-01-01 12:00:00")) \
        + "2026-01-31 12:00:00 DROP TCP 10.0.0.5 fe80::9 1 445\n2026-01-31 12:00:00 DROP TCP fe80::1%eth0 fe80::9%3 70000 445\n"


def one(system, data=""):
    return f"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{SECURITY}'/>{system}</System>{data}</Event>"


def xml():
    share = "<EventData><Data Name='ShareName'>\\\\*\\a</Data><Data Name='IpAddress'>10.0.0.5</Data></EventData>"
    # expat, CVE-2013-0340: entities of entities; CVE-2024-8176: deep ones; CVE-2022-25313: a deep model.
    yield "entities", "<?xml version='1.0'?><!DOCTYPE Events [<!ENTITY a 'lol'>" + "".join(
        f"<!ENTITY {c} '{f'&{b};' * 10}'>" for b, c in zip("abcdefgh", "bcdefghi")) + "]><Events>" + one(
            "<EventID>5140</EventID><Computer>&i;</Computer>", share.replace("10.0.0.5", "&i;")) + "</Events>"
    yield "external", "<!DOCTYPE Event [<!ENTITY x SYSTEM 'file:///etc/passwd'><!ENTITY % p SYSTEM 'http://10.0.0.9/d'>%p;]>" + one(
        "<EventID>5140</EventID><Computer>&x;</Computer>", share)
    yield "models", "<!DOCTYPE a [<!ELEMENT a " + "(a," * 400 + "a" + ")" * 400 + "><!ATTLIST a " + " ".join(f"b{i} CDATA 'c'" for i in range(100)) + ">]>" \
        + one("<EventID>5140</EventID>", share)
    # CVE-2023-52425: one token that comes in many pieces.  And depth.
    yield "long", one("<EventID>5140</EventID>", "<EventData><Data Name='" + "x" * 3000 + "'>y</Data></EventData>")
    yield "nested", "<Event>" * 300 + one("<EventID>5140</EventID>", "<a>" * 200 + share + "</a>" * 200) + "</Event>" * 300
    # CVE-2022-25235 and 25236: UTF-8 that is none, in names; a separator of namespaces in one.
    yield "names", b"<Event xmlns='a\x01b' xmlns:\xc3='x'><\xe0\x80\x80/><\xf5:b/>" + one(
        "<EventID>5140</EventID>", share).encode().replace(b"IpAddress", b"Ip\xed\xa0\x80") + b"</Event>"
    # Characters that are none, numbers that are too long, and times that never were.
    yield "references", "".join(one(f"<EventID>{i}</EventID><TimeCreated SystemTime='{t}'/><Keywords>{k}</Keywords>", share.replace("a<", c + "<"))
                                for i, t, k, c in (("4294967296", "9999-99-99T99:99:99Z", "0x", "&#0;"), ("-1", "", "0x1ffffffffffffffff", "&#xFFFFFFFF;"),
                                                   ("0x1414", "2026-01-31T12:00:00." + "9" * 300 + "Z", "-1", "&#xD800;&#x1F512;"), ("5140 ", "T", "", "&#x110000;"),
                                                   ("", "2026-01-31T12:00:60.5+14:00", "8020000000000000", "&nosuch;")))
    # wazuh 4656: brackets in a value that nobody escaped; and an event that is cut off, with the next behind it.
    yield "cut", one("<EventID>5140</EventID>", share.replace("10.0.0.5", "<Unknown>")) + one("<EventID>5140</EventID>", share)[:-40] + one(
        "<EventID>5140</EventID>", share) + "<Event" + one("<EventID>5140</EventID>", share) + "<!-- <Event> --><![CDATA[<Event>]]><?x <Event>?>"
    utf16 = one("<EventID>5140</EventID>", share).encode("utf-16-le")
    yield "utf16", b"\xff\xfe" + utf16[:301] + b"\x00\xd8" + utf16[301:] + b"<"
    yield "encodings", b"<?xml version='1.0' encoding='UTF-7'?>" + one("<EventID>5140</EventID>", share).encode() + b"\xff\xfe\xfe\xff\xef\xbb\xbf" \
        + b"<?xml version='1.0' encoding='UTF-16'?>" + one("<EventID>5140</EventID>", share).encode()
    yield "values", one("<EventID>5142</EventID><EventID>5144</EventID>" * 30, "<EventData>" + "<Data Name='ShareName'>\\\\*\\a</Data>" * 70 + "</EventData>")
    admin = "<Data Name='SubjectUserName'>a</Data><Data Name='SubjectLogonId'>0x7</Data>"
    yield "shares", "".join(one(f"<EventID>{i}</EventID><TimeCreated SystemTime='2026-01-31T12:00:0{i % 10}Z'/><Computer>{c}</Computer>",
                                f"<EventData>{admin}<Data Name='ShareName'>{s}</Data><Data Name='ShareLocalPath'>C:\\{'x' * n}</Data>"
                                f"<Data Name='NewRemark'>{'r' * n}\t&#10;</Data><Data Name='SpnName'>cifs/fs1</Data></EventData>")
                            for i, c, s, n in ((5142, "fs1", "\\\\*\\a", 3), (5143, "fs1", "\\\\*\\a", 600), (5144, "", "\\\\*\\a", 0), (5144, "fs1", "\\\\*\\", 0),
                                               (5142, "x" * 300, "y" * 600, 0), (5168, "fs1", "a", 1)))


def write(path, data):
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass"))


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
    seeds = [(f"samba-{name}", SAMBA, flags, text) for name, flags, text in samba()]
    seeds += [(f"json-{name}", JSON, 0, text) for name, text in texts()]
    seeds += [(f"table-{name}", kind, 0, text) for name, kind, text in tables()]
    for i, (name, kind, flags, text) in enumerate(seeds):
        write(f"{folder}/logs/fell-{name}", bytes([kind, 5 * i + 1, flags]) + text.encode())
    for i, (name, text) in enumerate(xml()):
        text = text if isinstance(text, bytes) else text.encode()
        write(f"{folder}/events/fell-{name}", bytes([11 * i + 1]) + text)


main()

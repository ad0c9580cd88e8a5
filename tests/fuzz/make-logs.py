#!/usr/bin/env python3
"""Write seeds for the fuzz target logs: a small log of each form that is read.

usage: tests/fuzz/make-logs.py [FOLDER=tests/fuzz/corpus/logs]

Nothing here is of a real network.  The same run makes the same bytes.
"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
XML, JSON, CSV, PFIREWALL, ZEEK, SAMBA = range(6)  # byte 0 of an input

WHEN = "2026-01-31T12:00:00.000Z"
SECURITY = "Microsoft-Windows-Security-Auditing"
SHARE = {"SubjectUserSid": "S-1-5-21-1-2-3-1104", "SubjectUserName": "alice", "SubjectDomainName": "CORP",
         "SubjectLogonId": "0x77", "ObjectType": "File", "IpAddress": "10.0.0.5", "IpPort": "50000",
         "ShareName": "\\\\*\\Public", "AccessMask": "0x1"}
LOGON = {"TargetUserName": "alice", "TargetDomainName": "CORP", "TargetLogonId": "0x77", "LogonType": "3",
         "AuthenticationPackageName": "NTLM", "LmPackageName": "NTLM V2", "WorkstationName": "WS1",
         "IpAddress": "::ffff:10.0.0.5", "IpPort": "50000"}


def lines(*values):
    return "".join(json.dumps(v) + "\n" for v in values)


def winlog(number, data):
    return {"@timestamp": WHEN, "winlog": {"event_id": number, "provider_name": SECURITY, "channel": "Security",
                                           "computer_name": "fs1", "keywords": ["Audit Success"],
                                           "event_data": data}}


def dumped(number, data):
    return {"Event": {"System": {"Provider": {"#attributes": {"Name": SECURITY}}, "EventID": number,
                                 "TimeCreated": {"#attributes": {"SystemTime": WHEN}}, "Channel": "Security",
                                 "Computer": "fs1"}, "EventData": data}}


def named(number, data):
    d = [{"@Name": k, "#text": v} for k, v in data.items()]
    return {"Event": {"System": {"Provider": {"@Name": SECURITY}, "EventID": {"#text": str(number)},
                                 "TimeCreated": {"@SystemTime": WHEN}, "Computer": "fs1"},
                      "EventData": {"Data": d}}}


def windows():
    nxlog = {"EventTime": "2026-01-31 12:00:00", "Hostname": "fs1", "EventID": 5140, "SourceName": SECURITY,
             "Keywords": -9214364837600034816} | SHARE
    azure = {"TimeGenerated": WHEN, "Computer": "fs1", "EventID": 5140, "Activity": "5140 - x"} | SHARE
    wazuh = {"data": {"win": {"system": {"eventID": "5140", "providerName": SECURITY, "systemTime": WHEN,
                                         "computer": "fs1"},
                              "eventdata": {k[0].lower() + k[1:]: v for k, v in SHARE.items()}}}}
    payload = {"EventId": 5140, "Provider": SECURITY, "Computer": "fs1", "TimeCreated": WHEN,
               "Payload": json.dumps({"EventData": {"Data": [{"@Name": k, "#text": v} for k, v in SHARE.items()]}})}
    inside = {"TimeGenerated": WHEN, "Computer": "fs1", "EventID": 5156, "Channel": "Security", "EventData":
              "<EventData><Data Name=\"Direction\">%%14593</Data><Data Name=\"SourceAddress\">10.0.0.5</Data>"
              "<Data Name=\"SourcePort\">5</Data><Data Name=\"DestAddress\">10.0.0.9</Data><Data Name=\"DestPort\">"
              "445</Data><Data Name=\"Protocol\">6</Data></EventData>"}
    tables = {"tables": [{"columns": [{"name": k} for k in azure], "rows": [list(azure.values()), [None] * 3]}]}
    yield "winlogbeat", lines(winlog(4624, LOGON), winlog("5140", SHARE))
    yield "winlogbeat6", lines({"@timestamp": WHEN, "event_id": 5140, "source_name": SECURITY, "computer_name": "fs1",
                                "event_data": SHARE})
    yield "dumped", lines(dumped(4624, LOGON), dumped(5140, SHARE), named(5140, SHARE))
    yield "flat", lines(nxlog, azure, payload, inside)
    yield "wazuh", lines(wazuh)
    yield "tables", json.dumps(tables)
    yield "hits", json.dumps({"took": 1, "hits": {"total": 1, "hits": [{"_source": winlog(5140, SHARE)}]}}, indent=1)
    yield "array", json.dumps([azure, nxlog], indent=2)
    yield "broken", '{"a":"b\n{"a":1,\n' + lines(azure)[:-3] + "\n[[1,2],{]}" + lines(nxlog)


def zeek():
    ids = {"ts": 1769860800.5, "uid": "C1", "id.orig_h": "10.0.0.5", "id.orig_p": 50000, "id.resp_h": "10.0.0.9",
           "id.resp_p": 445}
    yield ids | {"_path": "ntlm", "username": "alice", "hostname": "WS1", "domainname": "CORP", "success": True,
                 "server_nb_computer_name": "FS1"}
    yield ids | {"_path": "smb_mapping", "path": "\\\\fs1\\IPC$", "share_type": "PIPE"}
    yield ids | {"_path": "dce_rpc", "endpoint": "svcctl", "named_pipe": "\\PIPE\\svcctl", "operation": "x"}
    yield ids | {"_path": "smb_files", "action": "SMB::FILE_OPEN", "path": "\\\\fs1\\Public", "name": "a"}
    yield ids | {"_path": "conn", "proto": "tcp", "service": "smb,ntlm", "conn_state": "SF", "resp_bytes": 7}
    yield ids | {"uid": "C2", "proto": "tcp", "conn_state": "S0"}
    yield ids | {"uid": "C3", "id.resp_p": 88, "request_type": "TGS", "client": "a/CORP", "service": "cifs/fs1/CORP",
                 "success": True}
    yield ids | {"uid": "C4", "id.resp_p": 443, "client_initial_dcid": "ab", "client_protocol": "smb",
                 "server_name": "fs1"}


def suricata():
    def event(kind, **more):
        return {"timestamp": "2026-01-31T12:00:00.000001+0000", "flow_id": 7, "event_type": kind, "src_ip": "10.0.0.5",
                "src_port": 50000, "dest_ip": "10.0.0.9", "dest_port": 445, "proto": "TCP"} | more

    def smb(command, code, tree, **more):
        return event("smb", smb={"dialect": "3.11", "command": "SMB2_COMMAND_" + command, "status_code": code,
                                 "session_id": 77, "tree_id": tree} | more)
    yield smb("NEGOTIATE_PROTOCOL", "0x0", 0, client_dialects=["NT LM 0.12", "2.02"])
    yield smb("SESSION_SETUP", "0xc0000016", 0)
    yield smb("SESSION_SETUP", "0x0", 0, ntlmssp={"domain": "CORP", "user": "alice", "host": "WS1"})
    yield smb("TREE_CONNECT", "0x0", 1, named_pipe="\\\\fs1\\IPC$", share_type="PIPE")
    yield smb("CREATE", "0x0", 1, filename="srvsvc", disposition="FILE_OPEN")
    yield smb("WRITE", "0x0", 1, dcerpc={"interfaces": [{"uuid": "367abb81-9844-35f1-ad32-98f038001003"}]})
    yield smb("TREE_CONNECT", "0xc0000022", 2, share="\\fs1\\Finance")
    yield event("flow", app_proto="smb", flow={"pkts_toclient": 1}, tcp={"tcp_flags_tc": "14"})
    yield event("quic", dest_port=443, quic={"sni": "fs1", "extensions": [{"name": "alpn", "values": ["smb"]}]})


ZEEK_HEAD = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t%s\n#fields\tts\tuid\t" \
            "id.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\t%s\n"
ZEEK_IDS = "1769860800.0\t%s\t10.0.0.5\t50000\t10.0.0.9\t445\t"


def zeek_tables():
    yield "mapping", ZEEK_HEAD % ("smb_mapping", "path\tservice\tshare_type") \
        + ZEEK_IDS % "C1" + "\\\\\\\\fs1\\\\P\\xc3\\xa4\t-\tDISK\n" + ZEEK_IDS % "C1" + "\\\\\\\\fs1\\\\IPC$\t-\tPIPE\n#close\n"
    yield "ntlm", ZEEK_HEAD % ("ntlm", "username\thostname\tdomainname\tserver_dns_computer_name\tsuccess") \
        + ZEEK_IDS % "C1" + "alice\tWS1\tCORP\tfs1\tF\n" + ZEEK_IDS % "C1" + "(empty)\t-\t-\t-\tT\n" \
        + ZEEK_HEAD % ("conn", "proto\tservice\tconn_state") + ZEEK_IDS % "C1" + "tcp\tsmb\tSF\n" \
        + ZEEK_IDS % "C2" + "tcp\t-\tREJ\n"


def grant(service, kind, account, sid, port):
    return "  " + json.dumps({"timestamp": "2026-01-31T12:00:01.000000+0100", "type": "Authorization", "Authorization": {
        "version": {"major": 1, "minor": 1}, "localAddress": "ipv4:10.0.0.9:445",
        "remoteAddress": f"ipv4:10.0.0.5:{port}", "serviceDescription": service, "authType": kind, "domain": "CORP",
        "account": account, "sid": sid}}) + "\n"


def auth(status, service, account, kind, port, prefix="  "):
    return prefix + json.dumps({"timestamp": "2026-01-31T12:00:00.000000+0100", "type": "Authentication", "Authentication": {
        "version": {"major": 1, "minor": 2}, "eventId": 4624, "status": status, "localAddress": "ipv4:10.0.0.9:445",
        "remoteAddress": f"ipv4:10.0.0.5:{port}", "serviceDescription": service, "clientDomain": "CORP",
        "clientAccount": account, "workstation": "WS1", "becameAccount": account, "becameSid": None,
        "passwordType": kind}}) + "\n"


def samba():
    header = "[2026/01/31 12:00:00.123456,  3, pid=1, effective(0, 0)] ../../auth/auth_log.c:1(x)\n"
    audit = "a|10.0.0.5|ws1|home|connect|ok|home\na|10.0.0.5|ws1|home|openat|ok|r|x\n" \
            "a|10.0.0.5|ws1|home|create_file|fail (No such file)|0x1|file|open|x\na|10.0.0.5|ws1|home|disconnect|ok|home\n"
    yield "auth", 0, header + auth("NT_STATUS_OK", "SMB2", "a", "NTLMv2", 5) + audit \
        + auth("NT_STATUS_OK", "SMB", "a", "NTLMv1", 6, "  JSON Authentication: ") + audit
    yield "guest", 0, auth("NT_STATUS_NO_SUCH_USER", "SMB2", "eve", "NTLMv2", 7) \
        + grant("SMB2", "NTLMSSP", "nobody", "S-1-5-21-1-2-3-501", 7) + "nobody|10.0.0.5|IPC_|connect|ok|IPC$\n" \
        + grant("SMB2", "krb5", "a", "S-1-5-21-1-2-3-1", 8) + grant("LDAP", "krb5", "a", "S-1-5-21-1-2-3-1", 8)
    yield "openat", 2, "".join(f"u{i}|10.0.0.5|home|openat|ok|r|x\n" for i in range(12))
    yield "declared", 1, audit
    yield "declared2", 9, "smbd_audit: a;CORP|10.0.0.5: ws1|SMB3_11|home|connect|ok|home\n"
    yield "syslog", 4, "Jan 31 12:00:00 fs1 smbd_audit[8]: a|10.0.0.5|connect|ok|home\n" \
        "<13>1 2026-01-31T12:00:00Z fs1 smbd_audit 8 - [a b=\"c\"] a|10.0.0.5|connect|fail (Permission denied)|x\n" \
        "Sat 2026-01-31 12:00:05 UTC fs1 smbd_audit[8]: CORP\\a|fe80::1%2|10.0.0.9|connect|ok|home\n" \
        "1769860800.5 fs1 smbd_audit: a|10.0.0.5|connect|ok|home\n"


def journal():
    return lines({"__REALTIME_TIMESTAMP": "1769860800000000", "_HOSTNAME": "fs1", "SYSLOG_IDENTIFIER": "smbd_audit",
                  "MESSAGE": "a|10.0.0.5|connect|ok|home"},
                 {"__REALTIME_TIMESTAMP": "1", "MESSAGE": auth("NT_STATUS_OK", "SMB2", "a", "NTLMv2", 5)},
                 {"message": "smbd_audit: a|10.0.0.5|connect|ok|home"},
                 {"message": json.dumps({"event_type": "flow", "src_ip": "x"})})


PFIREWALL_LOG = """#Version: 1.5
#Software: Microsoft Windows Firewall
#Time Format: Local
#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path pid

2026-01-31 12:00:00 DROP TCP 10.0.0.5 10.0.0.9 51514 445 52 S 123 0 64240 - - - RECEIVE 4
2026-01-31 12:00:01 ALLOW TCP fe80::1 fe80::2 51514 139 0 - 0 0 0 - - - SEND 4
2026-01-31 12:00:02 DROP TCP 10.0.0.9 10.0.0.5 445 51514 40 RA 1 1 0 - - - RECEIVE 4
2026-01-31 12:00:04 INFO-EVENTS-LOST - - - - - - - - - - - - 7 - -
"""
CSV_TABLE = '"TimeGenerated [UTC]",Computer,EventID,Activity,SubjectUserName,SubjectDomainName,IpAddress,ShareName,EventData\r\n' \
    '"1/31/2026, 12:00:00.391 PM",fs1,5140,"5140 - ""A"", b",alice,CORP,10.0.0.5,\\\\*\\Public,\r\n' \
    '"1/31/2026, 1:00:00 AM",fs1,5156,x,,,,,"<EventData>\n<Data Name=""Direction"">%%14593</Data></EventData>"\r\n'
EVENTS = f"<Events><Event xmlns='x'><System><Provider Name='{SECURITY}'/><EventID>5140</EventID><TimeCreated SystemTime=" \
    f"'{WHEN}'/><Computer>fs1</Computer></System><EventData><Data Name='SubjectUserName'>alice</Data>" \
    "<Data Name='IpAddress'>10.0.0.5</Data><Data Name='ShareName'>\\\\*\\Public</Data></EventData></Event></Events>"


def seeds():
    yield "xml", XML, 0, EVENTS.encode()
    for name, text in windows():
        yield "json-" + name, JSON, 0, text.encode()
    yield "json-zeek", JSON, 0, lines(*zeek()).encode()
    yield "json-suricata", JSON, 0, lines(*suricata()).encode()
    yield "json-evicted", JSON, 2, lines(*suricata(), *zeek()).encode()
    yield "json-journal", JSON, 0, journal().encode()
    yield "csv", CSV, 0, CSV_TABLE.encode()
    yield "csv-utf16", CSV, 0, CSV_TABLE.encode("utf-16")
    yield "csv-semicolon", CSV, 0, b'#TYPE x\nEventID;Provider;Computer\n5140;' + SECURITY.encode() + b';fs1\n'
    yield "pfirewall", PFIREWALL, 0, PFIREWALL_LOG.encode()
    yield "pfirewall-east", PFIREWALL, 16, b"\xef\xbb\xbf" + PFIREWALL_LOG[170:].encode()
    for name, text in zeek_tables():
        yield "zeek-" + name, ZEEK, 2, text.encode()
    for name, flags, text in samba():
        yield "samba-" + name, SAMBA, flags, text.encode()
    made = {k: v for k, v in SHARE.items() if k.startswith("Subject")} | {"ShareName": "\\\\*\\Public", "ShareLocalPath": "C:\\Public"}
    yield "json-shares", JSON, 0, lines(winlog(5142, made), winlog(5143, made | {"NewRemark": "for all"}), winlog(5144, made),
                                        winlog(4624, LOGON), winlog(5168, made | {"SpnName": "cifs/fs9", "ErrorCode": "0xc0000022"})).encode()
    yield "samba-audit", SAMBA, 0, "".join(f"  alice|10.0.0.5|10.0.0.9|ws1|{s}|SMB3_11|{op}\n" for s, op in (
        ("IPC_", "connect|ok|IPC$"), ("home", "connect|ok|home"), ("home", "create_file|ok|0x1|file|open|/srv/a"),
        ("home", "disconnect|ok|home"))).encode()


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "corpus/logs")
    os.makedirs(folder, exist_ok=True)
    for i, (name, kind, flags, text) in enumerate(seeds()):
        with open(os.path.join(folder, "made-" + name), "wb") as f:
            f.write(bytes([kind, (7 * i) % 251, flags]) + text)


main()

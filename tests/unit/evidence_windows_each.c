/*
 * Each event that is read, once, as Windows writes it down: Security as Microsoft's pages
 * print it, the others with the values that their manifests name and the nesting that real
 * ones have (551 and its like in UserData, addresses as dashed bytes, numbers without 0x in
 * SMBClient).  Through the door, from XML to what is told.
 */
#include "heard.h"

static struct heard h;

#define SECURITY "Microsoft-Windows-Security-Auditing"
#define SERVER   "Microsoft-Windows-SMBServer"
#define CLIENT   "Microsoft-Windows-SMBClient"
#define NTLM     "Microsoft-Windows-NTLM"

/* SOCKADDR_STORAGE: 10.0.0.21:49873, 10.0.0.22:445, :443 and :0, fd00::22:445 */
#define FROM    "02-00-C2-D1-0A-00-00-15-00-00-00-00-00-00-00-00-02-00-FF-FF-0A-00-00-15"
#define TO      "02-00-01-BD-0A-00-00-16-00-00-00-00-00-00-00-00"
#define TO_443  "020001BB0A0000160000000000000000"
#define TO_V6   "17-00-01-BD-00-00-00-00-FD-00-00-00-00-00-00-00-00-00-00-00-00-00-00-22-00-00-00-00"
#define D(n, v) "<Data Name=\"" n "\">" v "</Data>"
#define U(n, v) "<" n ">" v "</" n ">"

/* clang-format off */
#define SUBJECT \
	D("SubjectUserSid", "S-1-5-21-1-2-3-1104") D("SubjectUserName", "alice") \
	D("SubjectDomainName", "CORP") D("SubjectLogonId", "0xd0cd4")
#define LOGON(package, lm, status) \
	D("TargetUserSid", "S-1-5-21-1-2-3-1104") D("TargetUserName", "alice") \
	D("TargetDomainName", "CORP") D("TargetLogonId", "0xd0cd4") D("LogonType", "3") \
	D("AuthenticationPackageName", package) D("LmPackageName", lm) \
	D("WorkstationName", "WS1") D("IpAddress", "10.0.0.21") D("IpPort", "49873") status
#define PACKET(direction, source, sport, dest, dport) \
	D("ProcessID", "4") D("Application", "System") D("Direction", direction) \
	D("SourceAddress", source) D("SourcePort", sport) D("DestAddress", dest) \
	D("DestPort", dport) D("Protocol", "6") D("FilterRTID", "66400") \
	D("LayerName", "%%14610") D("LayerRTID", "44")
#define CLIENT_AT(address) \
	D("Reason", "0") D("Status", "3221225653") D("ServerNameLength", "4") \
	D("ServerName", "\\fs2") D("AddressLength", "128") address D("ConnectionType", "1")
#define LOST \
	D("Status", "3221226038") D("SessionId", "1") D("TreeId", "5") \
	D("ServerNameLength", "4") D("ServerName", "\\fs2") D("AddressLength", "128") \
	D("Address", TO)
#define NAMED(name) \
	D("Status", "0") D("ShareType", "0") D("NameLength", "9") D("Name", name) \
	D("RemoteAddressLength", "128") D("RemoteAddress", TO)
#define BOTH_ENDS \
	D("Reason", "0") D("Status", "0") D("ServerNameLength", "4") D("ServerName", "\\fs2") \
	D("AddressLength", "128") D("RemoteAddress", TO) D("LocalAddress", FROM) \
	D("InstanceNameLength", "8") D("InstanceName", "\\Device\\") D("ConnectionType", "1")
/* clang-format on */

static const struct event {
	const char *provider;
	unsigned id;
	const char *data;
	const char *line; /* NULL: counted, and nothing told */
} events[] = {
	{ SECURITY, 4624, LOGON("NTLM", "NTLM V1", ""),
		"10.0.0.21>-:0 other ntlm/v1 CORP\\alice ws=WS1 server=fs1.corp.example" },
	{ SECURITY, 4625,
		LOGON("NTLM", "NTLM V2", D("Status", "0xc000006d") D("SubStatus", "0xc000006a")),
		"10.0.0.21>-:0 other ntlm/v2 CORP\\alice ws=WS1 server=fs1.corp.example "
		"auth-status=c000006d" },
	{ SECURITY, 5140,
		SUBJECT D("ObjectType", "File") D("IpAddress", "::ffff:10.0.0.21")
			D("IpPort", "49873") D("ShareName", "\\\\*\\Documents")
				D("ShareLocalPath", "\\??\\C:\\Documents") D("AccessMask", "0x1"),
		"10.0.0.21>-:445 answered CORP\\alice server=fs1.corp.example "
		"share=\\\\*\\Documents disk c1" },
	{ SECURITY, 5145,
		SUBJECT D("ObjectType", "File") D("IpAddress", "fe80::31ea:6c3c:f40d:1973")
			D("IpPort", "56926") D("ShareName", "\\\\*\\IPC$") D("ShareLocalPath", "")
				D("RelativeTargetName", "srvsvc") D("AccessMask", "0x12019f"),
		"fe80::31ea:6c3c:f40d:1973>-:445 answered CORP\\alice server=fs1.corp.example "
		"share=\\\\*\\IPC$ pipe o1 p1" },
	{ SECURITY, 5156, PACKET("%%14592", "10.0.0.22", "445", "10.0.0.21", "49873"),
		"10.0.0.21>10.0.0.22:445 c1" },
	{ SECURITY, 5157, PACKET("%%14593", "10.0.0.21", "49873", "10.0.0.22", "139"),
		"10.0.0.21>10.0.0.22:139 nbss139 blocked c1" },
	{ SECURITY, 5168,
		SUBJECT D("SpnName", "cifs/10.0.0.22") D("ErrorCode", "0xc0000022")
			D("ServerNames", "CORP;fs1.corp.example;FS1;LocalHost;")
				D("ConfiguredNames", "N/A") D("IpAddresses", "127.0.0.1;::1;"),
		NULL },

	{ SERVER, 551,
		"<UserData><EventData xmlns=\"Smb2Namespace\">" U("Status", "0xC000006D") U(
			"TranslatedStatus", "0xC000006D") U("ClientAddressLength",
			"128") U("ClientAddress", FROM) U("SessionId", "0x17C3930000005")
			U("UserNameLength", "10") U("UserName", "CORP\\alice") U("ClientNameLength",
				"11") U("ClientName", "\\\\10.0.0.21") U("SPN", "cifs/fs1")
				U("SPNValidationPolicy", "1") "</EventData></UserData>",
		"10.0.0.21>-:445 answered CORP\\alice server=fs1.corp.example service=cifs/fs1 "
		"auth-status=c000006d c1" },
	{ SERVER, 1001,
		"<UserData><EventData xmlns=\"Smb2Namespace\">" U("ClientNameLength", "9")
			U("ClientName", "10.0.0.21")
				U("LogEventCount", "1") "</EventData></UserData>",
		"10.0.0.21>-:445 offers-SMB1 server=fs1.corp.example c1" },
	{ SERVER, 1006,
		"<UserData><EventData xmlns=\"Smb2Namespace\">" U("ShareNameLength", "9")
			U("ShareName", "\\\\*\\Docs") U("SharePath", "\\??\\C:\\Docs")
				U("ClientAddressLength", "128") U("ClientAddress", FROM) U(
					"UserName", "CORP\\alice") U("ClientName", "\\\\10.0.0.21")
					U("MappedAccess", "0x1") U("GrantedAccess", "0x0")
						U("Status", "0xC0000022") "</EventData></UserData>",
		"10.0.0.21>-:445 answered CORP\\alice server=fs1.corp.example share=\\\\*\\Docs "
		"share-status=c0000022 c1" },
	{ SERVER, 1007,
		"<UserData><EventData xmlns=\"Smb2Namespace\">" U("ShareName", "\\\\*\\Docs")
			U("ClientAddress", FROM)
				U("ClientName", "\\\\10.0.0.21") "</EventData></UserData>",
		"10.0.0.21>-:445 answered anonymous server=fs1.corp.example share=\\\\*\\Docs c1" },
	{ SERVER, 1009,
		"<UserData><EventData xmlns=\"Smb2Namespace\">" U("ClientAddressLength", "128")
			U("ClientAddress", FROM) U("ClientName", "\\\\10.0.0.21")
				U("SessionId", "0x1") "</EventData></UserData>",
		"10.0.0.21>-:445 answered anonymous server=fs1.corp.example c1" },
	{ SERVER, 3000, D("ClientName", "10.0.0.21"),
		"10.0.0.21>-:445 SMB1 offers-SMB1 server=fs1.corp.example c1" },
	{ SERVER, 3007, D("ClientName", "10.0.0.21"),
		"10.0.0.21>-:443 quic443 server=fs1.corp.example c1" },
	{ SERVER, 3008, D("ClientName", "10.0.0.21"),
		"10.0.0.21>-:443 quic443 server=fs1.corp.example c1" },
	{ SERVER, 3009, D("ClientName", "10.0.0.21"),
		"10.0.0.21>-:443 quic443 server=fs1.corp.example c1" },
	{ SERVER, 3021, D("ClientName", "10.0.0.21") D("UserName", "CORP\\alice"),
		"10.0.0.21>-:445 CORP\\alice server=fs1.corp.example c1" },
	{ SERVER, 3022, D("ClientName", "10.0.0.21") D("UserName", "CORP\\alice"),
		"10.0.0.21>-:445 CORP\\alice server=fs1.corp.example c1" },
	{ SERVER, 3023, D("ClientName", "10.0.0.21") D("UserName", "guest"),
		"10.0.0.21>-:445 guest \\guest server=fs1.corp.example c1" },
	{ SERVER, 3024, D("ClientName", "10.0.0.21") D("SpnQueryStatus", "0xc000000d"),
		"10.0.0.21>-:445 server=fs1.corp.example c1" },
	{ SERVER, 3025, D("ClientName", "10.0.0.21") D("SPN", "cifs/other"),
		"10.0.0.21>-:445 server=fs1.corp.example service=cifs/other c1" },
	{ SERVER, 3026, D("ClientName", "10.0.0.21"),
		"10.0.0.21>-:445 server=fs1.corp.example c1" },
	{ SERVER, 3027, D("ClientName", "10.0.0.21"),
		"10.0.0.21>-:445 SMB1 offers-SMB1 server=fs1.corp.example c1" },

	/* Status 0xc00000b5: the time was out. */
	{ CLIENT, 30803, CLIENT_AT(D("RemoteAddress", TO) D("LocalAddress", FROM)),
		"10.0.0.21>10.0.0.22:445 silent ws=fs1.corp.example server=fs2 c1" },
	{ CLIENT, 30804, CLIENT_AT(D("Address", TO)),
		"->10.0.0.22:445 answered ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30805, LOST, "->10.0.0.22:445 answered ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30806, LOST, "->10.0.0.22:445 answered ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30807, LOST, "->10.0.0.22:445 answered ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30808, LOST, "->10.0.0.22:445 answered ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30809,
		D("Smb2Command", "5") D("MessageId", "71") D("SessionId", "1") D("TreeId", "5")
			D("ServerNameLength", "4") D("ServerName", "\\fs2")
				D("Status", "3221225653") D("InstanceName", "\\Device\\")
					D("RetryCount", "0") D("ElapsedTimeInMs", "60000"),
		"->-:445 ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30810, D("NameLength", "9") D("Name", "\\Device\\x") D("IfIndex", "5"), NULL },
	{ CLIENT, 30811, D("NameLength", "9") D("Name", "\\Device\\x") D("IfIndex", "5"), NULL },
	{ CLIENT, 30812, D("ServerNameLength", "4") D("ServerName", "\\fs2"),
		"->-:445 ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30813, D("ServerNameLength", "4") D("ServerName", "\\fs2"),
		"->-:445 ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30814, NAMED("\\fs2\\home"),
		"->10.0.0.22:445 ws=fs1.corp.example server=fs2 share=\\\\fs2\\home" },
	{ CLIENT, 30815, NAMED("\\fs2"), "->10.0.0.22:445 ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30816,
		D("Reason", "0") D("Status", "0") D("ServerNameLength", "4")
			D("ServerName", "\\fs2"),
		"->-:445 ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30817,
		D("Reason", "0") D("Status", "0") D("ShareName", "\\fs2\\home")
			D("ObjectName", "a.txt"),
		"->-:445 ws=fs1.corp.example server=fs2 share=\\\\fs2\\home" },
	{ CLIENT, 30818, D("ServerNameLength", "4") D("ServerName", "\\fs2"),
		"->-:445 ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30819, NAMED("\\fs2\\home"),
		"->10.0.0.22:445 ws=fs1.corp.example server=fs2 share=\\\\fs2\\home" },
	{ CLIENT, 30820, NAMED("\\fs2\\home"),
		"->10.0.0.22:445 ws=fs1.corp.example server=fs2 share=\\\\fs2\\home" },
	{ CLIENT, 30821, NAMED("\\fs2\\home"),
		"->10.0.0.22:445 ws=fs1.corp.example server=fs2 share=\\\\fs2\\home" },
	{ CLIENT, 30822, BOTH_ENDS, "10.0.0.21>10.0.0.22:445 ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30823, BOTH_ENDS, "10.0.0.21>10.0.0.22:445 ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30824, BOTH_ENDS, "10.0.0.21>10.0.0.22:445 ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30825, D("Reason", "0") D("ServerName", "\\fs2") D("InstanceName", "\\Device\\"),
		"->-:445 ws=fs1.corp.example server=fs2" },
	{ CLIENT, 30832, CLIENT_AT(D("RemoteAddress", TO_443)),
		"->10.0.0.22:443 quic443 ws=fs1.corp.example server=fs2 c1" },
	{ CLIENT, 31001,
		D("Reason", "10") D("Status", "3221225581") D("SecurityStatus", "3221225581")
			D("LogonId", "474190795") D("ServerNameLength", "17") D("ServerName",
				"\\fs2.corp.example") D("PrincipalName", "cifs/fs2.corp.example")
				D("UserName", "CORP\\alice"),
		"->-:445 CORP\\alice ws=fs1.corp.example server=fs2.corp.example "
		"service=cifs/fs2.corp.example auth-status=c000006d c1" },
	{ CLIENT, 31010,
		D("Reason", "2") D("Status", "3221225506") D("ShareNameLength", "10") D(
			"ShareName", "\\fs2\\home") D("ObjectNameLength", "0") D("ObjectName", ""),
		"->-:445 answered ws=fs1.corp.example server=fs2 share=\\\\fs2\\home "
		"share-status=c0000022 c1" },
	{ CLIENT, 31017,
		D("UserNameLength", "0") D("UserName", "") D("ServerNameLength", "10")
			D("ServerName", "\\10.0.0.22"),
		"->10.0.0.22:445 answered guest ws=fs1.corp.example c1" },
	/* Which of the two is signing and which encryption Microsoft does not say. */
	{ CLIENT, 31998, D("ServerName", "\\fs2") D("Address", TO_V6),
		"->fd00::22:445 ws=fs1.corp.example server=fs2" },
	{ CLIENT, 31999, D("ServerName", "\\fs2") D("Address", TO_V6),
		"->fd00::22:445 ws=fs1.corp.example server=fs2" },

	{ NTLM, 8001,
		D("TargetName", "cifs/fs2.corp.example") D("UserName", "(NULL)") D("DomainName",
			"(NULL)") D("CallerPID", "4") D("ProcessName", "") D("ClientLUID", "0x3e7")
			D("ClientUserName", "alice") D("ClientDomainName", "CORP")
				D("MechanismOID", "1.3.6.1.4.1.311.2.2.10"),
		"->-:445 ntlm CORP\\alice ws=fs1.corp.example server=fs2.corp.example "
		"service=cifs/fs2.corp.example c1" },
	{ NTLM, 8002,
		D("CallerPID", "812") D("ProcessName", "C:\\x.exe") D("ClientLUID", "0x3e7")
			D("ClientUserName", "FS1$") D("ClientDomainName", "CORP"),
		NULL },
	{ NTLM, 8003,
		D("UserName", "alice") D("DomainName", "CORP") D("Workstation", "WS1")
			D("CallerPID", "4") D("ProcessName", "") D("LogonType", "3")
				D("InProc", "true"),
		"->-:0 other ntlm CORP\\alice ws=WS1 server=fs1.corp.example" },
	{ NTLM, 8004,
		D("SChannelName", "FS2") D("UserName", "alice") D("DomainName", "CORP")
			D("WorkstationName", "WS1") D("SChannelType", "2"),
		"->-:0 other ntlm CORP\\alice ws=WS1 server=FS2" },
};

static void add_event(struct bh_buf *b, const char *provider, unsigned id, const char *data)
{
	bool nested = !strncmp(data, "<User", 5);

	bh_buf_printf(b,
		"<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System>"
		"<Provider Name=\"%s\" Guid=\"{54849625-5478-4994-A5BA-3E3B0328C30D}\"/>"
		"<EventID>%u</EventID><Version>0</Version><Level>0</Level><Task>0</Task>"
		"<Opcode>0</Opcode><Keywords>0x8020000000000000</Keywords>"
		"<TimeCreated SystemTime=\"2026-01-31T12:00:00.000000000Z\"/>"
		"<EventRecordID>1</EventRecordID><Correlation/>"
		"<Execution ProcessID=\"4\" ThreadID=\"80\"/><Channel>x</Channel>"
		"<Computer>fs1.corp.example</Computer><Security/></System>%s%s%s</Event>\n",
		provider, id, nested ? "" : "<EventData>", data, nested ? "" : "</EventData>");
}

static void hear(const struct bh_buf *b)
{
	EXPECT_INT(heard_log(&h, BH_LOG_XML, b->ptr, b->len, 0, NULL), 0);
	EXPECT_INT(h.counts.unreadable, 0);
}

static void test_each_event_tells_what_it_says(void)
{
	for (size_t i = 0; i < BH_LEN(events); i++) {
		const struct event *e = &events[i];
		BH_AUTO_BUF b = { 0 };
		add_event(&b, e->provider, e->id, e->data);
		hear(&b);
		EXPECT_INT(h.counts.records, 1);
		EXPECT_INT(h.n, e->line ? 1 : 0);
		EXPECT_STR(h.n ? h.line[0] : "(nothing)", e->line ? e->line : "(nothing)");
		EXPECT(bh_evidence_windows_reads(
			bh_span_of(e->provider, strlen(e->provider)), e->id));
	}
}

/* All that the inventory is to read is in the table above, or of shares alone. */
static void test_every_event_that_is_read_is_among_them(void)
{
	static const char *const providers[] = { SECURITY, SERVER, CLIENT, NTLM };

	for (size_t p = 0; p < BH_LEN(providers); p++) {
		struct bh_span name = bh_span_of(providers[p], strlen(providers[p]));
		for (unsigned id = 0; id < 40000; id++) {
			size_t i = 0;
			if (!bh_evidence_windows_reads(name, id) || (id > 30825 && id < 30832) ||
				(id >= 5142 && id <= 5144))
				continue;
			while (i < BH_LEN(events) &&
				(events[i].id != id || events[i].provider != providers[p]))
				i++;
			EXPECT(i < BH_LEN(events));
			if (i == BH_LEN(events))
				printf("# %s %u\n", providers[p], id);
		}
	}
}

static void test_what_has_no_values_tells_nothing_and_harms_nothing(void)
{
	for (size_t i = 0; i < BH_LEN(events); i++) {
		BH_AUTO_BUF b = { 0 };
		add_event(&b, events[i].provider, events[i].id, "");
		EXPECT_INT(heard_log(&h, BH_LOG_XML, b.ptr, b.len, 0, NULL), 0);
		EXPECT_INT(h.n, 0);
	}
}

#define SHARE SUBJECT D("ShareName", "\\\\*\\Documents") D("ShareLocalPath", "C:\\Documents")

static void test_shares_that_come_change_and_go_are_told(void)
{
	BH_AUTO_BUF b = { 0 };

	add_event(&b, SECURITY, 5142, SHARE);
	add_event(&b, SECURITY, 5143,
		SHARE D("ObjectType", "Directory") D("OldRemark", "N/A")
			D("NewRemark", "for &quot;all&quot;") D("OldMaxUsers", "0xffffffff") D(
				"NewMaxUsers", "0xffffffff") D("OldSD", "O:BA") D("NewSD", "O:BA"));
	add_event(&b, SECURITY, 5143, SHARE D("NewRemark", "N/A"));
	add_event(&b, SECURITY, 5144, SHARE);
	hear(&b);
	EXPECT_INT(h.counts.records, 4);
	EXPECT_INT(h.n, 0);
	EXPECT_STR(bh_buf_text(&h.shares),
		"+ fs1.corp.example \\\\*\\Documents [C:\\Documents] []\n"
		"+ fs1.corp.example \\\\*\\Documents [C:\\Documents] [for \"all\"]\n"
		"+ fs1.corp.example \\\\*\\Documents [C:\\Documents] []\n"
		"- fs1.corp.example \\\\*\\Documents [C:\\Documents] []\n");
	EXPECT_STR(bh_buf_text(&h.kinds),
		SECURITY " 5142: 1\n" SECURITY " 5143: 2\n" SECURITY " 5144: 1\n");
}

static void test_a_share_without_its_name_cannot_be_believed(void)
{
	BH_AUTO_BUF b = { 0 };

	add_event(&b, SECURITY, 5142, SUBJECT D("ShareName", "\\\\*\\"));
	add_event(&b, SECURITY, 5144, SUBJECT);
	EXPECT_INT(heard_log(&h, BH_LOG_XML, b.ptr, b.len, 0, NULL), 0);
	EXPECT_INT(h.counts.unreadable, 2);
	EXPECT_INT(h.shares.len, 0);
}

static void test_a_check_of_names_that_failed_is_told_by_its_logon(void)
{
	BH_AUTO_BUF b = { 0 };

	add_event(&b, SECURITY, 4624, LOGON("NTLM", "NTLM V1", ""));
	add_event(&b, SECURITY, 5168,
		SUBJECT D("SpnName", "N/A") D("ErrorCode", "0xc0000022") D("ServerNames", "x;"));
	hear(&b);
	/* One row: the logon was that of SMB. */
	EXPECT_INT(h.n, 1);
	EXPECT_STR(h.line[0],
		"10.0.0.21>-:445 answered ntlm/v1 CORP\\alice ws=WS1 server=fs1.corp.example "
		"auth-status=c0000022 c1");
}

int main(void)
{
	RUN(test_each_event_tells_what_it_says);
	RUN(test_every_event_that_is_read_is_among_them);
	RUN(test_what_has_no_values_tells_nothing_and_harms_nothing);
	RUN(test_shares_that_come_change_and_go_are_told);
	RUN(test_a_share_without_its_name_cannot_be_believed);
	RUN(test_a_check_of_names_that_failed_is_told_by_its_logon);
	heard_reset(&h);
	return tap_done();
}

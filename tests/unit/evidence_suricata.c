/*
 * eve.json as rust/src/smb/log.rs and output-json-flow.c of Suricata 6 to 8 write it.
 */
#include "heard.h"

static struct heard h;

#define EVENT(type, second)                                                                        \
	"{\"timestamp\":\"2026-01-31T12:00:0" second                                               \
	".000001+0000\",\"flow_id\":1234567890123456,"                                             \
	"\"in_iface\":\"eth0\",\"event_type\":\"" type "\",\"src_ip\":\"10.0.0.5\",\"src_port\":"  \
	"50000,\"dest_ip\":\"10.0.0.9\",\"dest_port\":445,\"proto\":\"TCP\","
#define SMB(second, command, status, code, session, tree)                                          \
	EVENT("smb", second)                                                                       \
	"\"smb\":{\"id\":1,\"dialect\":\"3.11\",\"command\":\"" command "\",\"status\":\"" status  \
	"\",\"status_code\":\"" code "\",\"session_id\":" session ",\"tree_id\":" tree

#define NEGOTIATE                                                                                  \
	EVENT("smb", "0")                                                                          \
	"\"smb\":{\"id\":1,\"dialect\":\"2.??\",\"command\":\"SMB1_COMMAND_NEGOTIATE_PROTOCOL\","  \
	"\"status\":\"STATUS_SUCCESS\",\"status_code\":\"0x0\",\"session_id\":0,\"tree_id\":0,"    \
	"\"client_dialects\":[\"NT LM 0.12\",\"SMB 2.002\",\"SMB 2.???\"]}}\n"
#define CHALLENGE                                                                                  \
	SMB("1", "SMB2_COMMAND_SESSION_SETUP", "STATUS_MORE_PROCESSING_REQUIRED", "0xc0000016",    \
		"77", "0")                                                                         \
	"}}\n"
#define LOGON                                                                                      \
	SMB("2", "SMB2_COMMAND_SESSION_SETUP", "STATUS_SUCCESS", "0x0", "77", "0")                 \
	",\"ntlmssp\":{\"domain\":\"CORP\",\"user\":\"alice\",\"host\":\"WS1\",\"version\":\"10.0 build 19041 rev 15\"}}}\n"
#define IPC                                                                                        \
	SMB("3", "SMB2_COMMAND_TREE_CONNECT", "STATUS_SUCCESS", "0x0", "77", "1")                  \
	",\"named_pipe\":\"\\\\\\\\fs1\\\\IPC$\",\"share_type\":\"PIPE\"}}\n"
#define OPEN                                                                                       \
	SMB("4", "SMB2_COMMAND_CREATE", "STATUS_SUCCESS", "0x0", "77", "1")                        \
	",\"filename\":\"srvsvc\",\"disposition\":\"FILE_OPEN\",\"access\":\"normal\"}}\n"
#define BIND                                                                                       \
	SMB("5", "SMB2_COMMAND_WRITE", "STATUS_SUCCESS", "0x0", "77", "1")                         \
	",\"dcerpc\":{\"request\":\"BIND\",\"response\":\"BINDACK\",\"interfaces\":[{\"uuid\":"    \
	"\"367abb81-9844-35f1-ad32-98f038001003\",\"version\":\"2.0\",\"ack_result\":0}],\"call_id\":1}}}\n"
#define DENIED                                                                                     \
	SMB("6", "SMB2_COMMAND_TREE_CONNECT", "STATUS_ACCESS_DENIED", "0xc0000022", "77", "2")     \
	",\"share\":\"\\\\fs1\\\\Finance\",\"share_type\":\"UNKNOWN\"}}\n"
#define FLOW(flags, back)                                                                                       \
	EVENT("flow", "9")                                                                                      \
	"\"app_proto\":\"smb\",\"flow\":{\"pkts_toserver\":10,\"pkts_toclient\":" back                          \
	",\"state\":\"closed\",\"reason\":\"timeout\"},\"tcp\":{\"tcp_flags\":\"1b\",\"tcp_flags_tc\":\"" flags \
	"\"}}\n"

static const char session[] = NEGOTIATE CHALLENGE LOGON IPC OPEN BIND DENIED FLOW("1b",
	"9") "{\"timestamp\":\"2026-01-31T12:00:00+0000\",\"event_type\":\"alert\",\"src_ip\":\"10.0.0.5\",\"alert\":{}}\n";

static void test_a_session_and_its_trees_are_joined(void)
{
	heard_str(&h, session);
	EXPECT_INT(h.kind, BH_LOG_JSON);
	EXPECT_INT(h.n_rows, 2);
	EXPECT_STR(h.row[0].who,
		"10.0.0.5>10.0.0.9:445 answered ntlm 3.1.1 offers-SMB1 CORP\\alice ws=WS1 "
		"server=fs1 share=\\\\fs1\\IPC$ pipe");
	EXPECT_INT(h.row[0].connections, 1);
	EXPECT_INT(h.row[0].opens, 1);
	EXPECT_INT(h.row[0].pipes, 1 | 1u << 2); /* srvsvc by name, svcctl by its interface */
	EXPECT_STR(h.row[1].who,
		"10.0.0.5>10.0.0.9:445 answered ntlm 3.1.1 offers-SMB1 CORP\\alice ws=WS1 "
		"server=fs1 share=\\\\fs1\\Finance share-status=c0000022");
	EXPECT_INT(h.row[1].connections, 1);
	EXPECT_STR(bh_buf_text(&h.kinds),
		"suricata smb 0: 7\nsuricata flow 0: 1\nsuricata alert 0: 1 unread\n");
	EXPECT_STR(bh_buf_text(&h.problems), "");
	heard_in_pieces(BH_LOG_JSON, session, sizeof session - 1);
	heard_cut_off(BH_LOG_JSON, session, sizeof session - 1, 3);
}

static void test_what_nothing_came_after_is_told_at_the_end(void)
{
	heard_str(&h, NEGOTIATE CHALLENGE);
	EXPECT_INT(h.n, 1);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 answered 3.1.1 offers-SMB1 c1");
	heard_str(&h, LOGON FLOW("1b", "9"));
	EXPECT_INT(h.n, 1);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 answered ntlm 3.1.1 CORP\\alice ws=WS1 c1");
	heard_str(&h,
		SMB("2", "SMB2_COMMAND_SESSION_SETUP", "STATUS_LOGON_FAILURE", "0xc000006d", "77",
			"0") ",\"ntlmssp\":{\"domain\":\"CORP\",\"user\":\"eve\",\"host\":\"\"}}}\n");
	EXPECT_STR(h.line[0],
		"10.0.0.5>10.0.0.9:445 answered ntlm 3.1.1 CORP\\eve auth-status=c000006d c1");
}

static void test_kerberos_tells_realm_and_service(void)
{
	heard_str(&h,
		SMB("2", "SMB2_COMMAND_SESSION_SETUP", "STATUS_SUCCESS", "0x0", "77",
			"0") ",\"kerberos\":{\"realm\":\"CORP.EXAMPLE\",\"snames\":[\"cifs\",\"fs1.corp.example\"]}}}\n");
	EXPECT_STR(h.line[0],
		"10.0.0.5>10.0.0.9:445 answered kerberos 3.1.1 CORP.EXAMPLE\\ service=cifs/fs1.corp.example c1");
}

static void test_smb1_in_its_own_words(void)
{
	heard_str(&h,
		EVENT("smb",
			"1") "\"smb\":{\"id\":1,\"dialect\":\"NT LM 0.12\",\"command\":\"SMB1_COMMAND_SESSION_SETUP_ANDX\",\"status\":"
			     "\"STATUS_SUCCESS\",\"status_code\":\"0x0\",\"session_id\":2048,\"tree_id\":0,\"ntlmssp\":{\"domain\":\"\","
			     "\"user\":\"\",\"host\":\"OLD\"},\"request\":{\"native_os\":\"Windows 5.1\",\"native_lm\":\"x\"}}}\n" EVENT(
				     "smb",
				     "2") "\"smb\":{\"id\":2,\"dialect\":\"NT LM 0.12\",\"command\":\"SMB1_COMMAND_TREE_CONNECT_ANDX\",\"status\":"
					  "\"STATUS_SUCCESS\",\"status_code\":\"0x0\",\"session_id\":2048,\"tree_id\":1,\"share\":\"\\\\10.0.0.9\\\\PUBLIC\","
					  "\"service\":{\"request\":\"?????\",\"response\":\"A:\"}}}\n");
	EXPECT_INT(h.n, 1);
	EXPECT_STR(h.line[0],
		"10.0.0.5>10.0.0.9:445 answered anonymous NT LM 0.12 \\ ws=OLD server=10.0.0.9 "
		"share=\\\\10.0.0.9\\PUBLIC disk c1");
}

static void test_a_flow_alone_says_how_it_went(void)
{
	heard_str(&h, FLOW("14", "1"));
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 refused c1");
	heard_str(&h, FLOW("00", "0"));
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 silent c1");
	heard_str(&h, FLOW("1b", "4"));
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 answered c1");
	heard_str(&h,
		"{\"timestamp\":\"2026-01-31T12:00:00+0000\",\"flow_id\":1,\"event_type\":\"flow\",\"src_ip\":\"10.0.0.5\","
		"\"src_port\":50000,\"dest_ip\":\"10.0.0.9\",\"dest_port\":443,\"proto\":\"TCP\",\"flow\":{}}\n"
		"{\"timestamp\":\"2026-01-31T12:00:00+0000\",\"flow_id\":2,\"event_type\":\"flow\",\"src_ip\":\"10.0.0.5\","
		"\"dest_ip\":\"10.0.0.9\",\"proto\":\"ICMP\",\"icmp_type\":8,\"flow\":{}}\n");
	EXPECT_INT(h.n, 0);
	EXPECT_STR(bh_buf_text(&h.problems), "");
}

#define QUIC(alpn)                                                                                           \
	"{\"timestamp\":\"2026-01-31T12:00:00.5+0000\",\"flow_id\":5,\"event_type\":\"quic\",\"src_ip\":"    \
	"\"10.0.0.5\",\"src_port\":50000,\"dest_ip\":\"10.0.0.9\",\"dest_port\":443,\"proto\":\"UDP\","      \
	"\"quic\":{\"version\":\"1\",\"sni\":\"fs1.corp.example\",\"ja3\":{\"hash\":\"x\"},\"extensions\":[" \
	"{\"name\":\"server_name\",\"type\":0,\"values\":[\"fs1.corp.example\"]},"                           \
	"{\"name\":\"alpn\",\"type\":16,\"values\":[\"" alpn "\"]}]}}\n"

static void test_smb_over_quic_is_known_by_its_alpn(void)
{
	heard_str(&h, QUIC("smb") QUIC("smb"));
	EXPECT_INT(h.n, 1);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:443 quic443 server=fs1.corp.example c1");
	heard_str(&h, QUIC("h3"));
	EXPECT_INT(h.n, 0);
}

static void test_each_lie_is_counted(void)
{
	static const char *const lies[][2] = {
		{ "2026-01-31T12:00:03", "2026-13-31T12:00:03" },
		{ "\"src_ip\":\"10.0.0.5\"", "\"src_ip\":\"ten\"" },
		{ "\"dest_ip\":\"10.0.0.9\"", "\"dest_ip\":null" },
		{ "\"dest_port\":445", "\"dest_port\":-445" },
		{ "\"src_port\":50000", "\"src_port\":500000" },
		{ "\"dest_ip\":\"10.0.0.9\"", "\"dest_ip\":\"fd00::9\"" },
	};

	for (size_t i = 0; i < BH_LEN(lies); i++) {
		static const char good[] = IPC;
		BH_AUTO_BUF b = { 0 };
		const char *at = strstr(good, lies[i][0]);
		if (!at)
			exit(1);
		bh_buf_add(&b, good, (size_t)(at - good));
		bh_buf_str(&b, lies[i][1]);
		bh_buf_str(&b, at + strlen(lies[i][0]));
		heard_str(&h, bh_buf_text(&b));
		EXPECT_INT(h.n, 0);
		EXPECT_INT(h.counts.unreadable, 1);
	}
}

static void expect_row(const char *who, uint64_t connections, uint64_t opens)
{
	for (size_t i = 0; i < h.n_rows; i++) {
		if (strcmp(h.row[i].who, who) != 0)
			continue;
		EXPECT_INT(h.row[i].connections, connections);
		EXPECT_INT(h.row[i].opens, opens);
		return;
	}
	printf("# no row %s\n", who);
	tap_bad++;
}

/* What Suricata says of tests/data (tests/logs/record-eve): as much of the rows that the
 * captures themselves give (tests/pcap/recorded.py) as it knows. */
static void test_eve_of_our_captures_tells_their_rows(void)
{
#define AT "10.99.0.1>10.99.0.2:445 answered "
	static char text[1 << 20];
	const char *source = getenv("BULKHEAD_SOURCE");
	char path[512];

	snprintf(path, sizeof path, "%s/tests/logs/eve.json", source ? source : ".");
	FILE *f = fopen(path, "rb");
	EXPECT(f != NULL);
	if (!f)
		return;
	size_t len = fread(text, 1, sizeof text, f);
	fclose(f);
	EXPECT_INT(heard_log(&h, BH_LOG_NONE, text, len, 0, NULL), 0);
	EXPECT_STR(bh_buf_text(&h.problems), "");
	EXPECT_INT(h.n_rows, 16);
	expect_row(AT
		"ntlm 3.1.1 CORP\\games ws=WS1 server=10.99.0.2 share=\\\\10.99.0.2\\home disk",
		1, 4);
	expect_row(AT
		"ntlm NT LANMAN 1.0 offers-SMB1 CORP\\games ws=WS1 server=10.99.0.2 share=\\\\10.99.0.2\\HOME disk",
		1, 0);
	expect_row(AT "ntlm 3.1.1 CORP\\games ws=WS1 auth-status=c000006d", 1, 0);
	expect_row(AT
		"ntlm 3.1.1 CORP\\games ws=WS1 server=10.99.0.2 share=\\\\10.99.0.2\\finance share-status=c0000022",
		1, 0);
	expect_row(AT
		"ntlm 3.1.1 CORP\\stranger ws=WS1 server=10.99.0.2 share=\\\\10.99.0.2\\home disk",
		1, 2);
	expect_row(AT "anonymous 3.1.1 \\ server=10.99.0.2 share=\\\\10.99.0.2\\IPC$ pipe", 1, 1);
	expect_row("10.99.0.1>10.99.0.3:445 silent", 1, 0);
	expect_row("10.99.0.1>10.99.0.3:139 nbss139 silent", 1, 0);
	expect_row(
		"fd00:99::1>fd00:99::2:139 nbss139 answered ntlm 3.1.1 CORP\\games ws=WS1 server=fd00:99::2 "
		"share=\\\\fd00:99::2\\home disk",
		1, 2);
	heard_in_pieces(BH_LOG_JSON, text, len);
}

int main(void)
{
	RUN(test_a_session_and_its_trees_are_joined);
	RUN(test_what_nothing_came_after_is_told_at_the_end);
	RUN(test_kerberos_tells_realm_and_service);
	RUN(test_smb1_in_its_own_words);
	RUN(test_a_flow_alone_says_how_it_went);
	RUN(test_smb_over_quic_is_known_by_its_alpn);
	RUN(test_each_lie_is_counted);
	RUN(test_eve_of_our_captures_tells_their_rows);
	heard_reset(&h);
	return tap_done();
}

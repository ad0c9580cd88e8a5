/*
 * Zeek's logs as base/protocols writes them, tab-separated and JSON, alone and together.
 */
#include "heard.h"

static struct heard h;

#define HEAD(path, fields)                                                                                    \
	"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t" path           \
	"\n#open\t2026-01-31-12-00-00\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\t" fields \
	"\n"
#define IDS(uid) "1769860800.000000\t" uid "\t10.0.0.5\t50000\t10.0.0.9\t445\t"

static const char mapping[] = HEAD("smb_mapping", "path\tservice\tnative_file_system\tshare_type")
	IDS("C1") "\\\\\\\\fs1\\\\Public\t-\t-\tDISK\n" IDS("C1") "\\\\\\\\fs1\\\\IPC$\tIPC\t-\tPIPE\n" IDS(
		"C2") "\\\\\\\\fs1\\\\D\\xc3\\xa4ten\tA:\tNTFS\tDISK\n" IDS("C3") "<unknown>\t-\t-\tPIPE\n"
										  "#close\t2026-01-31-13-00-00\n";

static const char ntlm[] = HEAD("ntlm",
	"username\thostname\tdomainname\tserver_nb_computer_name\tserver_dns_computer_name\t"
	"server_tree_name\tsuccess")
	IDS("C1") "alice\tWS1\tCORP\tFS1\tfs1.corp.example\tcorp.example\tT\n" IDS("C2") "(empty)\t(empty)\t(empty)\tFS1\t-\t-\tT\n" IDS(
		"C4") "mallory\tWS9\tCORP\tFS1\t-\t-\tF\n"
		      "1769860800.0\tC5\t10.0.0.5\t50000\t10.0.0.2\t389\talice\tWS1\tCORP\t-\t-\t-\tT\n";

static const char conn[] = HEAD(
	"conn", "proto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state")
	IDS("C1") "tcp\tgssapi,smb,ntlm\t1.0\t1000\t2000\tSF\n" IDS("C6") "tcp\t-\t-\t-\t-\tS0\n" IDS("C7") "tcp\t-\t-\t-\t-\tREJ\n" IDS(
		"C8") "tcp\t-\t-\t0\t77\tOTH\n"
		      "1769860800.0\tC9\t10.0.0.5\t50000\t10.0.0.9\t4445\ttcp\tsmb\t-\t0\t77\tS1\n"
		      "1769860800.0\tCa\t10.0.0.9\t445\t10.0.0.5\t50000\ttcp\t-\t-\t5\t77\tOTH\n"
		      "1769860800.0\tCb\t10.0.0.5\t50000\t10.0.0.9\t443\ttcp\tssl\t-\t0\t77\tSF\n"
		      "1769860800.0\tCc\t10.0.0.5\t50000\t10.0.0.9\t445\tudp\t-\t-\t0\t77\tSF\n";

static void test_a_mapping_is_a_share(void)
{
	heard_str(&h, mapping);
	EXPECT_INT(h.kind, BH_LOG_ZEEK);
	EXPECT_INT(h.n, 4);
	EXPECT_STR(h.line[0],
		"10.0.0.5>10.0.0.9:445 answered server=fs1 share=\\\\fs1\\Public disk c1");
	EXPECT_STR(
		h.line[1], "10.0.0.5>10.0.0.9:445 answered server=fs1 share=\\\\fs1\\IPC$ pipe c1");
	EXPECT_STR(h.line[2],
		"10.0.0.5>10.0.0.9:445 answered server=fs1 share=\\\\fs1\\D\xc3\xa4ten disk c1");
	EXPECT_STR(h.line[3], "10.0.0.5>10.0.0.9:445 answered pipe c1");
	EXPECT_STR(bh_buf_text(&h.kinds), "zeek smb_mapping 0: 4\n");
	EXPECT(h.when.first == (bh_time)1769860800 * BH_SECOND);
	heard_in_pieces(BH_LOG_ZEEK, mapping, sizeof mapping - 1);
	heard_cut_off(BH_LOG_ZEEK, mapping, sizeof mapping - 1, 1);
}

static void test_a_connection_says_how_it_went(void)
{
	heard_str(&h, conn);
	EXPECT_INT(h.n, 6);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 answered c1");
	EXPECT_STR(h.line[1], "10.0.0.5>10.0.0.9:445 silent c1");
	EXPECT_STR(h.line[2], "10.0.0.5>10.0.0.9:445 refused c1");
	EXPECT_STR(h.line[3], "10.0.0.5>10.0.0.9:445 answered c1");
	EXPECT_STR(h.line[4], "10.0.0.5>10.0.0.9:4445 answered c1");
	EXPECT_STR(h.line[5], "10.0.0.5>10.0.0.9:445 answered c1"); /* turned round */
	heard_in_pieces(BH_LOG_ZEEK, conn, sizeof conn - 1);
}

static void test_a_logon_alone(void)
{
	heard_str(&h, ntlm);
	EXPECT_INT(h.n, 3);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 answered ntlm CORP\\alice ws=WS1 c1");
	EXPECT_STR(h.line[1], "10.0.0.5>10.0.0.9:445 answered anonymous \\ c1");
	EXPECT_STR(h.line[2],
		"10.0.0.5>10.0.0.9:445 answered ntlm CORP\\mallory ws=WS9 auth-status=c000006d c1");
	EXPECT_STR(
		bh_buf_text(&h.names), "10.0.0.9 fs1.corp.example\n10.0.0.9 FS1\n10.0.0.9 FS1\n");
	heard_in_pieces(BH_LOG_ZEEK, ntlm, sizeof ntlm - 1);
}

static int feed(struct bh_zeek *z, const char *text)
{
	const struct bh_log_options o = { .seed = 1, .zeek = z };
	BH_AUTO(bh_log) l = NULL;
	int r = bh_log_new(BH_LOG_ZEEK, &o, &heard_sink, &h, &l);

	if (!r)
		r = bh_log_feed(l, bh_span_of(text, strlen(text)));
	return r ? r : bh_log_end(l);
}

static void test_logs_of_one_folder_are_joined_by_uid(void)
{
	BH_AUTO(bh_zeek) z = NULL;

	heard_reset(&h);
	EXPECT_INT(bh_zeek_new(1, 0, &z), 0);
	EXPECT(bh_zeek_order(bh_span_of(ntlm, sizeof ntlm - 1)) <
		bh_zeek_order(bh_span_of(mapping, sizeof mapping - 1)));
	EXPECT(bh_zeek_order(bh_span_of(mapping, sizeof mapping - 1)) <
		bh_zeek_order(bh_span_of(conn, sizeof conn - 1)));
	EXPECT_INT(bh_zeek_order(bh_span_of("x", 1)), 0);
	EXPECT_INT(feed(z, ntlm), 0);
	EXPECT_INT(h.n, 0); /* it waits for its share */
	EXPECT_INT(feed(z, mapping), 0);
	EXPECT_INT(h.n, 4);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 answered ntlm CORP\\alice ws=WS1 server=fs1 "
			      "share=\\\\fs1\\Public disk c1");
	EXPECT_STR(h.line[2],
		"10.0.0.5>10.0.0.9:445 answered anonymous \\ server=fs1 share=\\\\fs1\\D\xc3\xa4ten disk c1");
	EXPECT_INT(feed(z, conn), 0);
	EXPECT_INT(h.n, 4);
	EXPECT_INT(bh_zeek_end(z, &heard_sink, &h), 0);
	/* the logon that failed, and the connections nobody knows more of: not C1 again */
	EXPECT_INT(h.n, 4 + 1 + 5);
	EXPECT_STR(h.line[4],
		"10.0.0.5>10.0.0.9:445 answered ntlm CORP\\mallory ws=WS9 auth-status=c000006d c1");
	EXPECT_INT(bh_zeek_end(z, &heard_sink, &h), 0);
	EXPECT_INT(h.n, 10);
}

#define JSON_IDS(uid)                                                                              \
	"\"ts\":1769860800.5,\"uid\":\"" uid "\",\"id.orig_h\":\"10.0.0.5\",\"id.orig_p\":50000,"  \
	"\"id.resp_h\":\"10.0.0.9\",\"id.resp_p\":445,"

static const char stream[] = "{\"_path\":\"ntlm\"," JSON_IDS(
	"C1") "\"username\":\"alice\",\"hostname\":\"WS1\",\"domainname\":\"CORP\",\"success\":true}\n"
	      "{\"_path\":\"smb_mapping\"," JSON_IDS(
		      "C1") "\"path\":\"\\u005c\\u005cfs1\\u005cIPC$\",\"share_type\":\"PIPE\"}\n"
			    "{\"_path\":\"dce_rpc\"," JSON_IDS(
				    "C1") "\"rtt\":0.1,\"named_pipe\":\"\\\\PIPE\\\\svcctl\",\"endpoint\":\"svcctl\",\"operation\":\"OpenSCManagerW\"}\n"
					  "{\"_path\":\"smb_mapping\"," JSON_IDS(
						  "C1") "\"path\":\"\\\\\\\\fs1\\\\Public\",\"share_type\":\"DISK\"}\n"
							"{\"_path\":\"smb_files\"," JSON_IDS(
								"C1") "\"action\":\"SMB::FILE_OPEN\",\"path\":\"\\\\\\\\fs1\\\\Public\",\"name\":\"a.txt\"}\n"
								      "{\"_path\":\"smb_files\"," JSON_IDS(
									      "C1") "\"action\":\"SMB::FILE_DELETE\",\"path\":\"\\\\\\\\fs1\\\\Public\",\"name\":\"a.txt\"}\n"
										    "{\"_path\":\"conn\"," JSON_IDS(
											    "C1") "\"proto\":\"tcp\",\"service\":\"smb,ntlm\",\"conn_state\":\"SF\"}\n"
												  "{\"_path\":\"http\"," JSON_IDS(
													  "C2") "\"method\":\"GET\"}\n";

static void test_one_stream_of_json_tells_each_connection_once(void)
{
	heard_str(&h, stream);
	EXPECT_INT(h.kind, BH_LOG_JSON);
	EXPECT_INT(h.n_rows, 2);
	EXPECT_STR(h.row[0].who,
		"10.0.0.5>10.0.0.9:445 answered ntlm CORP\\alice ws=WS1 server=fs1 share=\\\\fs1\\IPC$ pipe");
	EXPECT_INT(h.row[0].connections, 1);
	EXPECT_INT(h.row[0].pipes, 1u << 2); /* svcctl */
	EXPECT_STR(h.row[1].who,
		"10.0.0.5>10.0.0.9:445 answered ntlm CORP\\alice ws=WS1 server=fs1 share=\\\\fs1\\Public disk");
	EXPECT_INT(h.row[1].connections, 1);
	EXPECT_INT(h.row[1].opens, 1);
	EXPECT_STR(bh_buf_text(&h.kinds),
		"zeek ntlm 0: 1\nzeek smb_mapping 0: 2\nzeek dce_rpc 0: 1\n"
		"zeek smb_files 0: 2\nzeek conn 0: 1\nzeek http 0: 1 unread\n");
	heard_in_pieces(BH_LOG_JSON, stream, sizeof stream - 1);
	heard_cut_off(BH_LOG_JSON, stream, sizeof stream - 1, 3);
}

/* A log of its own has no _path in its records. */
static void test_json_without_path_is_known_by_its_fields(void)
{
	heard_str(&h,
		"{" JSON_IDS(
			"C1") "\"path\":\"\\\\\\\\fs1\\\\Public\",\"share_type\":\"DISK\"}\n"
			      "{" JSON_IDS(
				      "C2") "\"username\":\"bob\",\"hostname\":\"W\",\"domainname\":\"D\"}\n"
					    "{" JSON_IDS(
						    "C3") "\"proto\":\"tcp\",\"conn_state\":\"REJ\"}\n"
							  "{" JSON_IDS(
								  "C4") "\"method\":\"GET\",\"username\":\"web\"}\n"
									"{\"ts\":\"2026-01-31T12:00:00.000000Z\",\"uid\":\"C5\",\"id\":{\"orig_h\":\"10.0.0.5\",\"orig_p\":1,"
									"\"resp_h\":\"10.0.0.9\",\"resp_p\":443},\"version\":\"1\",\"client_initial_dcid\":\"ab\","
									"\"server_name\":\"fs1.corp.example\",\"client_protocol\":\"smb\"}\n");
	EXPECT_INT(h.n, 4);
	EXPECT_STR(h.line[0],
		"10.0.0.5>10.0.0.9:445 answered server=fs1 share=\\\\fs1\\Public disk c1");
	EXPECT_STR(h.line[1], "10.0.0.5>10.0.0.9:443 quic443 server=fs1.corp.example c1");
	EXPECT_STR(h.line[2], "10.0.0.5>10.0.0.9:445 answered ntlm D\\bob ws=W c1");
	EXPECT_STR(h.line[3], "10.0.0.5>10.0.0.9:445 refused c1");
}

static void test_a_ticket_for_a_file_server(void)
{
	heard_str(&h,
		HEAD("kerberos",
			"request_type\tclient\tservice\tsuccess\terror_msg") "1769860800.0\tC1\t10.0.0.5\t50000\t10.0.0.2\t88\tTGS\talice/CORP.EXAMPLE\tcifs/fs1.corp.example\tT\t-\n"
									     "1769860800.0\tC2\t10.0.0.5\t50000\t10.0.0.2\t88\tTGS\talice/CORP.EXAMPLE\tldap/dc1.corp.example\tT\t-\n"
									     "1769860800.0\tC3\t10.0.0.5\t50000\t10.0.0.2\t88\tTGS\talice/CORP.EXAMPLE\tcifs/gone\tF\tKDC_ERR_S_PRINCIPAL_UNKNOWN\n"
									     "1769860800.0\tC4\t10.0.0.5\t50000\t10.0.0.9\t445\t-\t-\t-\t-\t-\n");
	EXPECT_INT(h.n, 2);
	EXPECT_STR(h.line[0],
		"10.0.0.5>-:445 kerberos CORP.EXAMPLE\\alice server=fs1.corp.example service=cifs/fs1.corp.example");
	EXPECT_STR(h.line[1], "10.0.0.5>10.0.0.9:445 answered kerberos c1");
}

static void test_two_logons_on_one_connection_are_both_told(void)
{
	heard_str(&h, HEAD("ntlm", "username\thostname\tdomainname\tsuccess")
			      IDS("C1") "alice\tWS1\tCORP\tF\n" IDS("C1") "alice\tWS1\tCORP\tT\n");
	EXPECT_INT(h.n, 2);
	EXPECT_STR(h.line[0],
		"10.0.0.5>10.0.0.9:445 answered ntlm CORP\\alice ws=WS1 auth-status=c000006d c1");
	EXPECT_STR(h.line[1], "10.0.0.5>10.0.0.9:445 answered ntlm CORP\\alice ws=WS1 c1");
}

static void test_each_lie_is_counted(void)
{
	static const char *const lies[] = {
		"yesterday\tC1\t10.0.0.5\t1\t10.0.0.9\t445\t\\\\\\\\a\\\\b\t-\t-\tDISK\n",
		"1769860800.0\tC1\t10.0.0.500\t1\t10.0.0.9\t445\t\\\\\\\\a\\\\b\t-\t-\tDISK\n",
		"1769860800.0\tC1\t10.0.0.5\t1\t-\t445\t\\\\\\\\a\\\\b\t-\t-\tDISK\n",
		"1769860800.0\tC1\t10.0.0.5\t1\t10.0.0.9\t70000\t\\\\\\\\a\\\\b\t-\t-\tDISK\n",
		"1769860800.0\tC1\t10.0.0.5\t1\tfd00::9\t445\t\\\\\\\\a\\\\b\t-\t-\tDISK\n",
		"1769860800.0\tC1\n",
	};

	for (size_t i = 0; i < BH_LEN(lies); i++) {
		BH_AUTO_BUF b = { 0 };
		bh_buf_printf(&b, "%s%s",
			HEAD("smb_mapping", "path\tservice\tnative_file_system\tshare_type"),
			lies[i]);
		heard_str(&h, bh_buf_text(&b));
		EXPECT_INT(h.n, 0);
		EXPECT_INT(h.counts.unreadable, 1);
	}
	/* no head: nobody knows what stands where */
	heard_log(&h, BH_LOG_ZEEK, "1769860800.0\tC1\n", 16, 0, NULL);
	EXPECT_INT(h.n, 0);
}

/* More connections than the table holds: the oldest are told when they have to go. */
static void test_a_flood_of_connections_is_told_and_bounded(void)
{
	BH_AUTO_BUF b = { 0 };
	const unsigned many = 40000;

	bh_buf_str(&b, HEAD("conn", "proto\tservice\tconn_state"));
	for (unsigned i = 0; i < many; i++)
		bh_buf_printf(&b,
			"1769860800.0\tU%u\t10.0.0.5\t50000\t10.1.%u.%u\t445\ttcp\t-\tS0\n", i,
			i >> 8 & 255, i & 255);
	EXPECT_INT(heard_log(&h, BH_LOG_ZEEK, b.ptr, b.len, 0, NULL), 0);
	EXPECT_INT(h.n, many);
	EXPECT_INT(h.connections, many);
}

int main(void)
{
	RUN(test_a_mapping_is_a_share);
	RUN(test_a_connection_says_how_it_went);
	RUN(test_a_logon_alone);
	RUN(test_logs_of_one_folder_are_joined_by_uid);
	RUN(test_one_stream_of_json_tells_each_connection_once);
	RUN(test_json_without_path_is_known_by_its_fields);
	RUN(test_a_ticket_for_a_file_server);
	RUN(test_two_logons_on_one_connection_are_both_told);
	RUN(test_each_lie_is_counted);
	RUN(test_a_flood_of_connections_is_told_and_bounded);
	heard_reset(&h);
	return tap_done();
}

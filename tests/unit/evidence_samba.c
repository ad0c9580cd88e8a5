/*
 * Samba's logs: lines as Samba 4.8 to 4.19 wrote them, tests/logs/log.smbd that a real
 * smbd wrote (tests/logs/record), and the corpus where it is there.
 */
#include "heard.h"

static struct heard h;

/* ---- auth_json_audit ---- */

#define AUTH_1_2(status, service, user, ws, type, port)                                            \
	"{\"timestamp\": \"2026-01-31T12:00:00.000000+0000\", \"type\": \"Authentication\", "      \
	"\"Authentication\": {\"version\": {\"major\": 1, \"minor\": 2}, \"eventId\": 4624, "      \
	"\"logonId\": \"0\", \"logonType\": 3, \"status\": \"" status "\", \"localAddress\": "     \
	"\"ipv4:10.0.0.9:445\", \"remoteAddress\": \"ipv4:10.0.0.5:" port "\", "                   \
	"\"serviceDescription\": \"" service "\", \"authDescription\": null, \"clientDomain\": "   \
	"\"CORP\", \"clientAccount\": \"" user "\", \"workstation\": \"" ws                        \
	"\", \"becameAccount\": "                                                                  \
	"null, \"becameDomain\": null, \"becameSid\": null, \"mappedAccount\": \"" user "\", "     \
	"\"mappedDomain\": \"CORP\", \"netlogonComputer\": null, \"netlogonTrustAccount\": null, " \
	"\"netlogonNegotiateFlags\": \"0x00000000\", \"netlogonSecureChannelType\": 0, "           \
	"\"netlogonTrustAccountSid\": null, \"passwordType\": \"" type                             \
	"\", \"duration\": 1456}}\n"

#define GRANT(service, type, domain, account, sid, port)                                           \
	"{\"timestamp\": \"2026-01-31T12:00:01.000000+0000\", \"type\": \"Authorization\", "       \
	"\"Authorization\": {\"version\": {\"major\": 1, \"minor\": 1}, \"localAddress\": "        \
	"\"ipv4:10.0.0.9:445\", \"remoteAddress\": \"ipv4:10.0.0.5:" port "\", "                   \
	"\"serviceDescription\": \"" service "\", \"authType\": \"" type                           \
	"\", \"domain\": \"" domain "\", \"account\": \"" account "\", \"sid\": \"" sid            \
	"\", \"sessionId\": \"4700f110\", "                                                        \
	"\"logonServer\": null, \"transportProtection\": \"SMB\", \"accountFlags\": \"0x00000010\"}}\n"

static void test_a_logon_is_a_row_of_its_own_without_a_share(void)
{
	static const char log[] =
		AUTH_1_2("NT_STATUS_OK", "SMB2", "alice", "WS1", "NTLMv2", "50000");

	heard_str(&h, log);
	EXPECT_INT(h.kind, BH_LOG_SAMBA);
	EXPECT_INT(h.n, 1);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 answered ntlm/v2 CORP\\alice ws=WS1 c1");
	EXPECT_STR(bh_buf_text(&h.kinds), "samba Authentication 0: 1\n");
	heard_in_pieces(BH_LOG_SAMBA, log, sizeof log - 1);
	heard_cut_off(BH_LOG_SAMBA, log, sizeof log - 1, 1);
}

/* Version 1.0 had no eventId, wrote "(NULL SID)" and, before 4.9, a word in front. */
static void test_the_oldest_form_with_its_prefix(void)
{
	heard_str(&h,
		"[2019/04/04 13:35:01.098244,  2] ../auth/auth_log.c:220(log_json)\n"
		"  JSON Authentication: {\"timestamp\": \"2019-04-04T13:35:01.098190+0200\", \"type\": "
		"\"Authentication\", \"Authentication\": {\"version\": {\"major\": 1, \"minor\": 0}, "
		"\"status\": \"NT_STATUS_WRONG_PASSWORD\", \"localAddress\": \"ipv4:192.168.50.109:445\", "
		"\"remoteAddress\": \"ipv4:192.168.50.199:64762\", \"serviceDescription\": \"SMB2\", "
		"\"authDescription\": null, \"clientDomain\": \"Some-PC\", \"clientAccount\": \"bea\", "
		"\"workstation\": \"SOME-PC\", \"becameAccount\": null, \"becameDomain\": null, "
		"\"becameSid\": \"(NULL SID)\", \"mappedAccount\": \"bea\", \"mappedDomain\": \"Some-PC\", "
		"\"netlogonTrustAccountSid\": \"(NULL SID)\", \"passwordType\": \"NTLMv1\"}}\n");
	EXPECT_INT(h.n, 1);
	EXPECT_STR(h.line[0],
		"192.168.50.199>192.168.50.109:445 answered ntlm/v1 Some-PC\\bea ws=SOME-PC "
		"auth-status=c000006a c1");
	EXPECT(h.when.first / 1000 == 1554377701098190);
	EXPECT_STR(bh_buf_text(&h.kinds), "samba Authentication failed 0: 1\n");
}

static void test_the_program_may_stand_before_it(void)
{
	heard_str(&h, "/usr/sbin/smbd: " AUTH_1_2("NT_STATUS_NO_SUCH_USER", "SMB2", "TESTER$",
			      "\\\\\\\\TESTER", "NTLMv2", "5"));
	EXPECT_STR(h.line[0],
		"10.0.0.5>10.0.0.9:445 answered ntlm/v2 CORP\\TESTER$ ws=TESTER auth-status=c0000064 c1");
}

static void test_ipv6_and_the_old_protocol(void)
{
	heard_str(&h,
		"{\"timestamp\": \"2026-01-31T12:00:00.000000+0000\", \"type\": \"Authentication\", "
		"\"Authentication\": {\"version\": {\"major\": 1, \"minor\": 3}, \"status\": \"NT_STATUS_OK\", "
		"\"localAddress\": \"ipv6:fd00::9:139\", \"remoteAddress\": \"ipv6:fd00::5:50000\", "
		"\"serviceDescription\": \"SMB\", \"clientDomain\": \"\", \"clientAccount\": \"\", "
		"\"workstation\": \"\", \"becameSid\": \"S-1-5-7\", \"passwordType\": \"No-Password\", "
		"\"clientPolicyAccessCheck\": null}}\n");
	EXPECT_STR(h.line[0], "fd00::5>fd00::9:139 nbss139 answered anonymous SMB1 \\ c1");
}

static void test_kerberos_is_told_by_its_grant_alone(void)
{
	heard_str(&h,
		GRANT("SMB2", "krb5", "CORP", "alice", "S-1-5-21-1-2-3-1104", "50000") GRANT(
			"SMB2", "krb5", "CORP", "alice", "S-1-5-21-1-2-3-1104", "50001")
			GRANT("LDAP", "krb5", "CORP", "alice", "S-1-5-21-1-2-3-1104", "50002"));
	EXPECT_INT(h.n, 1);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 answered kerberos CORP\\alice c2");
	EXPECT_STR(bh_buf_text(&h.kinds), "samba Authorization 0: 3\n");
}

static void test_a_logon_and_its_grant_count_once(void)
{
	heard_str(&h, AUTH_1_2("NT_STATUS_OK", "SMB2", "alice", "WS1", "NTLMv2", "50000") GRANT(
			      "SMB2", "NTLMSSP", "CORP", "alice", "S-1-5-21-1-2-3-1104", "50000"));
	EXPECT_INT(h.n, 1);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 answered ntlm/v2 CORP\\alice ws=WS1 c1");
}

static void test_who_is_refused_by_name_may_come_in_as_a_guest(void)
{
	heard_str(&h, AUTH_1_2("NT_STATUS_NO_SUCH_USER", "SMB2", "eve", "WS1", "NTLMv2", "50000")
			      AUTH_1_2("NT_STATUS_NO_SUCH_USER", "SMB2", "mallory", "WS1", "NTLMv2",
				      "50001") GRANT("SMB2", "NTLMSSP", "FS1", "nobody",
				      "S-1-5-21-3725327824-3344565015-1655211936-501",
				      "50000") "  nobody|10.0.0.5|connect|ok|open\n");
	EXPECT_INT(h.n, 2);
	EXPECT_STR(h.line[0],
		"10.0.0.5>10.0.0.9:445 answered ntlm/v2 guest CORP\\eve ws=WS1 share=\\\\*\\open c1");
	EXPECT_STR(h.line[1],
		"10.0.0.5>10.0.0.9:445 answered ntlm/v2 CORP\\mallory ws=WS1 auth-status=c0000064 c1");
}

static void test_other_services_are_not_smb(void)
{
	heard_str(&h,
		AUTH_1_2("NT_STATUS_OK", "LDAP", "alice", "WS1", "NTLMv2", "1") AUTH_1_2(
			"NT_STATUS_OK", "Kerberos KDC", "alice", "WS1", "NTLMv2",
			"1") "{\"timestamp\": \"2026-01-31T12:00:00.0+0000\", \"type\": \"passwordChange\", "
			     "\"passwordChange\": {\"status\": \"Success\"}}\n");
	EXPECT_INT(h.n, 0);
	EXPECT_STR(bh_buf_text(&h.problems), "");
	EXPECT_STR(bh_buf_text(&h.kinds),
		"samba Authentication 0: 2\nsamba passwordChange 0: 1 unread\n");
}

static void test_each_lie_of_an_authentication_is_counted(void)
{
	static const char *const lies[][2] = {
		{ "ipv4:10.0.0.9:445", "ipv4:10.0.0.9" },
		{ "ipv4:10.0.0.9:445", "ipv4:10.0.0.9:0" },
		{ "ipv4:10.0.0.9:445", "ipv4:SERVER:445" },
		{ "ipv4:10.0.0.5:50000", "10.0.0.5:50000" },
		{ "ipv4:10.0.0.5:50000", "ipv4:10.0.0.5:99999" },
		{ "ipv4:10.0.0.5:50000", "ipv6:fd00::5:50000" },
		{ "2026-01-31T12", "2026-01-31X12" },
		{ "\"duration\": 1456}", "\"duration\": }" },
	};
	static const char good[] =
		AUTH_1_2("NT_STATUS_OK", "SMB2", "alice", "WS1", "NTLMv2", "50000");

	for (size_t i = 0; i < BH_LEN(lies); i++) {
		BH_AUTO_BUF b = { 0 };
		const char *at = strstr(good, lies[i][0]);
		if (!at)
			exit(1);
		bh_buf_add(&b, good, (size_t)(at - good));
		bh_buf_str(&b, lies[i][1]);
		bh_buf_str(&b, at + strlen(lies[i][0]));
		EXPECT_INT(heard_log(&h, BH_LOG_SAMBA, b.ptr, b.len, 0, NULL), 0);
		EXPECT_INT(h.n, 0);
		EXPECT_INT(h.counts.unreadable, 1);
	}
	/* one of the machine's own programs, and a status we do not know, are no lies */
	heard_str(&h, AUTH_1_2("NT_STATUS_WHATEVER", "SMB2", "alice", "WS1", "NTLMv2", "50000"));
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 answered ntlm/v2 CORP\\alice ws=WS1 c1");
}

/* ---- full_audit ---- */

static const struct bh_log_options in_2026 = { .seed = 1,
	.modified = (bh_time)1772000000 * BH_SECOND };

static const char syslog_lines[] =
	"Jan 31 11:59:59 fs1 systemd[1]: Started Session 3 of user bob.\n"
	"Jan 31 12:00:00 fs1 smbd_audit: bob|192.168.2.100|lc03|Docs|connect|ok|Docs\n"
	"Jan 31 12:00:01 fs1 smbd_audit[812]: bob|192.168.2.100|lc03|Docs|create_file|ok|0x120089|file|open|a.txt\n"
	"2026-01-31T13:00:02.003+01:00 fs1 smbd_audit[812]: bob|192.168.2.100|lc03|Docs|unlinkat|ok|b.txt\n"
	"<13>1 2026-01-31T12:00:03.003Z fs1 smbd_audit 812 - - bob|192.168.2.100|lc03|Docs|create_file|fail (No such file or directory)|0x1|file|open|x\n"
	"<174>Jan 31 12:00:04 fs1 smbd_audit[812]: bob|192.168.2.100|lc03|Docs|connect|fail (Permission denied)|Secret\n"
	"Sat 2026-01-31 12:00:05 UTC fs1 smbd_audit[812]: bob|192.168.2.100|lc03|Docs|disconnect|ok|Docs\n"
	"1769860806.5 fs1 smbd_audit[812]: bob|192.168.2.100|lc03|IPC_|connect|ok|IPC$\n";

static void test_syslog_in_all_its_forms(void)
{
	EXPECT_INT(
		heard_log(&h, BH_LOG_NONE, syslog_lines, sizeof syslog_lines - 1, 0, &in_2026), 0);
	EXPECT_INT(h.kind, BH_LOG_SAMBA);
	EXPECT_INT(h.n, 7);
	EXPECT_INT(h.n_rows, 3);
	EXPECT_STR(h.row[0].who, "192.168.2.100>-:445 answered \\bob server=fs1 share=\\\\*\\Docs");
	EXPECT_INT(h.row[0].connections, 1);
	EXPECT_INT(h.row[0].opens, 1);
	EXPECT_STR(h.row[1].who,
		"192.168.2.100>-:445 answered \\bob server=fs1 share=\\\\*\\Secret share-status=c0000022");
	EXPECT_STR(h.row[2].who,
		"192.168.2.100>-:445 answered \\bob server=fs1 share=\\\\*\\IPC$ pipe");
	EXPECT(h.when.first == (bh_time)1769860800 * BH_SECOND);
	EXPECT(h.when.last == (bh_time)17698608065 * (BH_SECOND / 10));
	EXPECT_STR(bh_buf_text(&h.problems), "");
	EXPECT_STR(bh_buf_text(&h.kinds), "full_audit connect 0: 3\nfull_audit create_file 0: 2\n"
					  "full_audit unlinkat 0: 1\nfull_audit disconnect 0: 1\n");
	heard_in_pieces(BH_LOG_SAMBA, syslog_lines, sizeof syslog_lines - 1);
	heard_cut_off(BH_LOG_SAMBA, syslog_lines, sizeof syslog_lines - 1, 1);
}

static void test_of_what_is_written_now_the_time_is_known(void)
{
	static const char lines[] =
		"smbd_audit: a|10.0.0.5|10.0.0.9|ws1|home|SMB3_11|connect|ok|home\n"
		"Jan 31 12:00:00 fs1 smbd_audit[8]: "
		"a|10.0.0.5|10.0.0.9|ws1|old|SMB3_11|connect|ok|old\n";
	const struct bh_log_options options = { .seed = 445 };
	const bh_time now = (bh_time)1772000000 * BH_SECOND;
	BH_AUTO(bh_log) l = NULL;

	heard_reset(&h);
	EXPECT_INT(bh_log_new(BH_LOG_SAMBA, &options, &heard_sink, &h, &l), 0);
	bh_log_clock(l, now);
	EXPECT_INT(bh_log_feed(l, bh_span_of((const uint8_t *)lines, sizeof lines - 1)), 0);
	EXPECT_INT(bh_log_end(l), 0);
	EXPECT_INT(h.n, 2);
	EXPECT(h.when.first == now);
	EXPECT_INT(h.when.last / BH_SECOND, 1769860800);
}

static void test_without_the_year_a_time_is_not_known(void)
{
	heard_str(&h, "Jan 31 12:00:00 fs1 smbd_audit: bob|192.168.2.100|connect|ok|Docs\n");
	EXPECT_INT(h.n, 1);
	EXPECT_INT(h.when.first, 0);
}

static void test_the_default_prefix_names_no_share_but_in_connect(void)
{
	heard_str(&h,
		"  alice|10.0.0.5|connect|ok|home\n  alice|10.0.0.5|pread|ok|a\n  CORP\\Bob|::ffff:10.0.0.6|connect|ok|home\n");
	EXPECT_INT(h.n, 3);
	EXPECT_STR(h.line[0],
		"10.0.0.5>-:445 answered \\alice server=(this log's server) share=\\\\*\\home c1");
	EXPECT_STR(h.line[1], "10.0.0.5>-:445 answered \\alice server=(this log's server)");
	EXPECT_STR(h.line[2],
		"10.0.0.6>-:445 answered CORP\\Bob server=(this log's server) share=\\\\*\\home c1");
}

static void test_what_audit_samba_has_it_print_needs_no_declaration(void)
{
	heard_str(&h,
		"  alice|10.0.0.5|10.0.0.9|ws1|home|SMB3_11|connect|ok|home\n"
		"  alice|10.0.0.5|10.0.0.9|10.0.0.5|IPC_|NT1|connect|ok|IPC$\n"
		"  alice|10.0.0.5|10.0.0.9|ws1|home|SMB3_11|create_file|ok|0x3|file|open|/srv/a|b\n"
		"  CORP\\bob|fd00::5|fd00::9|SMB3_11|SMB2|NT1|disconnect|ok|SMB2\n"
		"  alice|10.0.0.5|10.0.0.9|ws1|home|other|connect|ok|home\n");
	EXPECT_INT(h.n, 5);
	EXPECT_STR(h.line[0],
		"10.0.0.5>10.0.0.9:445 answered 3.1.1 \\alice ws=ws1 share=\\\\*\\home c1");
	EXPECT_STR(h.line[1],
		"10.0.0.5>10.0.0.9:445 answered NT LM 0.12 \\alice share=\\\\*\\IPC$ pipe c1");
	EXPECT_STR(h.line[2],
		"10.0.0.5>10.0.0.9:445 answered 3.1.1 \\alice ws=ws1 share=\\\\*\\home o1");
	EXPECT_STR(h.line[3],
		"fd00::5>fd00::9:445 answered NT LM 0.12 CORP\\bob ws=SMB3_11 share=\\\\*\\SMB2");
	/* No dialect at its end: another prefix, of which only a share is guessed. */
	EXPECT_STR(h.line[4], "10.0.0.5>10.0.0.9:445 answered \\alice share=\\\\*\\home c1");
	EXPECT_INT(h.counts.unreadable, 0);
}

static void test_a_workstation_is_written_as_its_client_wrote_it(void)
{
	heard_str(&h,
		AUTH_1_2("NT_STATUS_OK", "SMB2", "alice", "WS1", "NTLMv2",
			"50000") "  alice|10.0.0.5|10.0.0.9|ws1|home|SMB3_11|connect|ok|home\n"
				 "  alice|10.0.0.5|10.0.0.9|other|home|SMB3_11|connect|ok|home\n");
	EXPECT_INT(h.n, 2);
	EXPECT(strstr(h.line[0], " ws=WS1 ") && strstr(h.line[1], " ws=other "));
}

static void test_a_declared_prefix_is_believed(void)
{
	struct bh_audit_prefix p;
	struct bh_log_options o = { .seed = 1, .prefix = &p };
	static const char log[] =
		"smbd_audit: alice;CORP;ws1|10.0.0.5|10.0.0.9|FS1|SMB3_11|home: x|connect|ok|home\n"
		"smbd_audit: alice;CORP;ws1|10.0.0.5|10.0.0.9|FS1|SMB3_11|home: x|openat|ok|r|a|b\n"
		"smbd_audit: alice|10.0.0.5|openat|ok|r|a\n";

	EXPECT_INT(bh_audit_prefix_parse("%u;%D;%m|%I|%i|%L|%R|%S: x", &p), 0);
	EXPECT_INT(heard_log(&h, BH_LOG_NONE, log, sizeof log - 1, 0, &o), 0);
	EXPECT_INT(h.n_rows, 1);
	EXPECT_STR(h.row[0].who,
		"10.0.0.5>10.0.0.9:445 answered 3.1.1 CORP\\alice ws=ws1 server=FS1 share=\\\\*\\home");
	EXPECT_INT(h.row[0].connections, 1);
	EXPECT_INT(h.row[0].opens, 1);
	EXPECT_INT(h.counts.unreadable, 1); /* the last is of another prefix */
}

static void test_a_prefix_that_cannot_be_read_is_refused(void)
{
	static const char *const bad[] = { "", "none", "%u%I", "%", "%u|%", "%u|%%", "%S|%L",
		"$(x)|%u", "%u\n" };
	static const char *const good[] = { "%u|%I", "%u|%I|%m|%S", "%I", "user=%U ip=%I", "%m" };
	struct bh_audit_prefix p;
	char huge[200];

	for (size_t i = 0; i < BH_LEN(bad); i++)
		EXPECT_INT(bh_audit_prefix_parse(bad[i], &p), -EINVAL);
	for (size_t i = 0; i < BH_LEN(good); i++)
		EXPECT_INT(bh_audit_prefix_parse(good[i], &p), 0);
	memset(huge, 'u', sizeof huge);
	memcpy(huge, "%u", 2);
	huge[sizeof huge - 1] = 0;
	EXPECT_INT(bh_audit_prefix_parse(huge, &p), -EINVAL);
}

static void test_openat_counts_only_where_nobody_logs_create_file(void)
{
	heard_str(&h,
		"a|10.0.0.5|home|connect|ok|home\na|10.0.0.5|home|openat|ok|r|x\n"
		"a|10.0.0.5|home|openat|ok|r|x\na|10.0.0.5|home|openat|fail (No such file)|r|x\n");
	EXPECT_INT(h.opens, 2);
	heard_str(&h,
		"a|10.0.0.5|home|connect|ok|home\na|10.0.0.5|home|openat|ok|r|x\n"
		"a|10.0.0.5|home|openat|ok|r|x\na|10.0.0.5|home|create_file|ok|0x1|file|open|x\n"
		"a|10.0.0.5|home|openat|ok|r|x\n");
	EXPECT_INT(h.opens, 1);
	EXPECT_INT(h.connections, 1);
	/* more conversations than wait: then it counts */
	BH_AUTO_BUF b = { 0 };
	for (unsigned i = 0; i < 20; i++)
		bh_buf_printf(&b, "u%u|10.0.0.5|home|openat|ok|r|x\n", i);
	heard_str(&h, bh_buf_text(&b));
	EXPECT_INT(h.opens, 20);
}

static void test_a_share_is_told_with_the_logon_that_led_to_it(void)
{
	heard_str(&h,
		AUTH_1_2("NT_STATUS_OK", "SMB2", "Alice", "WS1", "NTLMv2",
			"50000") "  alice|10.0.0.5|home|connect|ok|home\n  alice|10.0.0.5|home|disconnect|ok|home\n" AUTH_1_2("NT_STATUS_OK",
			"SMB", "Alice", "WS1", "NTLMv1",
			"50001") "  alice|10.0.0.5|home|connect|ok|home\n");
	EXPECT_INT(h.n_rows, 2);
	EXPECT_STR(h.row[0].who,
		"10.0.0.5>10.0.0.9:445 answered ntlm/v2 CORP\\Alice ws=WS1 share=\\\\*\\home");
	EXPECT_INT(h.row[0].connections, 1);
	EXPECT_STR(h.row[1].who,
		"10.0.0.5>10.0.0.9:445 answered ntlm/v1 SMB1 CORP\\Alice ws=WS1 share=\\\\*\\home");
	EXPECT_INT(h.row[1].connections, 1);
}

static void test_what_open_sessions_differ_in_is_not_guessed(void)
{
	heard_str(&h,
		AUTH_1_2("NT_STATUS_OK", "SMB2", "alice", "WS1", "NTLMv2",
			"50000") "  alice|10.0.0.5|home|connect|ok|home\n" AUTH_1_2("NT_STATUS_OK",
			"SMB", "alice", "WS2", "NTLMv1",
			"50001") "  alice|10.0.0.5|home|connect|ok|home\n");
	EXPECT_INT(h.n_rows, 2);
	EXPECT_STR(h.row[1].who, "10.0.0.5>10.0.0.9:445 answered CORP\\alice share=\\\\*\\home");
	/* two logons that led to nothing are both told as they were */
	heard_str(&h, AUTH_1_2("NT_STATUS_OK", "SMB2", "alice", "WS1", "NTLMv2", "50000")
			      AUTH_1_2("NT_STATUS_OK", "SMB", "alice", "WS2", "NTLMv1", "50001"));
	EXPECT_INT(h.n_rows, 2);
	EXPECT_STR(h.row[0].who, "10.0.0.5>10.0.0.9:445 answered ntlm/v2 CORP\\alice ws=WS1");
	EXPECT_STR(h.row[1].who, "10.0.0.5>10.0.0.9:445 answered ntlm/v1 SMB1 CORP\\alice ws=WS2");
}

static void test_the_zone_of_a_json_line_is_that_of_the_headers(void)
{
	heard_str(&h,
		"[2026/01/31 07:00:00.5,  2] ../../auth/auth_log.c:1(x)\n"
		"  {\"timestamp\": \"2026-01-31T07:00:00.5-0500\", \"type\": \"Authentication\", \"Authentication\": "
		"{\"status\": \"NT_STATUS_OK\", \"localAddress\": \"ipv4:10.0.0.9:445\", \"remoteAddress\": "
		"\"ipv4:10.0.0.5:5\", \"serviceDescription\": \"SMB2\", \"clientAccount\": \"a\", \"passwordType\": \"NTLMv2\"}}\n"
		"[2026/01/31 07:00:09.000000,  1, pid=812, effective(0, 0), real(0, 0), class=full_audit] ../x.c:643(do_log)\n"
		"  a|10.0.0.5|connect|ok|home\n");
	EXPECT_INT(h.n, 1);
	EXPECT(h.when.first == (bh_time)1769860809 * BH_SECOND);
}

static void test_a_journal_holds_the_same_lines(void)
{
	heard_str(&h,
		"{\"__REALTIME_TIMESTAMP\":\"1769860800000000\",\"_HOSTNAME\":\"fs1\",\"SYSLOG_IDENTIFIER\":\"smbd_audit\","
		"\"MESSAGE\":\"bob|192.168.2.100|connect|ok|Docs\"}\n"
		"{\"__REALTIME_TIMESTAMP\":\"1769860800000001\",\"_HOSTNAME\":\"fs1\",\"SYSLOG_IDENTIFIER\":\"sshd\","
		"\"MESSAGE\":\"hello\"}\n"
		"{\"__REALTIME_TIMESTAMP\":\"1769860800000001\",\"SYSLOG_IDENTIFIER\":\"smbd\",\"MESSAGE\":"
		"\"{\\\"timestamp\\\": \\\"2026-01-31T12:00:00.5+0000\\\", \\\"type\\\": \\\"Authorization\\\", "
		"\\\"Authorization\\\": {\\\"localAddress\\\": \\\"ipv4:10.0.0.9:445\\\", \\\"remoteAddress\\\": "
		"\\\"ipv4:10.0.0.5:5\\\", \\\"serviceDescription\\\": \\\"SMB2\\\", \\\"authType\\\": \\\"krb5\\\", "
		"\\\"account\\\": \\\"a\\\", \\\"domain\\\": \\\"D\\\"}}\"}\n"
		/* "a|10.0.0.6|openat|ok|r|" and a byte that is no text */
		"{\"MESSAGE\":[97,124,49,48,46,48,46,48,46,54,124,111,112,101,110,97,116,124,111,107,"
		"124,114,124,255],\"_HOSTNAME\":\"fs1\",\"__REALTIME_TIMESTAMP\":\"1769860800000002\"}\n");
	EXPECT_INT(h.kind, BH_LOG_JSON);
	EXPECT_INT(h.n, 4);
	EXPECT_STR(h.line[0], "192.168.2.100>-:445 answered \\bob server=fs1 share=\\\\*\\Docs c1");
	EXPECT_STR(h.line[1], "10.0.0.6>10.0.0.9:445 answered \\a server=fs1");
	EXPECT_STR(h.line[2], "10.0.0.6>10.0.0.9:445 answered \\a server=fs1 o1");
	EXPECT_STR(h.line[3], "10.0.0.5>10.0.0.9:445 answered kerberos D\\a c1");
	EXPECT(h.when.first == (bh_time)1769860800 * BH_SECOND);
}

static void test_json_spread_over_lines(void)
{
	heard_str(&h,
		"{\n  \"timestamp\": \"2026-01-31T12:00:00.5+0000\",\n  \"type\": \"Authorization\",\n"
		"  \"Authorization\": {\n    \"localAddress\": \"ipv4:10.0.0.9:445\",\n    \"remoteAddress\": "
		"\"ipv4:10.0.0.5:5\",\n    \"serviceDescription\": \"SMB2\",\n    \"authType\": \"krb5\",\n"
		"    \"account\": \"a\",\n    \"domain\": \"D\"\n  }\n}\n");
	EXPECT_INT(h.kind, BH_LOG_JSON);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 answered kerberos D\\a c1");
}

static void test_hostile_names_become_texts(void)
{
	heard_str(&h, "smbd_audit: a\033[2Jb\xff|10.0.0.5|connect|ok|x\033y\n"
		      "smbd_audit: a|nowhere|connect|ok|x\n"
		      "smbd_audit: |||connect|ok|x\n"
		      "smbd_audit: nothing of the kind | at all\n");
	EXPECT_INT(h.n, 1);
	EXPECT_STR(h.line[0],
		"10.0.0.5>-:445 answered \\a\xef\xbf\xbd[2Jb\xef\xbf\xbd server=(this log's server) share=\\\\*\\x\xef\xbf\xbdy c1");
	EXPECT_INT(h.counts.unreadable, 3);
}

/* ---- whole logs ---- */

static char *load(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *text = f ? calloc(1, 4 << 20) : NULL;

	*len = text ? fread(text, 1, (4 << 20) - 1, f) : 0;
	if (f)
		fclose(f);
	return text;
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

/* What tests/logs/record had smbclient do. */
static void test_a_log_of_a_real_smbd(void)
{
#define AT "10.98.0.1>10.98.0.2:445 answered "
	size_t len;
	char path[512];

	snprintf(path, sizeof path, "%s/tests/logs/log.smbd",
		getenv("BULKHEAD_SOURCE") ? getenv("BULKHEAD_SOURCE") : ".");
	char *text = load(path, &len);
	EXPECT(text != NULL);
	EXPECT_INT(heard_log(&h, BH_LOG_NONE, text, len, 0, NULL), 0);
	EXPECT_INT(h.kind, BH_LOG_SAMBA);
	EXPECT_STR(bh_buf_text(&h.problems), "");
	EXPECT_INT(h.n_rows, 16);
	expect_row(AT "ntlm/v2 CORP\\games ws=WS1 share=\\\\*\\home", 1, 4);
	expect_row(AT "ntlm/v2 CORP\\games ws=WS1 share=\\\\*\\IPC$ pipe", 2, 0);
	expect_row(AT "ntlm/v2 SMB1 CORP\\games ws=WS1 share=\\\\*\\home", 1, 1);
	expect_row(AT "ntlm/v2 SMB1 CORP\\games ws=WS1 share=\\\\*\\IPC$ pipe", 1, 0);
	expect_row(AT "ntlm/v1 CORP\\games ws=WS1 share=\\\\*\\home", 1, 2);
	expect_row(AT "ntlm/v2 CORP\\backup ws=WS1 auth-status=c000006a", 1, 0);
	expect_row(
		"fd00:98::1>fd00:98::2:445 answered ntlm/v2 CORP\\backup ws=WS1 share=\\\\*\\home",
		1, 2);
	expect_row(AT "ntlm/v2 guest CORP\\stranger ws=WS1 share=\\\\*\\open", 1, 2);
	expect_row(AT "ntlm guest CORP\\root ws=WS1 share=\\\\*\\IPC$ pipe", 1, 0);
	expect_row(
		"10.98.0.1>10.98.0.2:139 nbss139 answered ntlm/v2 CORP\\games ws=WS1 share=\\\\*\\open",
		1, 2);
	if (text) {
		heard_in_pieces(BH_LOG_SAMBA, text, len);
		heard_cut_off(BH_LOG_SAMBA, text, len, 509);
	}
	free(text);
}

static size_t times(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void test_the_corpus_counts_as_a_plain_search_counts(void)
{
	const char *root = getenv("BULKHEAD_CORPUS"), *source = getenv("BULKHEAD_SOURCE");
	char path[512];
	size_t len;

	snprintf(path, sizeof path, "%s%s/samba-logs/smbd-audit-4.17.txt",
		root     ? root
		: source ? source
			 : ".",
		root ? "" : "/../shared/corpus");
	char *text = load(path, &len);
	if (!text) {
		printf("# no corpus: not run\n");
		return;
	}
	BH_AUTO_BUF kinds = { 0 };
	EXPECT_INT(heard_log(&h, BH_LOG_NONE, text, len, 0, NULL), 0);
	bh_buf_printf(&kinds,
		"samba Authentication 0: %zu\nfull_audit connect 0: %zu\nfull_audit disconnect 0: %zu\n"
		"full_audit openat 0: %zu\nfull_audit create_file 0: %zu\nfull_audit unlinkat 0: %zu\n",
		times(text, "\"eventId\": 4624"), times(text, "|connect|ok|"),
		times(text, "|disconnect|ok|"), times(text, "|openat|"),
		times(text, "|create_file|"), times(text, "|unlinkat|"));
	EXPECT_STR(bh_buf_text(&h.kinds), bh_buf_text(&kinds));
	EXPECT_STR(bh_buf_text(&h.problems), "");
	EXPECT_INT(h.connections, times(text, "|connect|ok|"));
	EXPECT_INT(h.opens, times(text, "|create_file|ok|"));
	heard_in_pieces(BH_LOG_SAMBA, text, len);
	free(text);
}

int main(void)
{
	RUN(test_a_logon_is_a_row_of_its_own_without_a_share);
	RUN(test_the_oldest_form_with_its_prefix);
	RUN(test_the_program_may_stand_before_it);
	RUN(test_ipv6_and_the_old_protocol);
	RUN(test_kerberos_is_told_by_its_grant_alone);
	RUN(test_a_logon_and_its_grant_count_once);
	RUN(test_who_is_refused_by_name_may_come_in_as_a_guest);
	RUN(test_other_services_are_not_smb);
	RUN(test_each_lie_of_an_authentication_is_counted);
	RUN(test_syslog_in_all_its_forms);
	RUN(test_of_what_is_written_now_the_time_is_known);
	RUN(test_without_the_year_a_time_is_not_known);
	RUN(test_the_default_prefix_names_no_share_but_in_connect);
	RUN(test_what_audit_samba_has_it_print_needs_no_declaration);
	RUN(test_a_workstation_is_written_as_its_client_wrote_it);
	RUN(test_a_declared_prefix_is_believed);
	RUN(test_a_prefix_that_cannot_be_read_is_refused);
	RUN(test_openat_counts_only_where_nobody_logs_create_file);
	RUN(test_a_share_is_told_with_the_logon_that_led_to_it);
	RUN(test_what_open_sessions_differ_in_is_not_guessed);
	RUN(test_the_zone_of_a_json_line_is_that_of_the_headers);
	RUN(test_a_journal_holds_the_same_lines);
	RUN(test_json_spread_over_lines);
	RUN(test_hostile_names_become_texts);
	RUN(test_a_log_of_a_real_smbd);
	RUN(test_the_corpus_counts_as_a_plain_search_counts);
	heard_reset(&h);
	return tap_done();
}

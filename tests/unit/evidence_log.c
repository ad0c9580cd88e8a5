/*
 * The door: what a file is, and that any log can be read through it.
 */
#include "heard.h"

static struct heard h;

static const struct {
	const char *text;
	enum bh_log_kind kind;
} files[] = {
	{ "", BH_LOG_NONE },
	{ "hello\nworld\n", BH_LOG_NONE },
	{ "\x7f"
	  "ELF\2\1\1",
		BH_LOG_NONE },
	{ "#!/bin/sh\necho x | connect | ok\n", BH_LOG_NONE },
	{ "<html><body>", BH_LOG_NONE },
	{ "name,size,date\na,1,2\n", BH_LOG_NONE },
	{ "Jan 31 12:00:00 fs1 systemd[1]: Started.\n", BH_LOG_NONE },
	{ "<?xml version=\"1.0\"?>\n<Events><Event xmlns='x'>", BH_LOG_XML },
	{ "  <Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>", BH_LOG_XML },
	{ "\xef\xbb\xbf<Events>", BH_LOG_XML },
	{ "{\"EventID\":5140}", BH_LOG_JSON },
	{ "{\n  \"EventID\": 5140\n}", BH_LOG_JSON },
	{ "{\n", BH_LOG_JSON },
	{ "[{\"EventID\":5140}]", BH_LOG_JSON },
	{ "[\n  {", BH_LOG_JSON },
	{ "[1, 2]", BH_LOG_NONE },
	{ "words\n{\"EventID\":5140}", BH_LOG_NONE },
	{ "{\"timestamp\":\"2026-01-31T12:00:00+0000\",\"event_type\":\"smb\"}", BH_LOG_JSON },
	{ "{\"timestamp\": \"2026\", \"type\": \"Authentication\", \"Authentication\": {",
		BH_LOG_SAMBA },
	{ "TimeGenerated,Computer,EventID\n", BH_LOG_CSV },
	{ "\"TimeGenerated [UTC]\",\"Computer\",\"EventID\"\n", BH_LOG_CSV },
	{ "#TYPE x\r\n\"Id\";\"EventId\";\"Computer\"\r\n", BH_LOG_CSV },
	{ "@timestamp,winlog.event_id,winlog.computer_name\n", BH_LOG_CSV },
	{ "#Version: 1.5\r\n#Software: Microsoft Windows Firewall\r\n", BH_LOG_PFIREWALL },
	{ "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time s-ip cs-method\n",
		BH_LOG_NONE },
	{ "#separator \\x09\n#set_separator\t,\n", BH_LOG_ZEEK },
	{ "### a test's remark\n#separator \\x09\n", BH_LOG_ZEEK },
	{ "[2026/01/31 12:00:00.123456,  3] ../../source3/smbd/service.c:1(x)\n", BH_LOG_SAMBA },
	{ "Jan 31 12:00:00 fs1 systemd[1]: x\nJan 31 12:00:00 fs1 smbd_audit: a|10.0.0.1|connect|ok|x\n",
		BH_LOG_SAMBA },
	{ "<13>1 2026-01-31T12:00:00Z fs1 smbd_audit 1 - - a|10.0.0.1|connect|ok|x\n",
		BH_LOG_SAMBA },
	{ "  a|10.0.0.1|connect|ok|x\n", BH_LOG_SAMBA },
	{ "{\"__REALTIME_TIMESTAMP\":\"1\",\"MESSAGE\":\"smbd_audit: a|b\"}\n", BH_LOG_JSON },
};

static void test_a_file_is_known_by_its_content(void)
{
	for (size_t i = 0; i < BH_LEN(files); i++) {
		enum bh_log_kind kind =
			bh_log_sniff(bh_span_of(files[i].text, strlen(files[i].text)));
		if (kind != files[i].kind)
			printf("# %s\n", files[i].text);
		EXPECT_INT(kind, files[i].kind);
	}
	EXPECT_INT(bh_log_sniff(bh_span_of("ElfFile\0\0\0\0\0\0\0\0\0", 16)), BH_LOG_EVTX);
	EXPECT_INT(bh_log_sniff(bh_span_of("\xff\xfe<\0E\0v\0e\0n\0t\0", 14)), BH_LOG_XML);
	EXPECT_INT(bh_log_sniff(bh_span_of("\0{\0\"\0a\0\"", 8)), BH_LOG_JSON);
	EXPECT_INT(bh_log_sniff((struct bh_span){ 0 }), BH_LOG_NONE);
	for (int i = 0; i < BH_LOG_KINDS; i++)
		EXPECT(bh_log_kind_names[i] != NULL);
}

static void test_no_kind_is_no_log(void)
{
	const struct bh_log_options o = { .seed = 1 };
	struct bh_log *l = NULL;

	EXPECT_INT(bh_log_new(BH_LOG_NONE, &o, &heard_sink, &h, &l), -EINVAL);
	EXPECT_INT(bh_log_new(BH_LOG_KINDS, &o, &heard_sink, &h, &l), -EINVAL);
	EXPECT(l == NULL && bh_log_free(NULL) == NULL);
}

static const char xml[] =
	"<Events><Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
	"<Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>5140</EventID>"
	"<TimeCreated SystemTime='2026-01-31T12:00:00.000Z'/><EventRecordID>1</EventRecordID>"
	"<Channel>Security</Channel><Computer>fs1.corp.example</Computer></System><EventData>"
	"<Data Name='SubjectUserName'>alice</Data><Data Name='SubjectDomainName'>CORP</Data>"
	"<Data Name='IpAddress'>10.0.0.5</Data><Data Name='IpPort'>50000</Data>"
	"<Data Name='ShareName'>\\\\*\\Public</Data></EventData></Event>\n"
	"<Event><System><EventID>17</EventID></System></Eve></Events>";

static void test_xml_goes_through_the_same_door(void)
{
	heard_str(&h, xml);
	EXPECT_INT(h.kind, BH_LOG_XML);
	EXPECT_INT(h.n, 1);
	EXPECT_STR(h.line[0],
		"10.0.0.5>-:445 answered CORP\\alice server=fs1.corp.example share=\\\\*\\Public c1");
	EXPECT_INT(h.counts.unreadable, 1);
	heard_in_pieces(BH_LOG_XML, xml, sizeof xml - 1);
	heard_cut_off(BH_LOG_XML, xml, sizeof xml - 1, 1);
}

/* 4624 names the mechanism of a logon by number, 5140 the share of that number. */
static void test_a_share_is_told_with_the_mechanism_of_its_logon(void)
{
#define SECURITY                                                                                   \
	"\"SourceName\":\"Microsoft-Windows-Security-Auditing\",\"Hostname\":\"fs1\",\"EventTime\":\"2026-01-31 12:00:00\","
	heard_str(&h,
		"{" SECURITY
		"\"EventID\":4624,\"TargetUserName\":\"alice\",\"TargetDomainName\":\"CORP\","
		"\"TargetLogonId\":\"0x77\",\"LogonType\":\"3\",\"AuthenticationPackageName\":\"NTLM\","
		"\"LmPackageName\":\"NTLM V2\",\"WorkstationName\":\"WS1\",\"IpAddress\":\"10.0.0.5\",\"IpPort\":\"50000\"}\n"
		"{" SECURITY
		"\"EventID\":5140,\"SubjectUserName\":\"alice\",\"SubjectDomainName\":\"CORP\","
		"\"SubjectLogonId\":\"0x77\",\"IpAddress\":\"10.0.0.5\",\"IpPort\":\"50000\",\"ShareName\":\"\\\\\\\\*\\\\C$\"}\n");
	EXPECT_INT(h.n, 1);
	EXPECT_STR(h.line[0],
		"10.0.0.5>-:445 answered ntlm/v2 CORP\\alice ws=WS1 server=fs1 share=\\\\*\\C$ c1");
	EXPECT_STR(bh_buf_text(&h.names), "10.0.0.5 WS1\n");
}

static char *load(const char *path, size_t *len)
{
	const size_t most = 8u << 20;
	FILE *f = fopen(path, "rb");
	char *text = f ? malloc(most) : NULL;

	*len = text ? fread(text, 1, most, f) : 0;
	if (f)
		fclose(f);
	return text;
}

static void test_event_logs_go_through_the_same_door(void)
{
	static const char *const names[] = { "deep", "smb", "types", "userdata" };
	const char *source = getenv("BULKHEAD_SOURCE");
	char path[512];
	size_t len;

	for (size_t i = 0; i < BH_LEN(names); i++) {
		snprintf(path, sizeof path, "%s/tests/fuzz/corpus/evtx/%s.evtx",
			source ? source : ".", names[i]);
		char *text = load(path, &len);
		EXPECT(text != NULL && len > 4096);
		if (!text)
			continue;
		EXPECT_INT(heard_log(&h, BH_LOG_NONE, text, len, 0, NULL), 0);
		EXPECT_INT(h.kind, BH_LOG_EVTX);
		EXPECT(h.counts.records > 0);
		heard_in_pieces(BH_LOG_EVTX, text, len);
		heard_cut_off(BH_LOG_EVTX, text, len, 1009);
		free(text);
	}
}

static void test_who_says_stop_ends_the_reading(void)
{
	h.stop_after = 2;
	EXPECT_INT(
		heard_log(&h, BH_LOG_SAMBA,
			"a|10.0.0.1|connect|ok|x\na|10.0.0.1|connect|ok|x\na|10.0.0.1|connect|ok|x\n",
			72, 0, NULL),
		-ECANCELED);
	EXPECT_INT(h.n, 2);
	h.stop_after = 0;
}

/* Live: counts are told again and again, and what waited is told once. */
static void test_telling_in_between_does_no_harm(void)
{
	static const char logon[] =
		"{\"timestamp\": \"2026-01-31T12:00:00.5+0000\", \"type\": \"Authorization\", \"Authorization\": {\"localAddress\": "
		"\"ipv4:10.0.0.9:445\", \"remoteAddress\": \"ipv4:10.0.0.5:5\", \"serviceDescription\": \"SMB2\", "
		"\"authType\": \"krb5\", \"account\": \"a\", \"domain\": \"D\"}}\n";
	const struct bh_log_options o = { .seed = 1 };
	BH_AUTO(bh_log) l = NULL;

	heard_reset(&h);
	EXPECT_INT(bh_log_new(BH_LOG_SAMBA, &o, &heard_sink, &h, &l), 0);
	EXPECT_INT(bh_log_feed(l, bh_span_of(logon, sizeof logon - 1)), 0);
	EXPECT_INT(h.n, 0);
	EXPECT_INT(bh_log_tell(l, (bh_time)1769860800 * BH_SECOND), 0);
	EXPECT_INT(h.n, 0); /* it is younger, and a share may come */
	EXPECT_INT(bh_log_tell(l, (bh_time)1769860801 * BH_SECOND), 0);
	EXPECT_INT(h.n, 1);
	EXPECT_INT(bh_log_tell(l, INT64_MAX), 0);
	EXPECT_INT(bh_log_feed(l, bh_span_of("a|10.0.0.5|connect|ok|x\n", 24)), 0);
	EXPECT_INT(bh_log_end(l), 0);
	EXPECT_INT(h.n, 2);
	EXPECT_STR(h.line[1], "10.0.0.5>10.0.0.9:445 answered kerberos D\\a share=\\\\*\\x c1");
	EXPECT_STR(bh_buf_text(&h.kinds), "samba Authorization 0: 1\nfull_audit connect 0: 1\n");
}

static void test_problems_are_counted_all_and_told_in_part(void)
{
	BH_AUTO_BUF b = { 0 };
	size_t told = 0;

	for (unsigned i = 0; i < 1000; i++)
		bh_buf_str(&b, "smbd_audit: none\n");
	EXPECT_INT(heard_log(&h, BH_LOG_SAMBA, b.ptr, b.len, 0, NULL), 0);
	EXPECT_INT(h.counts.unreadable, 1000);
	for (const char *at = bh_buf_text(&h.problems); *at; at++)
		told += *at == '\n';
	EXPECT_INT(told, 16);
	EXPECT(!strncmp(bh_buf_text(&h.problems), "0: ", 3));
}

/* Kinds and sessions are tables of fixed size. */
static void test_a_flood_of_kinds_and_sessions_is_bounded(void)
{
	const struct bh_log_options few = { .seed = 1, .sessions = 4 };
	BH_AUTO_BUF b = { 0 };

	for (unsigned i = 0; i < 3000; i++)
		bh_buf_printf(&b,
			"{\"EventID\":%u,\"SourceName\":\"P%u\xff\",\"Hostname\":\"x\"}\n", i, i);
	EXPECT_INT(heard_log(&h, BH_LOG_JSON, b.ptr, b.len, 0, NULL), 0);
	EXPECT(strstr(bh_buf_text(&h.kinds), "(others) 0: 1976 unread\n") != NULL);
	EXPECT_INT(h.counts.records, 3000);
	bh_buf_reset(&b);
	for (unsigned i = 0; i < 100; i++)
		bh_buf_printf(&b,
			"{\"timestamp\": \"2026-01-31T12:00:00.5+0000\", \"type\": \"Authorization\", \"Authorization\": "
			"{\"localAddress\": \"ipv4:10.0.0.9:445\", \"remoteAddress\": \"ipv4:10.0.0.5:5\", "
			"\"serviceDescription\": \"SMB2\", \"authType\": \"krb5\", \"account\": \"u%u\", \"domain\": \"D\"}}\n",
			i);
	EXPECT_INT(heard_log(&h, BH_LOG_SAMBA, b.ptr, b.len, 0, &few), 0);
	EXPECT_INT(h.n, 100);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 answered kerberos D\\u0 c1");
	EXPECT_STR(h.line[63], "10.0.0.5>10.0.0.9:445 answered kerberos D\\u63 c1");
}

static uint32_t next(uint32_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	return *s ^= *s << 5;
}

/* Bytes that are next to a log: its own lines with some of them changed. */
static void test_noise_is_read_alike_in_any_pieces(void)
{
	char text[4096];
	uint32_t s = 445;

	for (unsigned round = 0; round < 60; round++) {
		size_t n = 0;
		while (n < 3000) {
			const char *one = files[next(&s) % BH_LEN(files)].text;
			size_t len = strlen(one);
			memcpy(text + n, one, len);
			n += len;
			if (next(&s) % 2)
				text[n++] = '\n';
		}
		for (unsigned i = 0; i < 40; i++)
			text[next(&s) % n] = (char)next(&s);
		for (int kind = BH_LOG_XML; kind < BH_LOG_KINDS; kind++)
			heard_in_pieces((enum bh_log_kind)kind, text, n);
	}
}

int main(void)
{
	RUN(test_a_file_is_known_by_its_content);
	RUN(test_no_kind_is_no_log);
	RUN(test_xml_goes_through_the_same_door);
	RUN(test_a_share_is_told_with_the_mechanism_of_its_logon);
	RUN(test_event_logs_go_through_the_same_door);
	RUN(test_who_says_stop_ends_the_reading);
	RUN(test_telling_in_between_does_no_harm);
	RUN(test_problems_are_counted_all_and_told_in_part);
	RUN(test_a_flood_of_kinds_and_sessions_is_bounded);
	RUN(test_noise_is_read_alike_in_any_pieces);
	heard_reset(&h);
	return tap_done();
}

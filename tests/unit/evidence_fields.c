#include "base/buf.h"
#include "evidence/fields.h"
#include "evidence/said.h"
#include "evidence/when.h"
#include "tap.h"

static struct bh_fields fields;

static const char *json(const char *text, const char *prefix, struct bh_buf *b)
{
	bh_fields_reset(&fields);
	if (bh_json_fields(bh_span_of(text, strlen(text)), prefix, &fields))
		return "refused";
	for (size_t i = 0; i < fields.n; i++) {
		bh_buf_add(b, fields.v[i].name.ptr, fields.v[i].name.len);
		bh_buf_str(b, fields.v[i].text.ptr ? "=" : "?");
		bh_buf_add(b, fields.v[i].text.ptr, fields.v[i].text.len);
		bh_buf_str(b, ";");
	}
	return bh_buf_text(b);
}

#define EXPECT_JSON(text, want)                                                                    \
	do {                                                                                       \
		BH_AUTO_BUF b_ = { 0 };                                                            \
		EXPECT_STR(json(text, "", &b_), want);                                             \
	} while (0)

static void test_an_object_is_told_flat(void)
{
	EXPECT_JSON("{\"a\":{\"b\":{\"c\":\"x\"},\"d\":1.5e3},\"e\":null,\"f\":true}",
		"a.b.c=x;a.d=1.5e3;e?;f=true;");
	EXPECT_JSON("{\"a\":[\"x\",\"y\",{\"b\":1}],\"c\":[]}", "a=x;a=y;a.b=1;");
	EXPECT_JSON("[1,\"two\",null,{\"a\":[3]}]", "0=1;1=two;2?;3.a=3;");
	EXPECT_JSON(" {} ", "");
	EXPECT_JSON("{\"a\":\"\"}", "a=;");
}

static void test_a_message_of_bytes_is_a_text(void)
{
	EXPECT_JSON("{\"MESSAGE\":[97,124 , 1,255],\"b\":\"c\"}", "MESSAGE=a|\x01\xff;b=c;");
	EXPECT_JSON("{\"MESSAGE\":[\"a\",98]}", "MESSAGE=a;MESSAGE=98;");
	EXPECT_JSON("{\"MESSAGE\":[97,256]}", "MESSAGE=97;MESSAGE=256;");
	EXPECT_JSON("{\"MESSAGE\":[]}", "");
	EXPECT_JSON("{\"MESSAGES\":[97]}", "MESSAGES=97;");
	EXPECT_JSON("{\"a\":{\"MESSAGE\":[97]}}", "a.MESSAGE=97;");
	EXPECT_JSON("{\"MESSAGE\":[97,98", "refused");
}

static void test_escapes_are_resolved(void)
{
	EXPECT_JSON("{\"a\":\"\\\\\\\\*\\\\IPC$\\n\\\"\\/\"}", "a=\\\\*\\IPC$\n\"/;");
	EXPECT_JSON("{\"\\u0061b\":\"\\u00e4\\u20ac\\ud83d\\ude00\"}",
		"ab=\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80;");
	EXPECT_JSON("{\"a\":\"\\ud83dx\\ude00\"}", "a=\xef\xbf\xbdx\xef\xbf\xbd;");
}

static void test_a_prefix_stands_before_all_names(void)
{
	BH_AUTO_BUF b = { 0 };

	EXPECT_STR(json("{\"a\":1,\"b\":{\"c\":2}}", "EventData.", &b),
		"EventData.a=1;EventData.b.c=2;");
}

static void test_what_is_no_json_is_refused(void)
{
	static const char *const bad[] = { "", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
		"{a:1}", "{\"a\":1}}", "{\"a\":1} x", "[1,]", "[1 2]", "{\"a\":tru}",
		"{\"a\":nulll}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"",
		"{\"a\":1 \"b\":2}", "\"a", "{,}", "[,1]" };

	for (size_t i = 0; i < BH_LEN(bad); i++) {
		bh_fields_reset(&fields);
		int r = bh_json_fields(bh_span_of(bad[i], strlen(bad[i])), "", &fields);
		if (!r)
			printf("# read: %s\n", bad[i]);
		EXPECT_INT(r, -EBADMSG);
	}
}

static void test_every_truncation_is_refused(void)
{
	static const char whole[] = "{\"a\":{\"b\":[1,\"x\\u00e4\",{\"c\":null}]},\"d\":\"e\"}";

	for (size_t cut = 0; cut < sizeof whole - 1; cut++) {
		bh_fields_reset(&fields);
		EXPECT_INT(bh_json_fields(bh_span_of(whole, cut), "", &fields), -EBADMSG);
	}
}

static void nested(struct bh_buf *b, unsigned depth)
{
	bh_buf_str(b, "{\"a\":");
	for (unsigned i = 1; i < depth; i++)
		bh_buf_str(b, "[");
	bh_buf_str(b, "1");
	for (unsigned i = 1; i < depth; i++)
		bh_buf_str(b, "]");
	bh_buf_str(b, "}");
}

static void test_depth_and_number_have_limits(void)
{
	BH_AUTO_BUF deep = { 0 };
	BH_AUTO_BUF deeper = { 0 };
	BH_AUTO_BUF many = { 0 };

	nested(&deep, 32);
	bh_fields_reset(&fields);
	EXPECT_INT(bh_json_fields(bh_span_of(deep.ptr, deep.len), "", &fields), 0);
	EXPECT_INT(fields.n, 1);
	nested(&deeper, 33);
	EXPECT_INT(bh_json_fields(bh_span_of(deeper.ptr, deeper.len), "", &fields), -EBADMSG);
	bh_buf_str(&many, "{\"a\":[0");
	for (unsigned i = 0; i < 100000; i++)
		bh_buf_str(&many, ",\"\\n\"");
	bh_buf_str(&many, "]}");
	bh_fields_reset(&fields);
	EXPECT_INT(bh_json_fields(bh_span_of(many.ptr, many.len), "", &fields), 0);
	EXPECT_INT(fields.n, BH_FIELDS_MAX);
	EXPECT(fields.used <= sizeof fields.scratch);
}

static void test_the_first_of_several_is_taken(void)
{
	BH_AUTO_BUF b = { 0 };
	static const char *const names[] = { "x", "a", "b", NULL };

	json("{\"a\":null,\"b\":\"1\",\"a\":\"2\",\"a\":\"3\"}", "", &b);
	EXPECT(bh_event_is(bh_fields_get(&fields, "a"), "2"));
	EXPECT(bh_event_is(bh_fields_any(&fields, names), "2"));
	EXPECT(!bh_fields_has(&fields, "c"));
}

/* ---- times ---- */

static const char *when(int (*read)(struct bh_span, int32_t, bh_time *), const char *text,
	int32_t east, struct bh_buf *b)
{
	bh_time t = 0;

	if (read(bh_span_of(text, strlen(text)), east, &t))
		return "refused";
	bh_time_format(t, b);
	return bh_buf_text(b);
}

#define EXPECT_WHEN(read, text, east, want)                                                        \
	do {                                                                                       \
		BH_AUTO_BUF b_ = { 0 };                                                            \
		EXPECT_STR(when(read, text, east, &b_), want);                                     \
	} while (0)

static void test_times_are_read_as_logs_write_them(void)
{
	EXPECT_WHEN(
		bh_when_iso, "2026-01-31T12:00:00.1234567Z", 7200, "2026-01-31T12:00:00.123456Z");
	EXPECT_WHEN(bh_when_iso, "2026-01-31T12:00:00+0100", 0, "2026-01-31T11:00:00Z");
	EXPECT_WHEN(bh_when_iso, "2026-01-31 12:00:00-05:30", 0, "2026-01-31T17:30:00Z");
	EXPECT_WHEN(bh_when_iso, "2026/01/31 12:00:00.5", 3600, "2026-01-31T11:00:00.500000Z");
	EXPECT_WHEN(bh_when_iso, "2026-01-31 12:00:00 UTC", 3600, "2026-01-31T12:00:00Z");
	EXPECT_WHEN(bh_when_table, "2/25/2025, 9:19:25.391 AM", 0, "2025-02-25T09:19:25.391000Z");
	EXPECT_WHEN(bh_when_table, "2/25/2025, 12:19:25 AM", 0, "2025-02-25T00:19:25Z");
	EXPECT_WHEN(bh_when_table, "12/5/2025, 12:19:25.000 PM", 0, "2025-12-05T12:19:25Z");
	EXPECT_WHEN(bh_when_table, "Jan 31, 2026 @ 12:00:00.123", 0, "2026-01-31T12:00:00.123000Z");
	EXPECT_WHEN(bh_when, "1769860800.25", 0, "2026-01-31T12:00:00.250000Z");
	EXPECT_WHEN(bh_when, "1769860800", 0, "2026-01-31T12:00:00Z");
	EXPECT_WHEN(bh_when, "1769860800123", 0, "2026-01-31T12:00:00.123000Z");
	EXPECT_WHEN(bh_when, "1769860800123456", 0, "2026-01-31T12:00:00.123456Z");
}

static void test_what_is_no_time_is_refused(void)
{
	static const char *const bad[] = { "", "2026", "2026-01-31", "2026-02-30 12:00:00",
		"2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00Z",
		"2026-01-31T12:00:00Zx", "2026-01-31T12:00:00+1", "2026-01/31 12:00:00",
		"1960-01-01T00:00:00Z", "2400-01-01T00:00:00Z", "13/1/2025, 9:19:25 AM",
		"2/25/2025, 13:19:25 AM", "-5", "99999999999", "Foo 31, 2026 @ 12:00:00" };

	for (size_t i = 0; i < BH_LEN(bad); i++)
		EXPECT_WHEN(bh_when, bad[i], 0, "refused");
}

static const char *syslog(const char *text, const char *modified, struct bh_buf *b)
{
	bh_time m = 0, t = 0;

	if (bh_when_iso(bh_span_of(modified, strlen(modified)), 0, &m))
		return "no test";
	int r = bh_when_syslog(bh_span_of(text, strlen(text)), 0, m, &t);
	if (r)
		return "refused";
	bh_time_format(t, b);
	return bh_buf_text(b);
}

static void test_the_year_that_syslog_leaves_out_is_the_latest_possible(void)
{
	static const char *const cases[][3] = {
		{ "Jan 15 14:23:45", "2026-03-01T00:00:00Z", "2026-01-15T14:23:45Z" },
		{ "Jan  5 14:23:45", "2026-03-01T00:00:00Z", "2026-01-05T14:23:45Z" },
		{ "Dec 31 23:59:59", "2026-01-01T00:10:00Z", "2025-12-31T23:59:59Z" },
		{ "Jan  1 00:20:00", "2026-01-01T00:10:00Z", "2026-01-01T00:20:00Z" },
		{ "Feb 29 12:00:00", "2026-01-01T00:10:00Z", "2024-02-29T12:00:00Z" },
		{ "Feb 30 12:00:00", "2026-01-01T00:10:00Z", "refused" },
		{ "Jan 15 14:23", "2026-01-01T00:10:00Z", "refused" },
	};
	bh_time t;

	for (size_t i = 0; i < BH_LEN(cases); i++) {
		BH_AUTO_BUF b = { 0 };
		EXPECT_STR(syslog(cases[i][0], cases[i][1], &b), cases[i][2]);
	}
	EXPECT_INT(bh_when_syslog(bh_span_of("Jan 15 14:23:45", 15), 0, 0, &t), -ENOENT);
}

/* ---- texts and numbers ---- */

static const char *clean(const char *text, char *ret, size_t size)
{
	bh_said_text(bh_span_of(text, strlen(text)), ret, size);
	return ret;
}

static void test_texts_are_cleaned_and_cut_at_a_character(void)
{
	char b[8];

	EXPECT_STR(clean("abc", b, sizeof b), "abc");
	EXPECT_STR(clean("a\033[2J", b, sizeof b), "a\xef\xbf\xbd[2J");
	EXPECT_STR(clean("a\xc2\x9bx", b, sizeof b), "a\xef\xbf\xbdx");
	EXPECT_STR(clean("\xe4\xf6", b, sizeof b), "\xef\xbf\xbd\xef\xbf\xbd"); /* Latin 1 */
	EXPECT_STR(clean("abcde\xe2\x82\xac", b, sizeof b), "abcde");
	EXPECT_STR(clean("\xed\xa0\x80", b, sizeof b), "\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_addresses_have_many_forms(void)
{
	static const char *const cases[][2] = { { "10.0.0.1", "10.0.0.1" },
		{ "::ffff:10.0.0.1", "10.0.0.1" }, { "fe80::1%eth0", "fe80::1" },
		{ "fe80::1%12", "fe80::1" }, { "[fd00::1]", "fd00::1" }, { "::1", "::1" } };
	static const char *const bad[] = { "", "-", "10.0.0", "10.0.0.256", "host", "[", "[]",
		"%eth0" };
	char text[BH_ADDR_TEXT];
	struct bh_addr a;

	for (size_t i = 0; i < BH_LEN(cases); i++) {
		EXPECT_INT(bh_said_addr(bh_span_of(cases[i][0], strlen(cases[i][0])), &a), 0);
		EXPECT_STR(bh_addr_format(&a, text), cases[i][1]);
	}
	for (size_t i = 0; i < BH_LEN(bad); i++)
		EXPECT_INT(bh_said_addr(bh_span_of(bad[i], strlen(bad[i])), &a), -EINVAL);
}

static void test_statuses_are_known_by_name_and_number(void)
{
	uint32_t s = 1;

	EXPECT_INT(bh_said_status(bh_span_of("NT_STATUS_OK", 12), &s), 0);
	EXPECT_INT(s, 0);
	EXPECT_INT(bh_said_status(bh_span_of("STATUS_LOGON_FAILURE", 20), &s), 0);
	EXPECT(s == 0xc000006d);
	EXPECT_INT(bh_said_status(bh_span_of("0xc0000022", 10), &s), 0);
	EXPECT(s == 0xc0000022);
	EXPECT_INT(bh_said_status(bh_span_of("NT_STATUS_NEVER_HEARD", 21), &s), -EINVAL);
	EXPECT_INT(bh_said_status(bh_span_of("0x100000000", 11), &s), -EINVAL);
}

int main(void)
{
	RUN(test_an_object_is_told_flat);
	RUN(test_a_message_of_bytes_is_a_text);
	RUN(test_escapes_are_resolved);
	RUN(test_a_prefix_stands_before_all_names);
	RUN(test_what_is_no_json_is_refused);
	RUN(test_every_truncation_is_refused);
	RUN(test_depth_and_number_have_limits);
	RUN(test_the_first_of_several_is_taken);
	RUN(test_times_are_read_as_logs_write_them);
	RUN(test_what_is_no_time_is_refused);
	RUN(test_the_year_that_syslog_leaves_out_is_the_latest_possible);
	RUN(test_texts_are_cleaned_and_cut_at_a_character);
	RUN(test_addresses_have_many_forms);
	RUN(test_statuses_are_known_by_name_and_number);
	return tap_done();
}

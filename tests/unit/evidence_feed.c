#include "base/buf.h"
#include "evidence/feed.h"
#include "tap.h"

static int hear(void *ctx, const struct bh_record *r)
{
	struct bh_buf *b = ctx;

	bh_buf_printf(b, "%llu", (unsigned long long)r->offset);
	if (r->place)
		bh_buf_printf(b, "%c",
			".hcr"[r->place == BH_RECORD_COLUMNS   ? 1
				: r->place == BH_RECORD_COLUMN ? 2
							       : 3]);
	if (!r->bytes.ptr)
		bh_buf_str(b, "!");
	bh_buf_str(b, " ");
	bh_buf_add(b, r->bytes.ptr, bh_min_size(r->bytes.len, 60));
	bh_buf_str(b, "\n");
	return 0;
}

/* Whole, and byte by byte, and in threes: the same. */
static void expect(enum bh_split how, const void *text, size_t len, const char *want)
{
	static const size_t steps[] = { 1, 3, SIZE_MAX };

	for (size_t i = 0; i < BH_LEN(steps); i++) {
		struct bh_cur c = bh_cur_of(bh_span_of(text, len));
		BH_AUTO_BUF b = { 0 };
		struct bh_feed *f = NULL;
		EXPECT_INT(bh_feed_new(how, hear, &b, &f), 0);
		while (bh_cur_left(&c))
			EXPECT_INT(
				bh_feed(f, bh_cur_take(&c, bh_min_size(steps[i], bh_cur_left(&c)))),
				0);
		EXPECT_INT(bh_feed_end(f), 0);
		bh_feed_free(f);
		EXPECT_STR(bh_buf_text(&b), want);
	}
}

#define EXPECT_RECORDS(how, text, want) expect(how, text, sizeof text - 1, want)

static void test_lines_end_as_unix_or_windows_ends_them(void)
{
	EXPECT_RECORDS(BH_SPLIT_LINES, "one\ntwo\r\n\n\r\nthree", "0 one\n4 two\n12 three\n");
	EXPECT_RECORDS(BH_SPLIT_LINES, "", "");
	EXPECT_RECORDS(BH_SPLIT_LINES, "x", "0 x\n");
}

static void test_marks_vanish_and_utf16_becomes_utf8(void)
{
	EXPECT_RECORDS(BH_SPLIT_LINES, "\xef\xbb\xbfone\ntwo\n", "3 one\n7 two\n");
	EXPECT_RECORDS(BH_SPLIT_LINES,
		"\xff\xfe"
		"a\0\xe4\0\n\0\x3d\xd8\0\xdez\0",
		"2 a\xc3\xa4\n8 \xf0\x9f\x98\x80z\n");
	EXPECT_RECORDS(BH_SPLIT_LINES, "\xfe\xff\0a\0\n\0b", "2 a\n6 b\n");
	EXPECT_RECORDS(BH_SPLIT_LINES, "a\0\n\0b\0", "0 a\n4 b\n"); /* without a mark */
	/* half a pair, and half a character at the end */
	EXPECT_RECORDS(BH_SPLIT_LINES,
		"\xff\xfe"
		"a\0\0\xd8z\0q",
		"2 a\xef\xbf\xbdz\n");
}

static void test_a_row_of_csv_may_hold_line_ends(void)
{
	EXPECT_RECORDS(BH_SPLIT_CSV, "a,b\r\n\"1\n2\",\"say \"\"x\"\"\"\r\n3,4",
		"0 a,b\n5 \"1\n2\",\"say \"\"x\"\"\"\n24 3,4\n");
}

static void test_json_values_come_one_by_one(void)
{
	EXPECT_RECORDS(BH_SPLIT_JSON, "{\"a\":1}\n{\"b\":\"}\\\"{\"}\n",
		"0 {\"a\":1}\n8 {\"b\":\"}\\\"{\"}\n");
	EXPECT_RECORDS(BH_SPLIT_JSON, "{\"a\":\n [1,\n {\"b\":2}]\n}",
		"0 {\"a\":\n [1,\n {\"b\":2}]\n}\n");
	EXPECT_RECORDS(BH_SPLIT_JSON, "[{\"a\":1},\n {\"b\":2}]", "1 {\"a\":1}\n11 {\"b\":2}\n");
	EXPECT_RECORDS(
		BH_SPLIT_JSON, "\x1e{\"a\":1}\n\x1e{\"b\":2}\n", "1 {\"a\":1}\n10 {\"b\":2}\n");
}

static void test_wrappers_are_opened(void)
{
	EXPECT_RECORDS(BH_SPLIT_JSON, "{\"value\":[{\"a\":1},{\"b\":2}],\"next\":\"x\"}",
		"10 {\"a\":1}\n18 {\"b\":2}\n");
	EXPECT_RECORDS(BH_SPLIT_JSON,
		"{\"tables\":[{\"name\":\"T\",\"columns\":[{\"name\":\"A\"}],\"rows\":[[1],[2]]}],\"s\":{}}",
		"33h \n34c {\"name\":\"A\"}\n56r [1]\n60r [2]\n");
	EXPECT_RECORDS(BH_SPLIT_JSON,
		"{\"took\":3,\"_shards\":{\"total\":1},\"hits\":{\"total\":{\"value\":2},\"max\":null,\"hits\":[{\"_id\":\"1\"},{\"_id\":\"2\"}]}}",
		"79 {\"_id\":\"1\"}\n91 {\"_id\":\"2\"}\n");
	/* one that is not of the outermost object is a field like others */
	EXPECT_RECORDS(BH_SPLIT_JSON, "{\"a\":{\"rows\":[1]}}", "0 {\"a\":{\"rows\":[1]}}\n");
}

static void test_a_broken_line_costs_itself_alone(void)
{
	EXPECT_RECORDS(BH_SPLIT_JSON, "{\"a\":\"b\n{\"c\":1}\n", "0! \n8 {\"c\":1}\n");
	EXPECT_RECORDS(BH_SPLIT_JSON, "{\"a\":1,\n{\"c\":1}\n", "0! \n8 {\"c\":1}\n");
	EXPECT_RECORDS(BH_SPLIT_JSON, "{\"a\":{\"x\":1}\n{\"c\":1}\n", "0! \n13 {\"c\":1}\n");
	EXPECT_RECORDS(BH_SPLIT_JSON, "{\"a\":1}\n{\"b\":[1,", "0 {\"a\":1}\n8! \n");
}

/* A record of n bytes between two small ones. */
static void long_record(enum bh_split how, size_t n, const char *want)
{
	BH_AUTO_BUF b = { 0 };

	if (how == BH_SPLIT_JSON) {
		bh_buf_str(&b, "{\"a\":1}\n{\"b\":\"");
		for (size_t i = 0; i < n - 8; i++)
			bh_buf_u8(&b, 'x');
		bh_buf_str(&b, "\"}\n{\"c\":1}");
	} else {
		bh_buf_str(&b, "a,b\n");
		for (size_t i = 0; i < n; i++)
			bh_buf_u8(&b, i || how != BH_SPLIT_CSV ? 'x' : '"');
		bh_buf_str(&b, "\nlast");
	}
	expect(how, b.ptr, b.len, want);
}

static void test_what_is_longer_than_a_mebibyte_is_skipped(void)
{
	char want[256];

	long_record(BH_SPLIT_LINES, BH_RECORD_MAX + 1, "0 a,b\n4! \n1048582 last\n");
	snprintf(want, sizeof want, "0 a,b\n4 %.60s\n1048581 last\n",
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	long_record(BH_SPLIT_LINES, BH_RECORD_MAX, want);
	/* a quote that nobody closes does not swallow the rest */
	long_record(BH_SPLIT_CSV, BH_RECORD_MAX + 1, "0 a,b\n4! \n1048582 last\n");
	long_record(BH_SPLIT_JSON, BH_RECORD_MAX + 1, "0 {\"a\":1}\n8! \n1048586 {\"c\":1}\n");
}

static int stop(void *ctx, const struct bh_record *r)
{
	(void)r;
	++*(int *)ctx;
	return -ECANCELED;
}

static void test_who_says_stop_is_not_called_again(void)
{
	struct bh_feed *f = NULL;
	int calls = 0;

	EXPECT_INT(bh_feed_new(BH_SPLIT_LINES, stop, &calls, &f), 0);
	EXPECT_INT(bh_feed(f, bh_span_of("a\nb\nc\n", 6)), -ECANCELED);
	EXPECT_INT(calls, 1);
	bh_feed_free(f);
	EXPECT(bh_feed_free(NULL) == NULL);
}

int main(void)
{
	RUN(test_lines_end_as_unix_or_windows_ends_them);
	RUN(test_marks_vanish_and_utf16_becomes_utf8);
	RUN(test_a_row_of_csv_may_hold_line_ends);
	RUN(test_json_values_come_one_by_one);
	RUN(test_wrappers_are_opened);
	RUN(test_a_broken_line_costs_itself_alone);
	RUN(test_what_is_longer_than_a_mebibyte_is_skipped);
	RUN(test_who_says_stop_is_not_called_again);
	return tap_done();
}

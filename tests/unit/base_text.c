#include "base/addr.h"
#include "base/clock.h"
#include "base/cur.h"
#include "base/diag.h"
#include "tap.h"

static void test_a_cursor_that_failed_stays_failed(void)
{
	const uint8_t bytes[] = { 1, 2, 3 };
	struct bh_cur c = bh_cur_of(bh_span_of(bytes, sizeof bytes));

	EXPECT_INT(bh_cur_le16(&c), 0x0201);
	EXPECT_INT(bh_cur_le16(&c), 0);
	EXPECT(!bh_cur_ok(&c));
	EXPECT_INT(bh_cur_u8(&c), 0);
	EXPECT_INT(bh_cur_left(&c), 0);
}

static void test_a_prefix_has_a_length_of_its_family_or_is_none(void)
{
	static const struct {
		const char *text;
		int bits; /* -1: refused */
	} cases[] = { { "10.1.2.3", 32 }, { "10.1.2.3/8", 8 }, { "0.0.0.0/0", 0 },
		{ "fd00::1", 128 }, { "fd00::1/64", 64 }, { "::/128", 128 }, { "10.0.0.0/33", -1 },
		{ "fd00::/129", -1 }, { "10.0.0.0/", -1 }, { "10.0.0.0/08", -1 },
		{ "10.0.0.0/-1", -1 }, { "10.0.0.0/8 ", -1 }, { "10.0.0.0/8/8", -1 }, { "/8", -1 },
		{ "", -1 }, { "10.0.0.0/4294967304", -1 } };

	for (size_t i = 0; i < BH_LEN(cases); i++) {
		struct bh_addr a = { 0 };
		unsigned bits = 7;
		int r = bh_prefix_parse(cases[i].text, strlen(cases[i].text), &a, &bits);
		EXPECT_INT(r, cases[i].bits < 0 ? -EINVAL : 0);
		EXPECT_INT(bits, r ? 7 : cases[i].bits);
		EXPECT(!r == (a.family != BH_NO_ADDR));
	}
}

static void test_a_window_cannot_leave_its_span(void)
{
	const uint8_t bytes[8] = { 0 };
	static const struct {
		size_t off, len;
		bool ok;
	} cases[] = { { 0, 8, true }, { 8, 0, true }, { 8, 1, false }, { 9, 0, false },
		{ 1, SIZE_MAX, false }, { SIZE_MAX, 1, false }, { 4, 4, true }, { 4, 5, false } };

	for (size_t i = 0; i < BH_LEN(cases); i++) {
		struct bh_cur c = bh_cur_of(bh_span_of(bytes, sizeof bytes));
		bh_cur_skip(&c, 3); /* where the cursor stands does not matter */
		(void)bh_cur_window(&c, cases[i].off, cases[i].len);
		EXPECT(bh_cur_ok(&c) == cases[i].ok);
	}
}

static void test_numbers_have_the_order_their_names_say(void)
{
	const uint8_t b[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct bh_cur c = bh_cur_of(bh_span_of(b, sizeof b));
	EXPECT(bh_cur_le64(&c) == 0x0807060504030201u);
	c = bh_cur_of(bh_span_of(b, sizeof b));
	EXPECT_INT(bh_cur_be16(&c), 0x0102);
	EXPECT_INT(bh_cur_be24(&c), 0x030405);
	c = bh_cur_of(bh_span_of(b, sizeof b));
	EXPECT_INT(bh_cur_be32(&c), 0x01020304);
	EXPECT_INT(bh_cur_le32(&c), 0x08070605);
	c = bh_cur_of((struct bh_span){ 0 });
	EXPECT_INT(bh_cur_u8(&c), 0);
	EXPECT(!bh_cur_ok(&c));
}

static void test_the_caret_stands_under_its_place(void)
{
	struct bh_arena a = { 0 };
	struct bh_diags d = { .arena = &a };
	BH_AUTO_BUF b = { 0 };
	struct bh_diag *one =
		bh_diag_add(&d, BH_ERROR, "'%s' is not known; did you mean 'clients'?", "cleints");

	one->file = "corp.policy";
	one->source = "\tallow smb from cl\xc3\xa9 cleints to fs";
	one->line = 7;
	one->column = 21;
	one->length = 7;
	bh_diag_render(one, false, &b);
	EXPECT_STR(bh_buf_text(&b),
		"corp.policy:7:21: error: 'cleints' is not known; did you mean 'clients'?\n"
		"    7 | \tallow smb from cl\xc3\xa9 cleints to fs\n"
		"      | \t                   ^~~~~~~\n");
	EXPECT_INT(d.errors, 1);
	bh_arena_reset(&a);
}

static void test_hostile_text_cannot_move_the_terminal(void)
{
	struct bh_arena a = { 0 };
	struct bh_diags d = { .arena = &a };
	BH_AUTO_BUF b = { 0 };

	bh_diag_add(&d, BH_WARNING, "name \033[2J\r\n")->file = "x\033y";
	bh_diag_render(d.first, false, &b);
	EXPECT(!strchr(bh_buf_text(&b), '\033') && !strchr(bh_buf_text(&b), '\r'));
	bh_arena_reset(&a);
}

static void test_durations_are_read_with_their_units(void)
{
	static const struct {
		const char *text;
		int r;
		int64_t seconds;
	} cases[] = { { "120", 0, 120 }, { "120s", 0, 120 }, { "2h", 0, 7200 },
		{ "30 days", 0, 2592000 }, { "1 week", 0, 604800 }, { "0", 0, 0 },
		{ "", -EINVAL, 0 }, { "h", -EINVAL, 0 }, { "-1s", -EINVAL, 0 },
		{ "5 parsecs", -EINVAL, 0 }, { "99999999999999999999", -ERANGE, 0 },
		{ "300000000 weeks", -ERANGE, 0 } };

	for (size_t i = 0; i < BH_LEN(cases); i++) {
		int64_t s = 0;
		EXPECT_INT(bh_duration_parse(cases[i].text, &s), cases[i].r);
		EXPECT_INT(s, cases[i].seconds);
	}
}

static void test_dates_go_both_ways(void)
{
	for (int64_t day = -100000; day < 100000; day += 97) {
		BH_AUTO_BUF b = { 0 };
		int64_t back = 0;
		bh_time_format(day * 86400 * BH_SECOND, &b);
		EXPECT(!bh_date_parse(b.ptr, 10, &back));
		EXPECT_INT(back, day);
	}
	int64_t d;
	EXPECT(bh_date_parse("2026-02-29", 10, &d) == -EINVAL);
	EXPECT(bh_date_parse("2024-02-29", 10, &d) == 0 && d == 19782);
	EXPECT(bh_date_parse("2026-1-1", 8, &d) == -EINVAL);
	EXPECT(bh_date_parse("2026-13-01", 10, &d) == -EINVAL);
}

static void test_times_print_for_people_and_machines(void)
{
	BH_AUTO_BUF b = { 0 };
	bh_time_format(1763942400 * BH_SECOND + 250000000, &b);
	EXPECT_STR(bh_buf_text(&b), "2025-11-24T00:00:00.250000Z");
	bh_buf_reset(&b);
	bh_time_ago(100 * BH_SECOND, 290 * BH_SECOND, &b);
	EXPECT_STR(bh_buf_text(&b), "3 minutes ago");
	bh_buf_reset(&b);
	bh_time_ago(100, 200, &b);
	EXPECT_STR(bh_buf_text(&b), "just now");
}

static void test_an_arena_aligns_and_survives_large_pieces(void)
{
	struct bh_arena a = { 0 };
	for (size_t i = 0; i < 2000; i++) {
		size_t n = i * 37 % 70000;
		uint8_t *p = bh_arena_alloc(&a, n);
		EXPECT(p && (uintptr_t)p % 16 == 0);
		for (size_t k = 0; k < n; k += 512)
			EXPECT(p[k] == 0);
		if (n)
			memset(p, 0xff, n);
	}
	EXPECT(!bh_arena_array(&a, SIZE_MAX / 2, 16));
	EXPECT(!bh_arena_ok(&a));
	bh_arena_reset(&a);
	EXPECT(bh_arena_ok(&a));
}

static void test_times_are_read_as_people_give_them(void)
{
	const bh_time now = 1772442000 * BH_SECOND; /* 2026-03-02T09:00:00Z */
	const bh_time midnight = 1772409600 * BH_SECOND;
	static const struct {
		const char *text;
		int64_t seconds; /* from midnight; 1: not a time */
	} told[] = {
		{ "2026-03-02", 0 },
		{ "today", 0 },
		{ "yesterday", -86400 },
		{ "2026-03-02T09:00:00Z", 32400 },
		{ "2026-03-02 09:00:00Z", 32400 },
		{ "2026-03-02T10:00:00+01:00", 32400 },
		{ "2026-03-02T03:30:00-05:30", 32400 },
		{ "2026-03-02T09:00:00.000Z", 32400 },
		{ "2d", 32400 - 2 * 86400 },
		{ "2 days ago", 32400 - 2 * 86400 },
		{ "30 minutes ago", 32400 - 1800 },
		{ "2026-13-01", 1 },
		{ "2026-03-02T09:00:00", 1 },
		{ "2026-03-02T24:00:00Z", 1 },
		{ "2026-03-02T09:00:00+1:00", 1 },
		{ "2026-03-02T", 1 },
		{ "ago", 1 },
		{ " ago", 1 },
		{ "", 1 },
		{ "soon", 1 },
		{ "a long time before anybody can remember ago", 1 },
	};
	bh_time t;

	for (size_t i = 0; i < BH_LEN(told); i++) {
		int r = bh_time_parse(told[i].text, now, false, &t);
		EXPECT_INT(r, told[i].seconds == 1 ? -EINVAL : 0);
		if (!r)
			EXPECT_INT(t, midnight + told[i].seconds * BH_SECOND);
	}
	EXPECT_INT(bh_time_parse("2026-03-02", now, true, &t), 0);
	EXPECT_INT(t, midnight + 86400 * BH_SECOND - 1);
	EXPECT_INT(bh_time_parse("9999-01-01", now, true, &t), -ERANGE);
}

int main(void)
{
	RUN(test_a_cursor_that_failed_stays_failed);
	RUN(test_a_prefix_has_a_length_of_its_family_or_is_none);
	RUN(test_a_window_cannot_leave_its_span);
	RUN(test_numbers_have_the_order_their_names_say);
	RUN(test_the_caret_stands_under_its_place);
	RUN(test_hostile_text_cannot_move_the_terminal);
	RUN(test_durations_are_read_with_their_units);
	RUN(test_dates_go_both_ways);
	RUN(test_times_print_for_people_and_machines);
	RUN(test_times_are_read_as_people_give_them);
	RUN(test_an_arena_aligns_and_survives_large_pieces);
	return tap_done();
}

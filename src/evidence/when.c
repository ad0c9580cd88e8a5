#include "evidence/when.h"

#include <stdio.h>

#include "evidence/event.h"

enum { DAY = 86400 };

/* Past 2262 nanoseconds do not fit. */
#define LAST_SECOND (INT64_MAX / BH_SECOND)

static uint8_t peek(const struct bh_cur *c)
{
	return bh_cur_left(c) ? c->at[0] : 0;
}

static bool is_digit(uint8_t ch)
{
	return ch >= '0' && ch <= '9';
}

/* One to max digits. */
static int64_t number(struct bh_cur *c, unsigned max)
{
	int64_t v = 0;
	unsigned n = 0;

	for (; n < max && is_digit(peek(c)); n++)
		v = v * 10 + (bh_cur_u8(c) - '0');
	if (!n)
		bh_cur_fail(c);
	return v;
}

static int64_t at_most(struct bh_cur *c, unsigned digits, int64_t max)
{
	int64_t v = number(c, digits);

	if (v > max)
		bh_cur_fail(c);
	return v;
}

static void want(struct bh_cur *c, const char *text)
{
	struct bh_span s = bh_cur_take(c, strlen(text));

	if (bh_cur_ok(c) && !bh_event_is(s, text))
		bh_cur_fail(c);
}

/* ".1234567" or ",123" in nanoseconds; digits past the ninth count for nothing. */
static int64_t fraction(struct bh_cur *c)
{
	int64_t v = 0, unit = BH_SECOND / 10;

	if (peek(c) != '.' && !(peek(c) == ',' && bh_cur_left(c) > 1 && is_digit(c->at[1])))
		return 0;
	bh_cur_skip(c, 1);
	for (; is_digit(peek(c)); unit /= 10)
		v += (bh_cur_u8(c) - '0') * unit;
	return v;
}

struct parts {
	int64_t days; /* since 1970-01-01 */
	int64_t second; /* of the day */
	int64_t nanos;
};

static int join(const struct parts *p, int32_t east, bh_time *ret)
{
	int64_t at = p->days * DAY + p->second - east;

	if (at < 0 || at >= LAST_SECOND)
		return -EINVAL;
	*ret = at * BH_SECOND + p->nanos;
	return 0;
}

static void date(struct bh_cur *c, int64_t y, int64_t m, int64_t d, struct parts *p)
{
	char text[48];
	int n = snprintf(text, sizeof text, "%04d-%02d-%02d", (int)y, (int)m, (int)d);

	if (!bh_cur_ok(c) || bh_date_parse(text, (size_t)n, &p->days))
		bh_cur_fail(c);
}

/* 12:00:00 and what follows of the second. */
static void clock(struct bh_cur *c, struct parts *p)
{
	int64_t hour = at_most(c, 2, 23);
	want(c, ":");
	int64_t minute = at_most(c, 2, 59);
	want(c, ":");
	int64_t second = at_most(c, 2, 60); /* a leap second is the next one */

	p->second = hour * 3600 + minute * 60 + second;
	p->nanos = fraction(c);
}

/* ---- seconds since 1970 ---- */

int bh_when_epoch(struct bh_span text, bh_time *ret)
{
	struct bh_cur c = bh_cur_of(text);
	int64_t unit = 0;

	int64_t v = number(&c, 16);
	switch (bh_cur_offset(&c)) { /* by 2001 a count of seconds has ten digits */
	case 9:
	case 10: unit = BH_SECOND; break;
	case 12:
	case 13: unit = BH_SECOND / 1000; break;
	case 15:
	case 16: unit = BH_SECOND / 1000000; break;
	default: return -EINVAL;
	}
	int64_t nanos = unit == BH_SECOND ? fraction(&c) : 0;
	if (!bh_cur_ok(&c) || bh_cur_left(&c) || v / (BH_SECOND / unit) >= LAST_SECOND)
		return -EINVAL;
	*ret = v * unit + nanos;
	return 0;
}

/* ---- ISO 8601 ---- */

static void iso_date(struct bh_cur *c, struct parts *p)
{
	int64_t y = number(c, 4);
	uint8_t sep = bh_cur_u8(c);
	int64_t m = number(c, 2);
	uint8_t again = bh_cur_u8(c);
	int64_t d = number(c, 2);

	if (sep != again || (sep != '-' && sep != '/'))
		bh_cur_fail(c);
	date(c, y, m, d, p);
}

/* Whether there is one; where it ends the text ends. */
static bool zone(struct bh_cur *c, int32_t *east)
{
	while (peek(c) == ' ')
		bh_cur_skip(c, 1);
	uint8_t sign = peek(c);
	if (!sign)
		return false;
	*east = 0;
	bh_cur_skip(c, 1);
	if (sign == 'Z' || sign == 'z')
		return true;
	if (sign == 'U' || sign == 'G') {
		want(c, sign == 'U' ? "TC" : "MT");
		return true;
	}
	if (sign != '+' && sign != '-')
		bh_cur_fail(c);
	int32_t hours = (int32_t)at_most(c, 2, 23);
	if (peek(c) == ':')
		bh_cur_skip(c, 1);
	int32_t minutes = (int32_t)at_most(c, 2, 59);
	*east = (hours * 60 + minutes) * (sign == '+' ? 60 : -60);
	return true;
}

/* Everything before the zone. */
static void iso(struct bh_cur *c, struct parts *p)
{
	iso_date(c, p);
	uint8_t t = bh_cur_u8(c);
	if (t != 'T' && t != 't' && t != ' ')
		bh_cur_fail(c);
	clock(c, p);
}

int bh_when_iso(struct bh_span text, int32_t east, bh_time *ret)
{
	struct bh_cur c = bh_cur_of(text);
	struct parts p = { 0 };

	iso(&c, &p);
	(void)zone(&c, &east);
	return bh_cur_ok(&c) && !bh_cur_left(&c) ? join(&p, east, ret) : -EINVAL;
}

int bh_when_zone(struct bh_span text, int32_t *ret_east)
{
	struct bh_cur c = bh_cur_of(text);
	struct parts p = { 0 };
	int32_t east = 0;

	iso(&c, &p);
	bool has = zone(&c, &east);
	if (!bh_cur_ok(&c) || bh_cur_left(&c))
		return -EINVAL;
	if (!has)
		return -ENOENT;
	*ret_east = east;
	return 0;
}

/* ---- for people ---- */

static int64_t month(struct bh_cur *c)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct bh_span s = bh_cur_take(c, 3);

	for (size_t i = 0; s.len && i < 12; i++) {
		if (!memcmp(s.ptr, names + 3 * i, 3))
			return (int64_t)i + 1;
	}
	bh_cur_fail(c);
	return 0;
}

static void blanks(struct bh_cur *c)
{
	while (peek(c) == ' ')
		bh_cur_skip(c, 1);
}

/* " AM", " PM", or nothing on a clock of 24 hours. */
static void half(struct bh_cur *c, struct parts *p)
{
	blanks(c);
	if (!bh_cur_left(c))
		return;
	uint8_t which = bh_cur_u8(c);
	want(c, "M");
	if ((which != 'A' && which != 'P') || p->second >= 13 * 3600)
		bh_cur_fail(c);
	if (p->second >= 12 * 3600)
		p->second -= 12 * 3600;
	if (which == 'P')
		p->second += 12 * 3600;
}

int bh_when_table(struct bh_span text, int32_t east, bh_time *ret)
{
	struct bh_cur c = bh_cur_of(text);
	struct parts p = { 0 };
	int64_t y, m, d;

	if (is_digit(peek(&c))) {
		m = number(&c, 2);
		want(&c, "/");
		d = number(&c, 2);
		want(&c, "/");
		y = number(&c, 4);
		want(&c, peek(&c) == ',' ? ", " : " ");
	} else {
		m = month(&c);
		want(&c, " ");
		d = number(&c, 2);
		want(&c, ", ");
		y = number(&c, 4);
		want(&c, " @ ");
	}
	date(&c, y, m, d, &p);
	clock(&c, &p);
	half(&c, &p);
	return bh_cur_ok(&c) && !bh_cur_left(&c) ? join(&p, east, ret) : -EINVAL;
}

/* A clock may run ahead, and a file be copied a little late. */
#define TOLERANCE (DAY * BH_SECOND)

int bh_when_syslog(struct bh_span text, int32_t east, bh_time modified, bh_time *ret)
{
	struct bh_cur c = bh_cur_of(text);
	struct parts p = { 0 };

	int64_t m = month(&c);
	blanks(&c);
	int64_t d = number(&c, 2);
	want(&c, " ");
	clock(&c, &p);
	if (!bh_cur_ok(&c) || bh_cur_left(&c) || d < 1 || d > 31)
		return -EINVAL;
	if (!modified)
		return -ENOENT;
	/* 29 February may be four years back, eight around 2100. */
	int64_t year = 1970 + modified / BH_SECOND / DAY / 365 + 1;
	for (int64_t last = year - 9; year > last; year--) {
		struct bh_cur at = bh_cur_of(text);
		bh_time when;
		date(&at, year, m, d, &p);
		if (bh_cur_ok(&at) && !join(&p, east, &when) && when <= modified + TOLERANCE) {
			*ret = when;
			return 0;
		}
	}
	return -EINVAL;
}

int bh_when(struct bh_span text, int32_t east, bh_time *ret)
{
	int r = bh_when_iso(text, east, ret);

	if (r)
		r = bh_when_epoch(text, ret);
	return r ? bh_when_table(text, east, ret) : 0;
}

#include "evidence/event.h"

struct bh_span bh_event_get(const struct bh_event *e, const char *name)
{
	for (size_t i = 0; i < e->n_values; i++) {
		if (bh_event_is(e->values[i].name, name))
			return e->values[i].text;
	}
	return (struct bh_span){ 0 };
}

bool bh_event_is(struct bh_span s, const char *text)
{
	size_t len = strlen(text);

	return s.len == len && (!len || !memcmp(s.ptr, text, len));
}

static uint8_t lower(uint8_t ch)
{
	return ch >= 'A' && ch <= 'Z' ? (uint8_t)(ch | 0x20) : ch;
}

bool bh_event_like(struct bh_span s, const char *text)
{
	if (s.len != strlen(text))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (lower(s.ptr[i]) != lower((uint8_t)text[i]))
			return false;
	}
	return true;
}

static struct bh_span trim(struct bh_span s)
{
	while (s.len && s.ptr[0] <= ' ') {
		s.ptr++;
		s.len--;
	}
	while (s.len && s.ptr[s.len - 1] <= ' ')
		s.len--;
	return s;
}

static int digit(uint8_t ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch = lower(ch);
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : 16;
}

int bh_event_number(struct bh_span text, uint64_t *ret)
{
	struct bh_span s = trim(text);
	unsigned base = s.len > 2 && s.ptr[0] == '0' && lower(s.ptr[1]) == 'x' ? 16 : 10;
	uint64_t v = 0;

	if (!s.len)
		return -EINVAL;
	for (size_t i = base == 16 ? 2 : 0; i < s.len; i++) {
		unsigned d = (unsigned)digit(s.ptr[i]);
		if (d >= base || v > (UINT64_MAX - d) / base)
			return -EINVAL;
		v = v * base + d;
	}
	*ret = v;
	return 0;
}

/* ---- times ---- */

/* Two digits, at most max. */
static int64_t two(struct bh_cur *c, int64_t max)
{
	struct bh_span s = bh_cur_take(c, 2);
	int64_t v = s.len ? digit(s.ptr[0]) * 10 + digit(s.ptr[1]) : 0;

	if (s.len && (digit(s.ptr[0]) > 9 || digit(s.ptr[1]) > 9 || v > max))
		bh_cur_fail(c);
	return v;
}

static void want(struct bh_cur *c, char ch)
{
	if (bh_cur_u8(c) != (uint8_t)ch)
		bh_cur_fail(c);
}

static uint8_t peek(const struct bh_cur *c)
{
	return bh_cur_left(c) ? c->at[0] : 0;
}

/* ".1234567" in nanoseconds; digits past the ninth count for nothing. */
static int64_t fraction(struct bh_cur *c)
{
	int64_t v = 0, unit = BH_SECOND / 10;

	if (peek(c) != '.')
		return 0;
	bh_cur_skip(c, 1);
	for (; peek(c) >= '0' && peek(c) <= '9'; unit /= 10)
		v += (bh_cur_u8(c) - '0') * unit;
	return v;
}

/* What is to be subtracted, in seconds. */
static int64_t zone(struct bh_cur *c)
{
	uint8_t sign = peek(c);

	if (!sign)
		return 0;
	bh_cur_skip(c, 1);
	if (sign == 'Z' || sign == 'z')
		return 0;
	if (sign != '+' && sign != '-')
		bh_cur_fail(c);
	int64_t hours = two(c, 23);
	if (peek(c) == ':')
		bh_cur_skip(c, 1);
	int64_t minutes = two(c, 59);
	return (hours * 60 + minutes) * (sign == '+' ? 60 : -60);
}

/* RFC 3339 5.6 */
int bh_event_time(struct bh_span text, bh_time *ret)
{
	struct bh_cur c = bh_cur_of(trim(text));
	int64_t days = 0;

	struct bh_span date = bh_cur_take(&c, 10);
	if (!date.len || bh_date_parse((const char *)date.ptr, date.len, &days))
		return -EINVAL;
	uint8_t t = bh_cur_u8(&c);
	int64_t hour = two(&c, 23);
	want(&c, ':');
	int64_t minute = two(&c, 59);
	want(&c, ':');
	int64_t second = two(&c, 60); /* a leap second is the next one */
	int64_t nanos = fraction(&c);
	int64_t shift = zone(&c);
	int64_t at = days * 86400 + hour * 3600 + minute * 60 + second - shift;
	/* Past 2262 nanoseconds do not fit. */
	if (!bh_cur_ok(&c) || bh_cur_left(&c) || (t != 'T' && t != ' ') || at < 0 ||
		at >= INT64_MAX / BH_SECOND)
		return -EINVAL;
	*ret = at * BH_SECOND + nanos;
	return 0;
}

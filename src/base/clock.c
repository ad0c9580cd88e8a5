#include "base/clock.h"

#include <stdlib.h>

static const struct {
	const char *name;
	int64_t seconds;
} units[] = {
	{ "s", 1 },
	{ "second", 1 },
	{ "seconds", 1 },
	{ "m", 60 },
	{ "minute", 60 },
	{ "minutes", 60 },
	{ "h", 3600 },
	{ "hour", 3600 },
	{ "hours", 3600 },
	{ "d", 86400 },
	{ "day", 86400 },
	{ "days", 86400 },
	{ "week", 7 * 86400 },
	{ "weeks", 7 * 86400 },
};

#define TEN_YEARS (3653LL * 86400)

int bh_duration_parse(const char *text, int64_t *ret)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (errno || n > TEN_YEARS)
		return -ERANGE;
	while (*end == ' ')
		end++;
	int64_t scale = *end ? 0 : 1;
	for (size_t i = 0; i < BH_LEN(units); i++) {
		if (!strcmp(end, units[i].name))
			scale = units[i].seconds;
	}
	if (!scale)
		return -EINVAL;
	if (n > TEN_YEARS / scale)
		return -ERANGE;
	*ret = n * scale;
	return 0;
}

/* Days since 1970-01-01 to year, month, day (Howard Hinnant's civil calendar). */
static void civil(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	unsigned doe = (unsigned)(days - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = (int64_t)yoe + era * 400 + (*m <= 2);
}

static int64_t days_of(int64_t y, unsigned m, unsigned d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	unsigned yoe = (unsigned)(y - era * 400);
	unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + (int64_t)doe - 719468;
}

void bh_time_format(bh_time t, struct bh_buf *ret)
{
	int64_t s = t / BH_SECOND, ns = t % BH_SECOND;
	int64_t y;
	unsigned m, d;

	if (ns < 0) {
		ns += BH_SECOND;
		s--;
	}
	int64_t day = s / 86400, rest = s % 86400;
	if (rest < 0) {
		rest += 86400;
		day--;
	}
	civil(day, &y, &m, &d);
	bh_buf_printf(ret, "%04lld-%02u-%02uT%02d:%02d:%02d", (long long)y, m, d,
		(int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
	if (ns)
		bh_buf_printf(ret, ".%06d", (int)(ns / 1000));
	bh_buf_str(ret, "Z");
}

void bh_time_ago(bh_time t, bh_time now, struct bh_buf *ret)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} steps[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	int64_t s = (now - t) / BH_SECOND;

	for (size_t i = 0; i < BH_LEN(steps); i++) {
		int64_t n = s / steps[i].seconds;
		if (n > 0) {
			bh_buf_printf(ret, "%lld %s%s ago", (long long)n, steps[i].name,
				n == 1 ? "" : "s");
			return;
		}
	}
	bh_buf_str(ret, "just now");
}

int bh_date_parse(const char *text, size_t len, int64_t *ret)
{
	static const char shape[] = "dddd-dd-dd";
	static const unsigned char month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	if (len != sizeof shape - 1)
		return -EINVAL;
	unsigned part[3] = { 0 }, p = 0;
	for (size_t i = 0; i < len; i++) {
		if (shape[i] == '-') {
			if (text[i] != '-')
				return -EINVAL;
			p++;
			continue;
		}
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		part[p] = part[p] * 10 + (unsigned)(text[i] - '0');
	}
	unsigned y = part[0], m = part[1], d = part[2];
	if (m < 1 || m > 12 || d < 1)
		return -EINVAL;
	bool leap = (y % 4 == 0 && y % 100) || y % 400 == 0;
	if (d > month_days[m - 1] + (unsigned)(m == 2 && leap))
		return -EINVAL;
	*ret = days_of((int64_t)y, m, d);
	return 0;
}

void bh_date_format(int64_t days, struct bh_buf *ret)
{
	int64_t y;
	unsigned m, d;

	civil(days, &y, &m, &d);
	bh_buf_printf(ret, "%04lld-%02u-%02u", (long long)y, m, d);
}

#define DAY_SECONDS 86400

static bool two_digits(const char *p, unsigned below, int64_t *ret)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*ret = (p[0] - '0') * 10 + (p[1] - '0');
	return *ret < below;
}

/* "Z", "+01:00"; seconds east of UTC. */
static bool zone(const char *p, int64_t *ret)
{
	int64_t h, m;

	*ret = 0;
	if (!strcmp(p, "Z") || !strcmp(p, "z"))
		return true;
	if ((*p != '+' && *p != '-') || strlen(p) != 6 || !two_digits(p + 1, 24, &h) ||
		p[3] != ':' || !two_digits(p + 4, 60, &m))
		return false;
	*ret = (h * 60 + m) * 60 * (*p == '-' ? -1 : 1);
	return true;
}

/* What follows the date: "T12:00:00.5Z". */
static int clock_parse(const char *p, int64_t day, bh_time *ret)
{
	int64_t h, m, s, east, ns = 0, scale = BH_SECOND / 10;

	if ((*p != 'T' && *p != 't' && *p != ' ') || strlen(p) < 10 || !two_digits(p + 1, 24, &h) ||
		p[3] != ':' || !two_digits(p + 4, 60, &m) || p[6] != ':' ||
		!two_digits(p + 7, 60, &s))
		return -EINVAL;
	p += 9;
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++, scale /= 10)
			ns += (*p - '0') * scale;
	}
	if (!zone(p, &east))
		return -EINVAL;
	*ret = (day * DAY_SECONDS + h * 3600 + m * 60 + s - east) * BH_SECOND + ns;
	return 0;
}

static int ago_parse(const char *text, bh_time now, bh_time *ret)
{
	size_t len = strlen(text);
	int64_t seconds;
	char z[32];

	if (len > 4 && !strcmp(text + len - 4, " ago"))
		len -= 4;
	if (len >= sizeof z)
		return -EINVAL;
	memcpy(z, text, len);
	z[len] = '\0';
	int r = bh_duration_parse(z, &seconds);
	if (r)
		return r;
	*ret = now - seconds * BH_SECOND;
	return 0;
}

int bh_time_parse(const char *text, bh_time now, bool end, bh_time *ret)
{
	const bh_time whole = DAY_SECONDS * BH_SECOND;
	const size_t date = sizeof "2026-01-31" - 1;
	int64_t day;

	if (!strcmp(text, "today"))
		day = now / whole;
	else if (!strcmp(text, "yesterday"))
		day = now / whole - 1;
	else if (strlen(text) < date || bh_date_parse(text, date, &day))
		return ago_parse(text, now, ret);
	else if (day < 0 || day > INT64_MAX / whole - 1)
		return -ERANGE;
	else if (text[date])
		return clock_parse(text + date, day, ret);
	*ret = day * whole + (end ? whole - 1 : 0);
	return 0;
}

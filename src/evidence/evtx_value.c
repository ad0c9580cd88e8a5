/*
 * Typed values ([MS-EVEN6] 2.2.12.2, 2.2.18) as text, the way Windows renders them.
 */
#include <stdio.h>

#include "evidence/evtx.h"
#include "evidence/utf8.h"
#include "evidence/when.h"

struct bh_span evtx_units(const struct bh_evtx *x, uint32_t at, size_t units)
{
	struct bh_cur c = bh_cur_of(x->chunk);

	return bh_cur_window(&c, at, 2 * units);
}

/* ---- UTF-16 ---- */

/* The next character; half a pair is U+FFFD. */
static uint32_t take(struct bh_cur *c)
{
	uint32_t ch = bh_cur_le16(c);

	if (ch < 0xd800 || ch >= 0xe000)
		return ch;
	struct bh_cur look = *c;
	uint32_t low = bh_cur_le16(&look);
	if (ch >= 0xdc00 || !bh_cur_ok(&look) || low < 0xdc00 || low >= 0xe000)
		return 0xfffd;
	*c = look;
	return 0x10000 + ((ch - 0xd800) << 10) + (low - 0xdc00);
}

/* As UTF-8, up to size bytes; characters of one byte, most of all there are, in a row. */
static size_t run_of(struct bh_cur *c, uint8_t *ret, size_t size)
{
	size_t units = bh_min_size(bh_cur_left(c) / 2, size), n = 0;

	while (n < units && !c->at[2 * n + 1] && c->at[2 * n] < 0x80) {
		ret[n] = c->at[2 * n];
		n++;
	}
	bh_cur_skip(c, 2 * n);
	return n;
}

void evtx_add_utf16(struct bh_draft *d, struct bh_span utf16)
{
	struct bh_cur c = bh_cur_of(utf16);
	uint8_t b[256 + 4];

	while (bh_cur_left(&c) >= 2 && !d->full) {
		size_t n = run_of(&c, b, 256);
		if (bh_cur_left(&c) >= 2)
			n += bh_utf8_put(take(&c), b + n);
		bh_draft_add(d, bh_span_of(b, n));
	}
}

size_t evtx_name(struct bh_span utf16, char *ret, size_t size)
{
	struct bh_cur c = bh_cur_of(utf16);
	size_t n = 0;

	while (bh_cur_left(&c) >= 2) {
		uint8_t b[4];
		n += run_of(&c, (uint8_t *)ret + n, size - n);
		if (bh_cur_left(&c) < 2)
			break;
		size_t len = bh_utf8_put(take(&c), b);
		if (n + len > size)
			return 0;
		memcpy(ret + n, b, len);
		n += len;
	}
	return n;
}

/* Up to the terminator some writers add. */
static struct bh_span unterminated(struct bh_span s)
{
	while (s.len >= 2 && !s.ptr[s.len - 1] && !s.ptr[s.len - 2])
		s.len -= 2;
	return s;
}

/* ---- times ---- */

#define TIME_TEXT  96
#define UNIX_EPOCH 116444736000000000u /* 1970 in 100 ns since 1601 */

bh_time evtx_filetime(uint64_t v)
{
	if (v < UNIX_EPOCH || (v - UNIX_EPOCH) >= (uint64_t)INT64_MAX / 100)
		return 0;
	return (bh_time)((v - UNIX_EPOCH) * 100);
}

struct clock {
	uint16_t year, month, weekday, day, hour, minute, second, millis;
};

/* SYSTEMTIME, [MS-DTYP] 2.3.13 */
static struct clock systemtime(struct bh_span v)
{
	struct bh_cur c = bh_cur_of(v);
	struct clock t = { 0 };
	uint16_t *const fields[] = { &t.year, &t.month, &t.weekday, &t.day, &t.hour, &t.minute,
		&t.second, &t.millis };

	for (size_t i = 0; i < BH_LEN(fields); i++)
		*fields[i] = bh_cur_le16(&c);
	return t;
}

static void systemtime_text(struct bh_span v, char *ret, size_t size)
{
	struct clock t = systemtime(v);

	snprintf(ret, size, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", t.year, t.month, t.day, t.hour,
		t.minute, t.second, t.millis);
}

/* The civil date of a day since 1970 (a year of 400 · 365.2425 days begins in March). */
static void filetime_text(bh_time t, char *ret, size_t size)
{
	int64_t days = t / BH_SECOND / 86400 + 719468, left = t / BH_SECOND % 86400;
	int64_t era = days / 146097, doe = days % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int day = (int)(doy - (153 * mp + 2) / 5 + 1), month = (int)(mp < 10 ? mp + 3 : mp - 9);
	int year = (int)(yoe + era * 400 + (month <= 2));

	snprintf(ret, size, "%04d-%02d-%02dT%02d:%02d:%02d.%07dZ", year, month, day,
		(int)(left / 3600), (int)(left / 60 % 60), (int)(left % 60),
		(int)(t % BH_SECOND / 100));
}

int evtx_value_when(uint8_t type, struct bh_span v, bh_time *ret)
{
	char text[TIME_TEXT];
	struct bh_cur c = bh_cur_of(v);

	if (type == EVTX_FILETIME && v.len == 8) {
		*ret = evtx_filetime(bh_cur_le64(&c));
		return *ret ? 0 : -EINVAL;
	}
	if (type != EVTX_SYSTEMTIME || v.len != 16)
		return -EINVAL;
	systemtime_text(v, text, sizeof text);
	return bh_when_iso(bh_span_of(text, strlen(text)), 0, ret);
}

/* ---- the rest ---- */

/* Of types whose values are all as long; 0 for the others. */
static size_t size_of(uint8_t type)
{
	static const uint8_t sizes[] = {
		[EVTX_INT8] = 1,
		[EVTX_UINT8] = 1,
		[EVTX_INT16] = 2,
		[EVTX_UINT16] = 2,
		[EVTX_INT32] = 4,
		[EVTX_UINT32] = 4,
		[EVTX_INT64] = 8,
		[EVTX_UINT64] = 8,
		[EVTX_REAL32] = 4,
		[EVTX_REAL64] = 8,
		[EVTX_BOOL] = 4,
		[EVTX_GUID] = 16,
		[EVTX_FILETIME] = 8,
		[EVTX_SYSTEMTIME] = 16,
		[EVTX_HEX32] = 4,
		[EVTX_HEX64] = 8,
	};

	return type < sizeof sizes ? sizes[type] : 0;
}

size_t evtx_element(uint8_t type)
{
	return type & EVTX_ARRAY ? size_of(type & 0x7f) : 0;
}

static uint64_t number(struct bh_span v)
{
	uint64_t n = 0;

	for (size_t i = v.len; i; i--)
		n = n << 8 | v.ptr[i - 1];
	return n;
}

int evtx_value_number(uint8_t type, struct bh_span v, uint64_t *ret)
{
	bool is = (type >= EVTX_INT8 && type <= EVTX_UINT64) || type == EVTX_HEX32 ||
		  type == EVTX_HEX64;

	if (!is || v.len != size_of(type))
		return -EINVAL;
	*ret = number(v);
	return 0;
}

static void add_text(struct bh_draft *d, const char *s)
{
	bh_draft_add(d, bh_span_of(s, strlen(s)));
}

static void add_signed(struct bh_draft *d, struct bh_span v)
{
	uint64_t n = number(v), sign = (uint64_t)1 << (8 * v.len - 1);
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)((n ^ sign) - sign));
	add_text(d, text);
}

static void add_unsigned(struct bh_draft *d, struct bh_span v, bool hex)
{
	char text[24];

	snprintf(text, sizeof text, hex ? "0x%llx" : "%llu", (unsigned long long)number(v));
	add_text(d, text);
}

static void add_real(struct bh_draft *d, struct bh_span v)
{
	char text[400]; /* the largest has 309 digits */
	double wide = 0;
	float narrow = 0;

	if (v.len == sizeof wide)
		memcpy(&wide, v.ptr, sizeof wide);
	else
		memcpy(&narrow, v.ptr, sizeof narrow);
	snprintf(text, sizeof text, "%f", v.len == sizeof wide ? wide : (double)narrow);
	add_text(d, text);
}

/* "{54849625-5478-4994-A5BA-3E3B0328C30D}", [MS-DTYP] 2.3.4.3 */
static void add_guid(struct bh_draft *d, struct bh_span v)
{
	struct bh_cur c = bh_cur_of(v);
	char text[40];

	uint32_t a = bh_cur_le32(&c);
	uint16_t b = bh_cur_le16(&c);
	uint16_t e = bh_cur_le16(&c);
	const uint8_t *f = bh_cur_take(&c, 8).ptr;
	snprintf(text, sizeof text, "{%08X-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}", a, b, e,
		f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]);
	add_text(d, text);
}

/* [MS-DTYP] 2.4.2.2: at most 15 numbers behind the authority. */
static void add_sid(struct bh_draft *d, struct bh_span v)
{
	struct bh_cur c = bh_cur_of(v);
	uint64_t authority = 0;
	char text[24];

	uint8_t revision = bh_cur_u8(&c);
	uint8_t n = bh_cur_u8(&c);
	for (int i = 0; i < 6; i++)
		authority = authority << 8 | bh_cur_u8(&c);
	if (!bh_cur_ok(&c) || bh_cur_left(&c) < 4u * n || n > 15)
		return;
	snprintf(text, sizeof text, "S-%u-%llu", revision, (unsigned long long)authority);
	add_text(d, text);
	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof text, "-%u", bh_cur_le32(&c));
		add_text(d, text);
	}
}

static void add_binary(struct bh_draft *d, struct bh_span v)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < v.len && !d->full; i++) {
		const char two[] = { hex[v.ptr[i] >> 4], hex[v.ptr[i] & 15] };
		bh_draft_add(d, bh_span_of(two, 2));
	}
}

/* A code page nobody names: what is no ASCII becomes U+FFFD. */
static void add_ansi(struct bh_draft *d, struct bh_span v)
{
	while (v.len && !v.ptr[v.len - 1])
		v.len--;
	for (size_t i = 0; i < v.len && !d->full; i++)
		bh_draft_add(d,
			v.ptr[i] < 0x80 ? bh_span_of(v.ptr + i, 1) : bh_span_of("\xef\xbf\xbd", 3));
}

static void add_time(struct bh_draft *d, uint8_t type, struct bh_span v)
{
	char text[TIME_TEXT];

	if (type == EVTX_SYSTEMTIME)
		systemtime_text(v, text, sizeof text);
	else
		filetime_text(evtx_filetime(number(v)), text, sizeof text);
	add_text(d, text);
}

void evtx_add_value(struct bh_draft *d, uint8_t type, struct bh_span v)
{
	if (size_of(type) && v.len != size_of(type))
		return;
	switch (type) {
	case EVTX_STRING: evtx_add_utf16(d, unterminated(v)); break;
	case EVTX_ANSI: add_ansi(d, v); break;
	case EVTX_INT8:
	case EVTX_INT16:
	case EVTX_INT32:
	case EVTX_INT64: add_signed(d, v); break;
	case EVTX_UINT8:
	case EVTX_UINT16:
	case EVTX_UINT32:
	case EVTX_UINT64: add_unsigned(d, v, false); break;
	case EVTX_REAL32:
	case EVTX_REAL64: add_real(d, v); break;
	case EVTX_BOOL: add_text(d, number(v) ? "true" : "false"); break;
	case EVTX_BINARY: add_binary(d, v); break;
	case EVTX_GUID: add_guid(d, v); break;
	case EVTX_SIZE:
		if (v.len == 4 || v.len == 8)
			add_unsigned(d, v, true);
		break;
	case EVTX_FILETIME:
	case EVTX_SYSTEMTIME: add_time(d, type, v); break;
	case EVTX_SID: add_sid(d, v); break;
	case EVTX_HEX32:
	case EVTX_HEX64: add_unsigned(d, v, true); break;
	default: break;
	}
}

#include "plan/plan.h"

/* One character of UTF-8; -1 when p holds none, *len then is 1. */
static int32_t character(const unsigned char *p, size_t *len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned n = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
	uint32_t c = n == 1 ? *p : n ? *p & (0x7fu >> n) : 0;

	*len = 1;
	if (!n)
		return -1;
	for (unsigned i = 1; i < n; i++) {
		if (p[i] >> 6 != 2) /* the closing NUL too */
			return -1;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return -1;
	*len = n;
	return (int32_t)c;
}

/* What moves a cursor, ends a line, turns the reading direction or is not there at all
 * could make a remark look like a sentence, or a sentence like a remark. */
static bool plain(int32_t c)
{
	static const struct {
		int32_t lo, hi;
	} odd[] = {
		{ -1, 0x1f },
		{ 0x7f, 0x9f },
		{ 0xad, 0xad },
		{ 0x61c, 0x61c },
		{ 0x180e, 0x180e },
		{ 0x200b, 0x200f },
		{ 0x2028, 0x202e },
		{ 0x2060, 0x206f },
		{ 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff },
		{ 0xfff0, 0xfffb },
		{ 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < BH_LEN(odd); i++) {
		if (c >= odd[i].lo && c <= odd[i].hi)
			return false;
	}
	return true;
}

void bh_plan_remark(struct bh_buf *b, const char *text, size_t max)
{
	const unsigned char *p = (const unsigned char *)text;

	for (size_t n = 0; *p; n++) {
		size_t len;
		int32_t c = character(p, &len);

		if (n == max) {
			bh_buf_str(b, "...");
			return;
		}
		if (plain(c))
			bh_buf_add(b, p, len);
		else
			bh_buf_str(b, "?");
		p += len;
	}
}

#include "dissect/text.h"

#define REPLACEMENT 0xfffdu

/* Appends one character unless it does not fit; control characters are replaced, C1
 * among them, because they steer terminals. */
static bool put(uint32_t ch, char *ret, size_t size, size_t *len)
{
	char b[4];
	size_t n;

	if (ch < 0x20 || (ch >= 0x7f && ch < 0xa0))
		ch = REPLACEMENT;
	if (ch < 0x80) {
		b[0] = (char)ch;
		n = 1;
	} else if (ch < 0x800) {
		b[0] = (char)(0xc0 | ch >> 6);
		b[1] = (char)(0x80 | (ch & 0x3f));
		n = 2;
	} else if (ch < 0x10000) {
		b[0] = (char)(0xe0 | ch >> 12);
		b[1] = (char)(0x80 | (ch >> 6 & 0x3f));
		b[2] = (char)(0x80 | (ch & 0x3f));
		n = 3;
	} else {
		b[0] = (char)(0xf0 | ch >> 18);
		b[1] = (char)(0x80 | (ch >> 12 & 0x3f));
		b[2] = (char)(0x80 | (ch >> 6 & 0x3f));
		b[3] = (char)(0x80 | (ch & 0x3f));
		n = 4;
	}
	if (*len + n >= size)
		return false;
	memcpy(ret + *len, b, n);
	*len += n;
	return true;
}

void bh_text_utf16(struct bh_span wire, char *ret, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i + 1 < wire.len; i += 2) {
		uint32_t ch = (uint32_t)wire.ptr[i] | (uint32_t)wire.ptr[i + 1] << 8;
		if (ch >= 0xd800 && ch < 0xdc00 && i + 3 < wire.len &&
			(wire.ptr[i + 3] & 0xfc) == 0xdc) {
			uint32_t low = (uint32_t)wire.ptr[i + 2] | (uint32_t)wire.ptr[i + 3] << 8;
			ch = 0x10000 + ((ch - 0xd800) << 10) + (low - 0xdc00);
			i += 2;
		} else if (ch >= 0xd800 && ch < 0xe000) {
			ch = REPLACEMENT;
		}
		if (!put(ch, ret, size, &len))
			break;
	}
	ret[len] = 0;
}

void bh_text_oem(struct bh_span wire, char *ret, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < wire.len; i++) {
		if (!put(wire.ptr[i] < 0x80 ? wire.ptr[i] : REPLACEMENT, ret, size, &len))
			break;
	}
	ret[len] = 0;
}

/* RFC 3629 4: the character that begins here and its length; 0 for none. */
static size_t utf8_char(const uint8_t *p, size_t left, uint32_t *ch)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80       ? 1
		   : p[0] >> 5 == 6  ? 2
		   : p[0] >> 4 == 14 ? 3
		   : p[0] >> 3 == 30 ? 4
				     : 0;

	if (!n || n > left)
		return 0;
	*ch = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		*ch = *ch << 6 | (p[i] & 0x3f);
	}
	return *ch < least[n] || *ch > 0x10ffff || (*ch >= 0xd800 && *ch < 0xe000) ? 0 : n;
}

void bh_text_utf8(struct bh_span wire, char *ret, size_t size)
{
	size_t len = 0;

	for (size_t i = 0, n; i < wire.len; i += n ? n : 1) {
		uint32_t ch = 0;
		n = utf8_char(wire.ptr + i, wire.len - i, &ch);
		if (!put(n ? ch : REPLACEMENT, ret, size, &len))
			break;
	}
	ret[len] = 0;
}

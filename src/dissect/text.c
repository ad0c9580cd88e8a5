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

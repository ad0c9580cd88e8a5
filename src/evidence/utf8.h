/*
 * utf8: a character as bytes.  Inside the room only.
 */
#pragma once

#include "base/base.h"

/* RFC 3629 3; how many. */
static inline size_t bh_utf8_put(uint32_t ch, uint8_t ret[4])
{
	if (ch < 0x80) {
		ret[0] = (uint8_t)ch;
		return 1;
	}
	if (ch < 0x800) {
		ret[0] = (uint8_t)(0xc0 | ch >> 6);
		ret[1] = (uint8_t)(0x80 | (ch & 0x3f));
		return 2;
	}
	if (ch < 0x10000) {
		ret[0] = (uint8_t)(0xe0 | ch >> 12);
		ret[1] = (uint8_t)(0x80 | (ch >> 6 & 0x3f));
		ret[2] = (uint8_t)(0x80 | (ch & 0x3f));
		return 3;
	}
	ret[0] = (uint8_t)(0xf0 | ch >> 18);
	ret[1] = (uint8_t)(0x80 | (ch >> 12 & 0x3f));
	ret[2] = (uint8_t)(0x80 | (ch >> 6 & 0x3f));
	ret[3] = (uint8_t)(0x80 | (ch & 0x3f));
	return 4;
}

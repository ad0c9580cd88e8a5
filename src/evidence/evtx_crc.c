#include "evidence/evtx.h"

/* Eight tables so that eight bytes go at once: the checksums of a chunk cover all of it. */
void evtx_crc_init(uint32_t table[8][256])
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t v = i;
		for (unsigned bit = 0; bit < 8; bit++)
			v = v >> 1 ^ (v & 1 ? 0xedb88320u : 0);
		table[0][i] = v;
	}
	for (uint32_t i = 0; i < 256; i++) {
		for (unsigned k = 1; k < 8; k++)
			table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];
	}
}

uint32_t evtx_crc(const uint32_t table[8][256], uint32_t crc, struct bh_span s)
{
	struct bh_cur c = bh_cur_of(s);

	crc = ~crc;
	while (bh_cur_left(&c) >= 8) {
		uint32_t lo = bh_cur_le32(&c) ^ crc;
		uint32_t hi = bh_cur_le32(&c);
		crc = table[7][lo & 0xff] ^ table[6][lo >> 8 & 0xff] ^ table[5][lo >> 16 & 0xff] ^
		      table[4][lo >> 24] ^ table[3][hi & 0xff] ^ table[2][hi >> 8 & 0xff] ^
		      table[1][hi >> 16 & 0xff] ^ table[0][hi >> 24];
	}
	while (bh_cur_left(&c))
		crc = crc >> 8 ^ table[0][(crc ^ bh_cur_u8(&c)) & 0xff];
	return ~crc;
}

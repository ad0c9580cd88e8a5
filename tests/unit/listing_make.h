/*
 * listing_make: lists of shares, as [MS-SRVS] 2.2.4 says they look on the wire.
 */
#pragma once

#include "dfs_make.h"

struct listed_share {
	const char *name;
	uint32_t type;
	const char *remark; /* NULL: none */
};

static inline void ndr_align(struct bh_buf *b, size_t begin, unsigned to)
{
	put_zero(b, (to - (b->len - begin) % to) % to);
}

static inline void ndr_word(struct bh_buf *b, size_t begin, unsigned word, uint64_t v)
{
	ndr_align(b, begin, word);
	if (word == 8)
		bh_buf_le64(b, v);
	else
		bh_buf_le32(b, (uint32_t)v);
}

static inline void ndr_text(struct bh_buf *b, size_t begin, unsigned word, const char *text)
{
	size_t n = strlen(text) + 1;

	ndr_word(b, begin, word, n);
	ndr_word(b, begin, word, 0);
	ndr_word(b, begin, word, n);
	put_wide(b, text);
	bh_buf_le16(b, 0);
}

/* The whole PDU of a response; word: 4, or 8 in NDR64. */
static inline void listing_pdu(
	struct bh_buf *b, unsigned word, uint32_t level, const struct listed_share *v, size_t n)
{
	size_t pdu = b->len, begin = pdu + 24;

	bh_buf_add(b, "\5\0\2\3\x10\0\0\0", 8);
	put_zero(b, 16); /* length, authentication, call, hint, context, cancels */
	bh_buf_le32(b, level);
	ndr_align(b, begin, word);
	bh_buf_le32(b, level);
	ndr_word(b, begin, word, 0x20000);
	bh_buf_le32(b, (uint32_t)n);
	ndr_word(b, begin, word, 0x20004);
	ndr_word(b, begin, word, n);
	for (size_t i = 0; i < n; i++) {
		ndr_word(b, begin, word, 0x20008 + 8 * i);
		bh_buf_le32(b, v[i].type);
		ndr_word(b, begin, word, v[i].remark ? 0x2000c + 8 * i : 0);
	}
	for (size_t i = 0; i < n; i++) {
		ndr_text(b, begin, word, v[i].name);
		if (v[i].remark)
			ndr_text(b, begin, word, v[i].remark);
	}
	ndr_word(b, begin, 4, n);
	ndr_word(b, begin, word, 0);
	bh_buf_le32(b, 0);
	set16(b, pdu + 8, (unsigned)(b->len - pdu));
}

/* A call of that number, with nothing behind it. */
static inline void call_pdu(struct bh_buf *b, uint16_t number)
{
	bh_buf_add(b, "\5\0\0\3\x10\0\0\0\x18\0\0\0\2\0\0\0", 16);
	bh_buf_le32(b, 0);
	bh_buf_le16(b, 0);
	bh_buf_le16(b, number);
}

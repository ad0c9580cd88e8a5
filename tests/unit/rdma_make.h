/* rdma_make: the datagrams of RoCE v2 that make a connection, for tests. */
#pragma once

#include "base/buf.h"

struct roce {
	uint8_t opcode; /* 0: UD SEND only */
	uint32_t pair; /* 0: the one for general services */
	uint16_t attribute; /* 0x10 asks, 0x12 rejects, 0x13 accepts */
	uint32_t local, remote; /* communication ids */
	uint64_t service;
};

#define ROCE_TCP(port) (0x0000000001060000u | (port))

static inline void put_be(struct bh_buf *b, unsigned bytes, uint64_t v)
{
	while (bytes--)
		bh_buf_u8(b, (uint8_t)(v >> 8 * bytes));
}

static inline void put_roce(struct bh_buf *b, const struct roce *r)
{
	size_t at = b->len;

	put_be(b, 1, r->opcode ? r->opcode : 0x64);
	put_be(b, 3, 0x40ffff);
	put_be(b, 4, r->pair ? r->pair : 1);
	put_be(b, 4, 7);
	put_be(b, 4, 0x80010000); /* the well-known key */
	put_be(b, 4, 1);
	put_be(b, 4, 0x01070203); /* connections, sent */
	put_be(b, 4, 0);
	put_be(b, 8, 0x1122334455667788);
	put_be(b, 2, r->attribute);
	put_be(b, 6, 0);
	put_be(b, 4, r->local);
	put_be(b, 4, r->remote);
	put_be(b, 8, r->service);
	while (b->len - at < 12 + 8 + 256 + 4)
		bh_buf_u8(b, 0);
}

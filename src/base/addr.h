/*
 * addr: one IPv4 or IPv6 address as a number, and its text.
 */
#pragma once

#include <endian.h>

#include "base/base.h"

__extension__ typedef unsigned __int128 bh_u128;

enum bh_family {
	BH_NO_ADDR = 0, /* a zeroed address is no address */
	BH_V4 = 4,
	BH_V6 = 6,
};

/* Made by bh_addr_v4, bh_addr_v6 or bh_addr_parse, so that padding is zero and
 * equal addresses are equal bytes. */
struct bh_addr {
	bh_u128 num; /* host order: 10.0.0.1 is 0x0a000001 */
	uint8_t family;
	uint8_t pad[15];
};

#define BH_ADDR_TEXT 46 /* room for the longest text and its NUL */

/* In place, for whoever makes two of every packet: a copy of what was just written in
 * halves makes the processor wait for both. */
static inline void bh_addr_set_v4(struct bh_addr *ret, uint32_t host_order)
{
	ret->num = host_order;
	ret->family = BH_V4;
	memset(ret->pad, 0, sizeof ret->pad);
}

static inline void bh_addr_set_v6(struct bh_addr *ret, const uint8_t bytes[16])
{
	uint64_t half[2];

	memcpy(half, bytes, sizeof half);
	ret->num = (bh_u128)be64toh(half[0]) << 64 | be64toh(half[1]);
	ret->family = BH_V6;
	memset(ret->pad, 0, sizeof ret->pad);
}

static inline struct bh_addr bh_addr_v4(uint32_t host_order)
{
	return (struct bh_addr){ .num = host_order, .family = BH_V4 };
}

static inline struct bh_addr bh_addr_v6(const uint8_t bytes[16])
{
	struct bh_addr a;

	bh_addr_set_v6(&a, bytes);
	return a;
}

/* The 4 or 16 bytes in network order; returns how many. */
size_t bh_addr_bytes(const struct bh_addr *a, uint8_t ret[16]);

/* Dotted IPv4 or RFC 4291 IPv6, nothing else (no zone, no leading zeros in IPv4);
 * -EINVAL otherwise.  text need not be NUL-terminated. */
BH_MUST int bh_addr_parse(const char *text, size_t len, struct bh_addr *ret);

/* ADDRESS or ADDRESS/BITS: the address as it stands there, bits of the host included, and
 * the bits, all of them where none are written.  -EINVAL otherwise. */
BH_MUST int bh_prefix_parse(const char *text, size_t len, struct bh_addr *ret, unsigned *ret_bits);

/* RFC 5952 text; "-" for no address.  Returns ret. */
const char *bh_addr_format(const struct bh_addr *a, char ret[BH_ADDR_TEXT]);

static inline bool bh_addr_equal(const struct bh_addr *a, const struct bh_addr *b)
{
	return a->family == b->family && a->num == b->num;
}

/* Total order: none, then IPv4, then IPv6. */
int bh_addr_compare(const struct bh_addr *a, const struct bh_addr *b);

static inline unsigned bh_addr_bits(uint8_t family)
{
	return family == BH_V4 ? 32 : 128;
}

/* Routed in the Internet: neither private, shared (RFC 6598), link-local nor loopback.
 * No address is not. */
bool bh_addr_public(const struct bh_addr *a);

/* The highest number of a family. */
static inline bh_u128 bh_addr_max(uint8_t family)
{
	return family == BH_V4 ? (bh_u128)UINT32_MAX : ~(bh_u128)0;
}

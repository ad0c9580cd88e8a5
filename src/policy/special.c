#include "policy/ast.h"

struct block {
	const char *text;
	unsigned bits;
};

static struct bh_addrset set_of(struct bh_arena *a, const struct block *blocks, size_t n)
{
	struct bh_addrset s = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct bh_addr lo;
		if (bh_addr_parse(blocks[i].text, strlen(blocks[i].text), &lo) < 0)
			assert(!"a block of ours is no address");
		unsigned free_bits = bh_addr_bits(lo.family) - blocks[i].bits;
		bh_u128 tail = free_bits == 128 ? ~(bh_u128)0 : ((bh_u128)1 << free_bits) - 1;
		struct bh_addr hi = { .num = lo.num | tail, .family = lo.family };
		assert(!(lo.num & tail));
		s = bh_addrset_union(a, s, bh_addrset_range(a, &lo, &hi));
	}
	return s;
}

/* IANA IPv4 Special-Purpose Address Registry (RFC 6890 and what was added since),
 * globally reachable and deprecated blocks too, and multicast (RFC 5771). */
static const struct block special_v4[] = {
	{ "0.0.0.0", 8 }, /* RFC 791 */
	{ "10.0.0.0", 8 }, /* RFC 1918 */
	{ "100.64.0.0", 10 }, /* RFC 6598 */
	{ "127.0.0.0", 8 }, /* RFC 1122 */
	{ "169.254.0.0", 16 }, /* RFC 3927 */
	{ "172.16.0.0", 12 }, /* RFC 1918 */
	{ "192.0.0.0", 24 }, /* RFC 6890; 7335, 7600, 7723, 8155, 7050 within */
	{ "192.0.2.0", 24 }, /* RFC 5737 */
	{ "192.31.196.0", 24 }, /* RFC 7535 */
	{ "192.52.193.0", 24 }, /* RFC 7450 */
	{ "192.88.99.0", 24 }, /* RFC 7526, deprecated; RFC 6751 within */
	{ "192.168.0.0", 16 }, /* RFC 1918 */
	{ "192.175.48.0", 24 }, /* RFC 7534 */
	{ "198.18.0.0", 15 }, /* RFC 2544 */
	{ "198.51.100.0", 24 }, /* RFC 5737 */
	{ "203.0.113.0", 24 }, /* RFC 5737 */
	{ "224.0.0.0", 4 }, /* multicast */
	{ "240.0.0.0", 4 }, /* RFC 1112; RFC 8190 within */
};

/* IANA IPv6 Special-Purpose Address Registry, and multicast (RFC 4291). */
static const struct block special_v6[] = {
	{ "::1", 128 }, /* RFC 4291 */
	{ "::", 128 }, /* RFC 4291 */
	{ "::ffff:0:0", 96 }, /* RFC 4291 */
	{ "64:ff9b::", 96 }, /* RFC 6052 */
	{ "64:ff9b:1::", 48 }, /* RFC 8215 */
	{ "100::", 64 }, /* RFC 6666 */
	{ "100:0:0:1::", 64 }, /* RFC 9780 */
	{ "2001::", 23 }, /* RFC 2928; 4380, 7723, 8155, 9665, 5180, 7450, 7535, 4843, 7343,
			   * 9374 within */
	{ "2001:db8::", 32 }, /* RFC 3849 */
	{ "2002::", 16 }, /* RFC 3056 */
	{ "2620:4f:8000::", 48 }, /* RFC 7534 */
	{ "3fff::", 20 }, /* RFC 9637 */
	{ "5f00::", 16 }, /* RFC 9602 */
	{ "fc00::", 7 }, /* RFC 4193 */
	{ "fe80::", 10 }, /* RFC 4291 */
	{ "ff00::", 8 }, /* multicast */
};

struct bh_addrset bh_set_internet(struct bh_arena *a)
{
	static const struct block unicast[] = { { "0.0.0.0", 0 }, { "2000::", 3 } };
	struct bh_addrset s = set_of(a, unicast, BH_LEN(unicast));

	s = bh_addrset_subtract(a, s, set_of(a, special_v4, BH_LEN(special_v4)));
	return bh_addrset_subtract(a, s, set_of(a, special_v6, BH_LEN(special_v6)));
}

struct bh_addrset bh_set_loopback(struct bh_arena *a)
{
	static const struct block blocks[] = { { "127.0.0.0", 8 }, { "::1", 128 } };
	return set_of(a, blocks, BH_LEN(blocks));
}

struct bh_addrset bh_set_multicast(struct bh_arena *a)
{
	static const struct block blocks[] = { { "224.0.0.0", 4 }, { "255.255.255.255", 32 },
		{ "ff00::", 8 } };
	return set_of(a, blocks, BH_LEN(blocks));
}

bool bh_is_loopback(const struct bh_addr *a)
{
	if (a->family == BH_V4)
		return a->num >> 24 == 127;
	return a->family == BH_V6 && a->num == 1;
}

bool bh_is_multicast(const struct bh_addr *a)
{
	if (a->family == BH_V4)
		return a->num >> 28 == 14 || a->num == UINT32_MAX;
	return a->family == BH_V6 && a->num >> 120 == 0xff;
}

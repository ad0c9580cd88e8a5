#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

size_t bh_addr_bytes(const struct bh_addr *a, uint8_t ret[16])
{
	size_t n = a->family == BH_V4 ? 4 : a->family == BH_V6 ? 16 : 0;

	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)(a->num >> (8 * (n - 1 - i)));
	return n;
}

int bh_addr_parse(const char *text, size_t len, struct bh_addr *ret)
{
	char z[BH_ADDR_TEXT];
	struct in_addr v4;
	struct in6_addr v6;

	if (len == 0 || len >= sizeof z || memchr(text, '\0', len))
		return -EINVAL;
	memcpy(z, text, len);
	z[len] = '\0';
	if (inet_pton(AF_INET, z, &v4) == 1) {
		*ret = bh_addr_v4(ntohl(v4.s_addr));
		return 0;
	}
	if (inet_pton(AF_INET6, z, &v6) == 1) {
		*ret = bh_addr_v6(v6.s6_addr);
		return 0;
	}
	return -EINVAL;
}

int bh_prefix_parse(const char *text, size_t len, struct bh_addr *ret, unsigned *ret_bits)
{
	const char *slash = memchr(text, '/', len);
	size_t n = slash ? (size_t)(slash - text) : len;
	struct bh_addr a;
	unsigned bits = 0;

	if (bh_addr_parse(text, n, &a))
		return -EINVAL;
	const char *s = slash ? slash + 1 : text + len, *end = text + len;
	if (slash && (s == end || end - s > 3 || (*s == '0' && end - s > 1)))
		return -EINVAL;
	for (; s < end; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		bits = bits * 10 + (unsigned)(*s - '0');
	}
	if (bits > bh_addr_bits(a.family))
		return -EINVAL;
	*ret = a;
	*ret_bits = slash ? bits : bh_addr_bits(a.family);
	return 0;
}

const char *bh_addr_format(const struct bh_addr *a, char ret[BH_ADDR_TEXT])
{
	uint8_t bytes[16];
	size_t n = bh_addr_bytes(a, bytes);

	if (!n || !inet_ntop(n == 4 ? AF_INET : AF_INET6, bytes, ret, BH_ADDR_TEXT))
		snprintf(ret, BH_ADDR_TEXT, "-");
	return ret;
}

int bh_addr_compare(const struct bh_addr *a, const struct bh_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->num != b->num)
		return a->num < b->num ? -1 : 1;
	return 0;
}

static bool in_block(const struct bh_addr *a, bh_u128 num, unsigned bits)
{
	unsigned rest = bh_addr_bits(a->family) - bits;

	return a->num >> rest == num >> rest;
}

bool bh_addr_public(const struct bh_addr *a)
{
	/* RFC 1918, RFC 6598, RFC 3927, RFC 1122 loopback. */
	static const struct {
		uint32_t num;
		unsigned bits;
	} v4[] = { { 0x0a000000, 8 }, { 0xac100000, 12 }, { 0xc0a80000, 16 }, { 0x64400000, 10 },
		{ 0xa9fe0000, 16 }, { 0x7f000000, 8 } };

	if (!a->family)
		return false;
	if (a->family == BH_V4) {
		for (size_t i = 0; i < BH_LEN(v4); i++) {
			if (in_block(a, v4[i].num, v4[i].bits))
				return false;
		}
		return true;
	}
	/* RFC 4193, RFC 4291 link-local and loopback. */
	return !in_block(a, (bh_u128)0xfc << 120, 7) && !in_block(a, (bh_u128)0xfe80 << 112, 10) &&
	       a->num != 1;
}

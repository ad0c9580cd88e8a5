#include "proof/rules.h"

/* Netlink's own headers are in the machine's byte order. */
static uint16_t native16(struct bh_cur *c)
{
	struct bh_span s = bh_cur_take(c, 2);
	uint16_t v = 0;

	if (s.len)
		memcpy(&v, s.ptr, sizeof v);
	return v;
}

bool bh_attr_next(struct bh_cur *c, uint16_t *type, struct bh_span *ret)
{
	if (!bh_cur_left(c))
		return false;
	uint16_t len = native16(c);
	uint16_t raw = native16(c);
	if (!bh_cur_ok(c) || len < 4) {
		bh_cur_fail(c);
		return false;
	}
	struct bh_span s = bh_cur_take(c, len - 4u);
	if (!bh_cur_ok(c))
		return false;
	bh_cur_skip(c, bh_min_size((4u - len % 4u) % 4u, bh_cur_left(c)));
	*type = raw & 0x3fff; /* NLA_TYPE_MASK */
	*ret = s;
	return true;
}

int bh_attrs_read(struct bh_span nest, struct attrs *ret)
{
	struct bh_cur c = bh_cur_of(nest);
	struct attrs at = { 0 };
	struct bh_span s;
	uint16_t type;

	while (bh_attr_next(&c, &type, &s))
		if (type < MAX_ATTR)
			at.v[type] = s;
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	*ret = at;
	return 0;
}

uint32_t bh_attr_be32(const struct attrs *at, unsigned type, bool *bad)
{
	struct bh_cur c = bh_cur_of(at->v[type]);

	if (!at->v[type].ptr)
		return 0;
	if (at->v[type].len != 4)
		*bad = true;
	return bh_cur_be32(&c);
}

uint64_t bh_attr_be64(const struct attrs *at, unsigned type, bool *bad)
{
	struct bh_cur c = bh_cur_of(at->v[type]);

	if (!at->v[type].ptr)
		return 0;
	if (at->v[type].len != 8)
		*bad = true;
	uint64_t high = bh_cur_be32(&c);
	uint64_t low = bh_cur_be32(&c);
	return high << 32 | low;
}

const char *bh_attr_name(const struct attrs *at, unsigned type, bool *bad)
{
	struct bh_span s = at->v[type];
	const uint8_t *nul = s.ptr && s.len <= MAX_NAME ? memchr(s.ptr, 0, s.len) : NULL;

	if (!nul || (size_t)(nul - s.ptr) + 1 != s.len) {
		*bad = true;
		return NULL;
	}
	return (const char *)s.ptr;
}

const char *bh_rules_clean(struct bh_arena *a, const char *name)
{
	char *copy = bh_arena_str(a, name);

	for (char *p = copy; p && *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return copy ? copy : "?";
}

const char *bh_rules_family(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET: return "inet";
	case NFPROTO_IPV4: return "ip";
	case NFPROTO_IPV6: return "ip6";
	case NFPROTO_ARP: return "arp";
	case NFPROTO_BRIDGE: return "bridge";
	case NFPROTO_NETDEV: return "netdev";
	default: return "unknown family";
	}
}

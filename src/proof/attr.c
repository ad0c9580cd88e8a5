#include "proof/rules.h"

int bh_attrs_read(struct bh_span nest, struct attrs *ret)
{
	struct bh_cur c = bh_cur_of(nest);
	struct attrs at = { 0 };
	struct bh_nl_attr a;

	while (bh_nl_attr_next(&c, &a))
		if (a.type < MAX_ATTR)
			at.v[a.type] = a.is;
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
	return bh_cur_be64(&c);
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

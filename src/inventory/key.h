/*
 * key: keyed hashes of what peers choose, and the equality that goes with them: ASCII
 * without case.  The room's own.
 */
#pragma once

#include <strings.h>

#include "base/addr.h"

/* So that chosen input does not meet in one bucket; it is no signature. */
static inline uint64_t key_mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static inline uint64_t key_text(uint64_t seed, struct bh_span s)
{
	uint64_t h = key_mix(seed, s.len);

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.ptr[i];
		h = key_mix(h, c >= 'A' && c <= 'Z' ? c | 0x20u : c);
	}
	return h;
}

static inline uint64_t key_addr(uint64_t seed, const struct bh_addr *a)
{
	return key_mix(
		key_mix(key_mix(seed, a->family), (uint64_t)a->num), (uint64_t)(a->num >> 64));
}

static inline int key_compare(struct bh_span x, struct bh_span y)
{
	int r = strncasecmp((const char *)x.ptr, (const char *)y.ptr, bh_min_size(x.len, y.len));

	return r ? r : x.len < y.len ? -1 : x.len > y.len;
}

static inline bool key_same(struct bh_span x, struct bh_span y)
{
	return x.len == y.len && !key_compare(x, y);
}

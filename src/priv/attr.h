/* attr: single attributes of what the kernel tells us, where a broken one is none. */
#pragma once

#include "base/nl.h"

/* The first attribute of that type; an empty span when there is none. */
static inline struct bh_span attr_find(struct bh_span in, uint16_t type)
{
	struct bh_cur c = bh_cur_of(in);
	struct bh_nl_attr a;

	while (bh_nl_attr_next(&c, &a)) {
		if (a.type == type)
			return a.is;
	}
	return (struct bh_span){ 0 };
}

/* Is the attribute this text? */
static inline bool attr_is(struct bh_span v, const char *text)
{
	size_t n = strlen(text);

	return v.len >= n && v.len <= n + 1 && !memcmp(v.ptr, text, n) && (v.len == n || !v.ptr[n]);
}

static inline uint32_t attr_be32(struct bh_span v)
{
	struct bh_cur c = bh_cur_of(v);

	return v.len == 4 ? bh_cur_be32(&c) : 0;
}

static inline uint64_t attr_be64(struct bh_span v)
{
	struct bh_cur c = bh_cur_of(v);

	return v.len == 8 ? bh_cur_be64(&c) : 0;
}

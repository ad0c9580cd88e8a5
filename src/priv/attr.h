/* attr: a bounded walk over netlink messages and their attributes. */
#pragma once

#include <linux/netlink.h>

#include "base/base.h"

struct attr {
	uint16_t type; /* without its flags */
	struct bh_span is;
};

/* The next attribute of *left; false at the end, and at the first that does not fit. */
static inline bool attr_next(struct bh_span *left, struct attr *ret)
{
	struct nlattr h;

	if (left->len < sizeof h)
		return false;
	memcpy(&h, left->ptr, sizeof h);
	if (h.nla_len < sizeof h || h.nla_len > left->len)
		return false;
	size_t step = bh_min_size((h.nla_len + 3u) & ~(size_t)3, left->len);
	*ret = (struct attr){ .type = (uint16_t)(h.nla_type & NLA_TYPE_MASK),
		.is = bh_span_of(left->ptr + sizeof h, h.nla_len - sizeof h) };
	*left = bh_span_of(left->ptr + step, left->len - step);
	return true;
}

/* The first attribute of that type; an empty span when there is none. */
static inline struct bh_span attr_find(struct bh_span in, uint16_t type)
{
	struct attr a;

	while (attr_next(&in, &a)) {
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
	if (v.len != 4)
		return 0;
	return (uint32_t)v.ptr[0] << 24 | (uint32_t)v.ptr[1] << 16 | (uint32_t)v.ptr[2] << 8 |
	       v.ptr[3];
}

static inline uint64_t attr_be64(struct bh_span v)
{
	uint64_t n = 0;

	for (size_t i = 0; v.len == 8 && i < 8; i++)
		n = n << 8 | v.ptr[i];
	return n;
}

struct message {
	uint16_t type;
	uint16_t flags;
	uint32_t seq;
	struct bh_span body; /* after the header */
};

static inline bool message_next(struct bh_span *left, struct message *ret)
{
	struct nlmsghdr h;

	if (left->len < sizeof h)
		return false;
	memcpy(&h, left->ptr, sizeof h);
	if (h.nlmsg_len < sizeof h || h.nlmsg_len > left->len)
		return false;
	size_t step = bh_min_size((h.nlmsg_len + 3u) & ~(size_t)3, left->len);
	*ret = (struct message){ .type = h.nlmsg_type,
		.flags = h.nlmsg_flags,
		.seq = h.nlmsg_seq,
		.body = bh_span_of(left->ptr + sizeof h, h.nlmsg_len - sizeof h) };
	*left = bh_span_of(left->ptr + step, left->len - step);
	return true;
}

/* What follows struct nfgenmsg. */
static inline struct bh_span message_attrs(const struct message *m)
{
	return m->body.len < 4 ? (struct bh_span){ 0 }
			       : bh_span_of(m->body.ptr + 4, m->body.len - 4);
}

static inline uint8_t message_family(const struct message *m)
{
	return m->body.len < 4 ? 0 : m->body.ptr[0];
}

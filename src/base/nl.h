/*
 * nl: netlink messages and their attributes, through a cursor (linux/netlink.h).
 *
 * Both headers are in this machine's byte order; what netfilter puts into attributes is
 * in the network's.  No socket, no allocation.
 */
#pragma once

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "base/cur.h"

struct bh_nl_message {
	uint16_t type, flags;
	uint32_t seq;
	struct bh_span body; /* after the header */
	struct bh_span whole; /* with it; padding is in neither */
};

struct bh_nl_attr {
	uint16_t type; /* without its flags */
	struct bh_span is;
};

/* Up to the next multiple of four, or the end: the last padding may be left out. */
static inline void bh_nl_skip_padding(struct bh_cur *c, size_t len)
{
	bh_cur_skip(c, bh_min_size((4 - len % 4) % 4, bh_cur_left(c)));
}

/* The next message: false at the end, and at one that does not fit, which makes c bad. */
static inline bool bh_nl_message_next(struct bh_cur *c, struct bh_nl_message *ret)
{
	struct bh_cur start = *c;

	if (!bh_cur_left(c))
		return false;
	uint32_t len = bh_cur_host32(c);
	uint16_t type = bh_cur_host16(c);
	uint16_t flags = bh_cur_host16(c);
	uint32_t seq = bh_cur_host32(c);
	bh_cur_skip(c, 4); /* port */
	if (len < sizeof(struct nlmsghdr))
		bh_cur_fail(c);
	struct bh_span body = bh_cur_take(c, len - sizeof(struct nlmsghdr));
	if (!bh_cur_ok(c))
		return false;
	bh_nl_skip_padding(c, len);
	*ret = (struct bh_nl_message){ .type = type,
		.flags = flags,
		.seq = seq,
		.body = body,
		.whole = bh_cur_take(&start, len) };
	return true;
}

/* The next attribute of one nesting level, in the same way. */
static inline bool bh_nl_attr_next(struct bh_cur *c, struct bh_nl_attr *ret)
{
	if (!bh_cur_left(c))
		return false;
	uint16_t len = bh_cur_host16(c);
	uint16_t type = bh_cur_host16(c);
	if (len < sizeof(struct nlattr))
		bh_cur_fail(c);
	struct bh_span is = bh_cur_take(c, len - sizeof(struct nlattr));
	if (!bh_cur_ok(c))
		return false;
	bh_nl_skip_padding(c, len);
	*ret = (struct bh_nl_attr){ .type = (uint16_t)(type & NLA_TYPE_MASK), .is = is };
	return true;
}

/* A message of netfilter begins with struct nfgenmsg: its first byte, or 0 … */
static inline uint8_t bh_nl_family(const struct bh_nl_message *m)
{
	struct bh_cur c = bh_cur_of(m->body);

	return bh_cur_u8(&c);
}

/* … and the attributes behind it; nothing when it is not whole. */
static inline struct bh_span bh_nl_attrs(const struct bh_nl_message *m)
{
	struct bh_cur c = bh_cur_of(m->body);

	bh_cur_skip(&c, sizeof(struct nfgenmsg));
	return bh_cur_take(&c, bh_cur_left(&c));
}

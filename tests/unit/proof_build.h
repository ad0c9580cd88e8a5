/*
 * build: nf_tables dumps written by hand, message by message, as the kernel writes them.
 */
#pragma once

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "base/buf.h"
#include "proof/rules.h"

struct build {
	struct bh_buf b;
	size_t message; /* where the open message begins */
	size_t nest[8];
	unsigned depth;
	size_t at[2048]; /* where every attribute begins */
	unsigned n_at;
};

static inline void patch16(struct build *d, size_t at, size_t v)
{
	uint16_t n = (uint16_t)v;
	memcpy(d->b.ptr + at, &n, sizeof n);
}

static inline void begin(struct build *d, uint16_t kind, uint8_t family)
{
	struct nlmsghdr h = { .nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | kind) };
	struct nfgenmsg g = { .nfgen_family = family };

	d->message = d->b.len;
	bh_buf_add(&d->b, &h, sizeof h);
	bh_buf_add(&d->b, &g, sizeof g);
}

static inline void end(struct build *d)
{
	uint32_t len = (uint32_t)(d->b.len - d->message);
	memcpy(d->b.ptr + d->message, &len, sizeof len);
}

static inline void attr(struct build *d, uint16_t type, const void *v, size_t len)
{
	static const uint8_t zero[4];
	uint16_t head[2] = { (uint16_t)(4 + len), type };

	if (d->n_at < BH_LEN(d->at))
		d->at[d->n_at++] = d->b.len;
	bh_buf_add(&d->b, head, sizeof head);
	bh_buf_add(&d->b, v, len);
	bh_buf_add(&d->b, zero, (4 - len % 4) % 4);
}

static inline void attr32(struct build *d, uint16_t type, uint32_t v)
{
	uint8_t be[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };
	attr(d, type, be, 4);
}

static inline void attr64(struct build *d, uint16_t type, uint32_t v)
{
	uint8_t be[8] = { 0, 0, 0, 0, (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
		(uint8_t)v };
	attr(d, type, be, 8);
}

static inline void name(struct build *d, uint16_t type, const char *s)
{
	attr(d, type, s, strlen(s) + 1);
}

static inline void open_nest(struct build *d, uint16_t type)
{
	d->nest[d->depth++] = d->b.len;
	attr(d, (uint16_t)(type | NLA_F_NESTED), NULL, 0);
}

static inline void close_nest(struct build *d)
{
	size_t at = d->nest[--d->depth];
	patch16(d, at, d->b.len - at);
}

/* ---- objects -------------------------------------------------------------- */

static inline void gen(struct build *d, uint32_t id)
{
	begin(d, NFT_MSG_NEWGEN, 0);
	attr32(d, NFTA_GEN_ID, id);
	end(d);
}

static inline void add_table(struct build *d, uint8_t family, const char *table, uint32_t flags)
{
	begin(d, NFT_MSG_NEWTABLE, family);
	name(d, NFTA_TABLE_NAME, table);
	attr32(d, NFTA_TABLE_FLAGS, flags);
	end(d);
}

/* hook < 0: no base chain. */
static inline void add_chain(struct build *d, uint8_t family, const char *table, const char *chain,
	int hook, int32_t priority, uint32_t policy, const char *type)
{
	begin(d, NFT_MSG_NEWCHAIN, family);
	name(d, NFTA_CHAIN_TABLE, table);
	name(d, NFTA_CHAIN_NAME, chain);
	if (hook >= 0) {
		open_nest(d, NFTA_CHAIN_HOOK);
		attr32(d, NFTA_HOOK_HOOKNUM, (uint32_t)hook);
		attr32(d, NFTA_HOOK_PRIORITY, (uint32_t)priority);
		close_nest(d);
		attr32(d, NFTA_CHAIN_POLICY, policy);
		name(d, NFTA_CHAIN_TYPE, type);
	}
	end(d);
}

static inline void begin_rule(
	struct build *d, uint8_t family, const char *table, const char *chain, uint32_t handle)
{
	begin(d, NFT_MSG_NEWRULE, family);
	name(d, NFTA_RULE_TABLE, table);
	name(d, NFTA_RULE_CHAIN, chain);
	attr64(d, NFTA_RULE_HANDLE, handle);
	open_nest(d, NFTA_RULE_EXPRESSIONS);
}

static inline void end_rule(struct build *d)
{
	close_nest(d);
	end(d);
}

/* klen: of the key; flags: NFT_SET_*; verdicts: a verdict map. */
static inline void begin_set(struct build *d, const char *set, uint32_t flags, uint32_t klen)
{
	begin(d, NFT_MSG_NEWSET, NFPROTO_INET);
	name(d, NFTA_SET_TABLE, "bulkhead");
	name(d, NFTA_SET_NAME, set);
	attr32(d, NFTA_SET_FLAGS, flags);
	attr32(d, NFTA_SET_KEY_LEN, klen);
}

static inline void begin_elems(struct build *d, const char *set)
{
	begin(d, NFT_MSG_NEWSETELEM, NFPROTO_INET);
	name(d, NFTA_SET_ELEM_LIST_TABLE, "bulkhead");
	name(d, NFTA_SET_ELEM_LIST_SET, set);
	open_nest(d, NFTA_SET_ELEM_LIST_ELEMENTS);
}

static inline void value(struct build *d, uint16_t type, const void *v, size_t len)
{
	open_nest(d, type);
	attr(d, NFTA_DATA_VALUE, v, len);
	close_nest(d);
}

static inline void verdict(struct build *d, uint16_t type, int32_t code, const char *chain)
{
	open_nest(d, type);
	open_nest(d, NFTA_DATA_VERDICT);
	attr32(d, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		name(d, NFTA_VERDICT_CHAIN, chain);
	close_nest(d);
	close_nest(d);
}

static inline void elem(struct build *d, const void *key, size_t len, uint32_t flags)
{
	open_nest(d, NFTA_LIST_ELEM);
	value(d, NFTA_SET_ELEM_KEY, key, len);
	if (flags)
		attr32(d, NFTA_SET_ELEM_FLAGS, flags);
	close_nest(d);
}

static inline void elem4(struct build *d, uint32_t addr, uint32_t flags)
{
	uint8_t key[4] = { (uint8_t)(addr >> 24), (uint8_t)(addr >> 16), (uint8_t)(addr >> 8),
		(uint8_t)addr };
	elem(d, key, 4, flags);
}

/* ---- expressions ---------------------------------------------------------- */

static inline void begin_expr(struct build *d, const char *what)
{
	open_nest(d, NFTA_LIST_ELEM);
	name(d, NFTA_EXPR_NAME, what);
	open_nest(d, NFTA_EXPR_DATA);
}

static inline void end_expr(struct build *d)
{
	close_nest(d);
	close_nest(d);
}

static inline void x_payload(struct build *d, uint32_t base, uint32_t off, uint32_t len)
{
	begin_expr(d, "payload");
	attr32(d, NFTA_PAYLOAD_DREG, NFT_REG_1);
	attr32(d, NFTA_PAYLOAD_BASE, base);
	attr32(d, NFTA_PAYLOAD_OFFSET, off);
	attr32(d, NFTA_PAYLOAD_LEN, len);
	end_expr(d);
}

static inline void x_meta(struct build *d, uint32_t key)
{
	begin_expr(d, "meta");
	attr32(d, NFTA_META_DREG, NFT_REG_1);
	attr32(d, NFTA_META_KEY, key);
	end_expr(d);
}

static inline void x_cmp(struct build *d, uint32_t op, const void *v, size_t len)
{
	begin_expr(d, "cmp");
	attr32(d, NFTA_CMP_SREG, NFT_REG_1);
	attr32(d, NFTA_CMP_OP, op);
	value(d, NFTA_CMP_DATA, v, len);
	end_expr(d);
}

static inline void x_range(
	struct build *d, uint32_t op, const void *from, const void *to, size_t len)
{
	begin_expr(d, "range");
	attr32(d, NFTA_RANGE_SREG, NFT_REG_1);
	attr32(d, NFTA_RANGE_OP, op);
	value(d, NFTA_RANGE_FROM_DATA, from, len);
	value(d, NFTA_RANGE_TO_DATA, to, len);
	end_expr(d);
}

static inline void x_bitwise(struct build *d, const void *mask, const void * xor, size_t len)
{
	begin_expr(d, "bitwise");
	attr32(d, NFTA_BITWISE_SREG, NFT_REG_1);
	attr32(d, NFTA_BITWISE_DREG, NFT_REG_1);
	attr32(d, NFTA_BITWISE_LEN, (uint32_t)len);
	value(d, NFTA_BITWISE_MASK, mask, len);
	value(d, NFTA_BITWISE_XOR, xor, len);
	end_expr(d);
}

static inline void x_lookup(struct build *d, const char *set, uint32_t flags, bool map)
{
	begin_expr(d, "lookup");
	name(d, NFTA_LOOKUP_SET, set);
	attr32(d, NFTA_LOOKUP_SREG, NFT_REG_1);
	if (map)
		attr32(d, NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
	attr32(d, NFTA_LOOKUP_FLAGS, flags);
	end_expr(d);
}

static inline void x_exthdr(struct build *d, uint32_t off, uint32_t len, uint32_t flags)
{
	uint8_t fragment = 44;
	begin_expr(d, "exthdr");
	attr32(d, NFTA_EXTHDR_DREG, NFT_REG_1);
	attr(d, NFTA_EXTHDR_TYPE, &fragment, 1);
	attr32(d, NFTA_EXTHDR_OFFSET, off);
	attr32(d, NFTA_EXTHDR_LEN, len);
	attr32(d, NFTA_EXTHDR_FLAGS, flags);
	end_expr(d);
}

static inline void x_verdict(struct build *d, int32_t code, const char *chain)
{
	begin_expr(d, "immediate");
	attr32(d, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	verdict(d, NFTA_IMMEDIATE_DATA, code, chain);
	end_expr(d);
}

static inline void x_plain(struct build *d, const char *what)
{
	begin_expr(d, what);
	end_expr(d);
}

static inline void x_log(struct build *d, uint16_t group)
{
	uint8_t be[2] = { (uint8_t)(group >> 8), (uint8_t)group };
	begin_expr(d, "log");
	attr(d, NFTA_LOG_GROUP, be, 2);
	end_expr(d);
}

#include "proof/rules.h"

struct compiler {
	const struct rules *r;
	const struct table *t;
	bool bad; /* an attribute is broken */
};

typedef void (*compile_fn)(struct compiler *c, const struct attrs *at, struct expr *e);

/* Registers 1 to 4 are 16 bytes each, 8 to 23 lie over them with 4 bytes each. */
static bool register_at(
	const struct attrs *at, unsigned type, uint32_t len, bool *bad, uint8_t *ret)
{
	uint32_t reg = bh_attr_be32(at, type, bad);
	uint32_t off;

	if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
		off = (reg - NFT_REG_1) * 16;
	else if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15)
		off = (reg - NFT_REG32_00) * 4;
	else
		return false;
	*ret = (uint8_t)off;
	return len && len <= REG_BYTES && off <= REG_BYTES - len;
}

static struct bh_span constant(const struct attrs *at, unsigned type)
{
	struct attrs data;

	if (!at->v[type].ptr || bh_attrs_read(at->v[type], &data) < 0)
		return (struct bh_span){ 0 };
	return data.v[NFTA_DATA_VALUE];
}

int bh_rules_verdict(
	const struct rules *r, const struct table *t, struct bh_span nest, struct verdict *ret)
{
	struct attrs at;
	bool bad = false;
	struct verdict v = { 0 };

	if (!nest.ptr || bh_attrs_read(nest, &at) < 0 || !at.v[NFTA_VERDICT_CODE].ptr)
		return -EBADMSG;
	v.code = (int32_t)bh_attr_be32(&at, NFTA_VERDICT_CODE, &bad);
	if (v.code == NFT_JUMP || v.code == NFT_GOTO) {
		const char *name = bh_attr_name(&at, NFTA_VERDICT_CHAIN, &bad);
		v.chain = name ? bh_rules_chain(r, t, name) : NULL;
		bad = bad || !v.chain;
	}
	if (bad)
		return -EBADMSG;
	*ret = v;
	return 0;
}

static void payload(struct compiler *c, const struct attrs *at, struct expr *e)
{
	e->base = bh_attr_be32(at, NFTA_PAYLOAD_BASE, &c->bad);
	e->offset = bh_attr_be32(at, NFTA_PAYLOAD_OFFSET, &c->bad);
	e->len = bh_attr_be32(at, NFTA_PAYLOAD_LEN, &c->bad);
	bool known =
		e->base == NFT_PAYLOAD_NETWORK_HEADER || e->base == NFT_PAYLOAD_TRANSPORT_HEADER;
	if (known && e->offset < 256 && !at->v[NFTA_PAYLOAD_SREG].ptr &&
		register_at(at, NFTA_PAYLOAD_DREG, e->len, &c->bad, &e->dreg))
		e->op = OP_PAYLOAD;
}

static void meta(struct compiler *c, const struct attrs *at, struct expr *e)
{
	e->key = bh_attr_be32(at, NFTA_META_KEY, &c->bad);
	switch (e->key) {
	case NFT_META_NFPROTO:
	case NFT_META_L4PROTO: e->len = 1; break;
	case NFT_META_PROTOCOL: e->len = 2; break;
	case NFT_META_IIF:
	case NFT_META_OIF: e->len = 4; break;
	case NFT_META_IIFNAME:
	case NFT_META_OIFNAME: e->len = 16; break;
	default: return;
	}
	if (!at->v[NFTA_META_SREG].ptr &&
		register_at(at, NFTA_META_DREG, e->len, &c->bad, &e->dreg))
		e->op = OP_META;
}

/* The state alone, of the packet itself. */
static void ct(struct compiler *c, const struct attrs *at, struct expr *e)
{
	e->key = bh_attr_be32(at, NFTA_CT_KEY, &c->bad);
	e->len = 4;
	if (e->key == NFT_CT_STATE && !at->v[NFTA_CT_SREG].ptr && !at->v[NFTA_CT_DIRECTION].ptr &&
		register_at(at, NFTA_CT_DREG, e->len, &c->bad, &e->dreg))
		e->op = OP_CT;
}

static void exthdr(struct compiler *c, const struct attrs *at, struct expr *e)
{
	struct bh_span type = at->v[NFTA_EXTHDR_TYPE];
	uint32_t op = bh_attr_be32(at, NFTA_EXTHDR_OP, &c->bad);

	e->offset = bh_attr_be32(at, NFTA_EXTHDR_OFFSET, &c->bad);
	e->len = bh_attr_be32(at, NFTA_EXTHDR_LEN, &c->bad);
	e->how = bh_attr_be32(at, NFTA_EXTHDR_FLAGS, &c->bad);
	if (e->how & NFT_EXTHDR_F_PRESENT)
		e->len = 1;
	if (op == NFT_EXTHDR_OP_IPV6 && type.len == 1 && type.ptr[0] == 44 && e->offset < 256 &&
		!(e->how & ~(uint32_t)NFT_EXTHDR_F_PRESENT) && !at->v[NFTA_EXTHDR_SREG].ptr &&
		register_at(at, NFTA_EXTHDR_DREG, e->len, &c->bad, &e->dreg))
		e->op = OP_EXTHDR;
}

static void cmp(struct compiler *c, const struct attrs *at, struct expr *e)
{
	e->how = bh_attr_be32(at, NFTA_CMP_OP, &c->bad);
	e->a = constant(at, NFTA_CMP_DATA);
	e->len = (uint32_t)e->a.len;
	if (e->how <= NFT_CMP_GTE && e->a.len <= REG_BYTES &&
		register_at(at, NFTA_CMP_SREG, e->len, &c->bad, &e->sreg))
		e->op = OP_CMP;
}

static void range(struct compiler *c, const struct attrs *at, struct expr *e)
{
	e->how = bh_attr_be32(at, NFTA_RANGE_OP, &c->bad);
	e->a = constant(at, NFTA_RANGE_FROM_DATA);
	e->b = constant(at, NFTA_RANGE_TO_DATA);
	e->len = (uint32_t)e->a.len;
	if (e->how <= NFT_RANGE_NEQ && e->a.len == e->b.len && e->a.len <= REG_BYTES &&
		register_at(at, NFTA_RANGE_SREG, e->len, &c->bad, &e->sreg))
		e->op = OP_RANGE;
}

static void bitwise(struct compiler *c, const struct attrs *at, struct expr *e)
{
	uint32_t op = bh_attr_be32(at, NFTA_BITWISE_OP, &c->bad);

	e->len = bh_attr_be32(at, NFTA_BITWISE_LEN, &c->bad);
	e->a = constant(at, NFTA_BITWISE_MASK);
	e->b = constant(at, NFTA_BITWISE_XOR);
	/* Operation 0 is (register & mask) ^ xor; the others came later. */
	if (op == 0 && e->a.len == e->len && e->b.len == e->len &&
		register_at(at, NFTA_BITWISE_SREG, e->len, &c->bad, &e->sreg) &&
		register_at(at, NFTA_BITWISE_DREG, e->len, &c->bad, &e->dreg))
		e->op = OP_BITWISE;
}

static void lookup(struct compiler *c, const struct attrs *at, struct expr *e)
{
	uint32_t flags = bh_attr_be32(at, NFTA_LOOKUP_FLAGS, &c->bad);
	const char *name = bh_attr_name(at, NFTA_LOOKUP_SET, &c->bad);

	e->set = name ? bh_rules_set(c->r, c->t, name) : NULL;
	if (!e->set) {
		c->bad = true;
		return;
	}
	e->inverted = flags & NFT_LOOKUP_F_INV;
	e->len = e->set->klen;
	if (flags & ~(uint32_t)NFT_LOOKUP_F_INV ||
		!register_at(at, NFTA_LOOKUP_SREG, e->len, &c->bad, &e->sreg))
		return;
	if (at->v[NFTA_LOOKUP_DREG].ptr) {
		e->to_verdict = e->set->verdicts;
		if (e->inverted || !(e->set->flags & NFT_SET_MAP))
			return;
		if (e->to_verdict) {
			if (bh_attr_be32(at, NFTA_LOOKUP_DREG, &c->bad) != NFT_REG_VERDICT)
				return;
		} else if (!register_at(at, NFTA_LOOKUP_DREG, e->set->dlen, &c->bad, &e->dreg)) {
			return;
		}
		e->how = 1; /* the data is wanted */
	}
	e->op = OP_LOOKUP;
}

static void immediate(struct compiler *c, const struct attrs *at, struct expr *e)
{
	struct attrs data;

	if (!at->v[NFTA_IMMEDIATE_DATA].ptr ||
		bh_attrs_read(at->v[NFTA_IMMEDIATE_DATA], &data) < 0) {
		c->bad = true;
		return;
	}
	if (data.v[NFTA_DATA_VERDICT].ptr) {
		e->to_verdict = true;
		if (bh_attr_be32(at, NFTA_IMMEDIATE_DREG, &c->bad) != NFT_REG_VERDICT)
			return;
		if (bh_rules_verdict(c->r, c->t, data.v[NFTA_DATA_VERDICT], &e->verdict) < 0)
			c->bad = true;
		else
			e->op = OP_IMMEDIATE;
		return;
	}
	e->a = data.v[NFTA_DATA_VALUE];
	e->len = (uint32_t)e->a.len;
	if (e->a.len <= REG_BYTES &&
		register_at(at, NFTA_IMMEDIATE_DREG, e->len, &c->bad, &e->dreg))
		e->op = OP_IMMEDIATE;
}

static void nothing(struct compiler *c BH_UNUSED, const struct attrs *at BH_UNUSED, struct expr *e)
{
	e->op = OP_NOTHING;
}

static void logs(struct compiler *c, const struct attrs *at, struct expr *e)
{
	struct bh_cur group = bh_cur_of(at->v[NFTA_LOG_GROUP]);

	/* Without a group it goes to the kernel's own log. */
	e->key = at->v[NFTA_LOG_GROUP].ptr ? bh_cur_be16(&group) : UINT32_MAX;
	c->bad = c->bad || bh_cur_left(&group) || !bh_cur_ok(&group);
	e->op = OP_LOG;
}

static void limit(struct compiler *c BH_UNUSED, const struct attrs *at BH_UNUSED, struct expr *e)
{
	e->op = OP_LIMIT;
}

static void reject(struct compiler *c BH_UNUSED, const struct attrs *at BH_UNUSED, struct expr *e)
{
	e->op = OP_REJECT;
}

static const struct {
	const char *name;
	compile_fn compile;
} known[] = {
	{ "payload", payload },
	{ "meta", meta },
	{ "ct", ct },
	{ "exthdr", exthdr },
	{ "cmp", cmp },
	{ "range", range },
	{ "bitwise", bitwise },
	{ "lookup", lookup },
	{ "immediate", immediate },
	{ "counter", nothing },
	{ "last", nothing },
	{ "log", logs },
	{ "limit", limit },
	{ "reject", reject },
};

static void compile_one(struct compiler *c, struct bh_span nest, struct expr *ret)
{
	static const struct attrs none;
	struct attrs at, data = none;
	bool bad = false;

	if (bh_attrs_read(nest, &at) < 0) {
		c->bad = true;
		return;
	}
	const char *name = bh_attr_name(&at, NFTA_EXPR_NAME, &bad);
	if (bad || !name ||
		(at.v[NFTA_EXPR_DATA].ptr && bh_attrs_read(at.v[NFTA_EXPR_DATA], &data) < 0)) {
		c->bad = true;
		return;
	}
	strncpy(ret->name, name, sizeof ret->name - 1);
	ret->data = at.v[NFTA_EXPR_DATA];
	for (size_t i = 0; i < BH_LEN(known); i++)
		if (!strcmp(known[i].name, name))
			known[i].compile(c, &data, ret);
}

int bh_rules_compile(
	const struct rules *r, const struct table *t, struct bh_span list, struct rule *ret)
{
	struct compiler c = { .r = r, .t = t };
	struct bh_cur cur = bh_cur_of(list), count = cur;
	struct bh_nl_attr one;
	size_t n = 0;

	while (bh_nl_attr_next(&count, &one))
		n++;
	if (!bh_cur_ok(&count) || n > MAX_EXPRS)
		return -EBADMSG;
	ret->code = bh_arena_array(r->a, n + 1, sizeof *ret->code);
	if (!ret->code)
		return -ENOMEM;
	while (ret->n < n && bh_nl_attr_next(&cur, &one))
		compile_one(&c, one.is, &ret->code[ret->n++]);
	if (!bh_arena_ok(r->a))
		return -ENOMEM;
	return c.bad ? -EBADMSG : 0;
}

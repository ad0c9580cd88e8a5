#include "priv/digest.h"

#include <linux/netfilter/nf_tables.h>

#include "priv/attr.h"
#include "priv/sha256.h"

/* Attributes of a newer kernel than the headers of Debian 12 know. */
#define SET_TYPE  19 /* NFTA_SET_TYPE, _COUNT: which back end holds it, how many it holds */
#define SET_COUNT 20

struct digest {
	struct sha256 all; /* everything whose order means something */
	uint64_t elements[4]; /* sum over elements, whose order means nothing */
};

static void add_number(struct sha256 *s, uint32_t v)
{
	const uint8_t b[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
		(uint8_t)(v >> 24) };

	sha256_add(s, b, sizeof b);
}

static void add_attr(struct sha256 *s, const struct bh_nl_attr *a)
{
	add_number(s, a->type);
	add_number(s, (uint32_t)a->is.len);
	sha256_add(s, a->is.ptr, a->is.len);
}

/* Expressions that hold what they have counted: only that they are there matters. */
static bool counts(struct bh_span name)
{
	return attr_is(name, "counter") || attr_is(name, "last");
}

static void add_expressions(struct sha256 *s, struct bh_span list)
{
	struct bh_cur c = bh_cur_of(list);
	struct bh_nl_attr e, part;

	while (bh_nl_attr_next(&c, &e)) {
		bool only_name = counts(attr_find(e.is, NFTA_EXPR_NAME));
		struct bh_cur in = bh_cur_of(e.is);
		add_number(s, 0xffffffffu);
		while (bh_nl_attr_next(&in, &part)) {
			if (part.type == NFTA_EXPR_NAME || !only_name)
				add_attr(s, &part);
		}
	}
}

/* Does this attribute of this kind of message change by itself, or is it padding? */
static bool skipped(unsigned kind, uint16_t type)
{
	switch (kind) {
	case NFT_MSG_NEWTABLE:
		return type == NFTA_TABLE_HANDLE || type == NFTA_TABLE_USE ||
		       type == NFTA_TABLE_PAD;
	case NFT_MSG_NEWCHAIN:
		return type == NFTA_CHAIN_HANDLE || type == NFTA_CHAIN_USE ||
		       type == NFTA_CHAIN_COUNTERS || type == NFTA_CHAIN_PAD ||
		       type == NFTA_CHAIN_ID;
	case NFT_MSG_NEWRULE:
		return type == NFTA_RULE_HANDLE || type == NFTA_RULE_POSITION ||
		       type == NFTA_RULE_PAD || type == NFTA_RULE_ID;
	case NFT_MSG_NEWSET:
		return type == NFTA_SET_HANDLE || type == NFTA_SET_PAD || type == NFTA_SET_ID ||
		       type == SET_TYPE || type == SET_COUNT;
	case NFT_MSG_NEWOBJ: /* its name and kind; what it holds may count */
		return type == NFTA_OBJ_HANDLE || type == NFTA_OBJ_USE || type == NFTA_OBJ_DATA ||
		       type == NFTA_OBJ_PAD;
	case NFT_MSG_NEWFLOWTABLE:
		return type == NFTA_FLOWTABLE_HANDLE || type == NFTA_FLOWTABLE_USE ||
		       type == NFTA_FLOWTABLE_PAD;
	default: return false;
	}
}

static void add_elements(struct digest *d, struct bh_span attrs)
{
	struct bh_span set = attr_find(attrs, NFTA_SET_ELEM_LIST_SET);
	struct bh_cur list = bh_cur_of(attr_find(attrs, NFTA_SET_ELEM_LIST_ELEMENTS));
	struct bh_nl_attr e, part;

	if (attr_is(set, "lease"))
		return;
	while (bh_nl_attr_next(&list, &e)) {
		struct bh_cur in = bh_cur_of(e.is);
		struct sha256 one;
		uint8_t h[32];
		sha256_init(&one);
		add_number(&one, (uint32_t)set.len);
		sha256_add(&one, set.ptr, set.len);
		while (bh_nl_attr_next(&in, &part)) {
			if (part.type != NFTA_SET_ELEM_EXPIRATION && part.type != NFTA_SET_ELEM_PAD)
				add_attr(&one, &part);
		}
		sha256_end(&one, h);
		for (size_t i = 0; i < BH_LEN(d->elements); i++) {
			uint64_t v;
			memcpy(&v, h + 8 * i, sizeof v);
			d->elements[i] += v;
		}
	}
}

static void add_message(struct digest *d, const struct bh_nl_message *m)
{
	unsigned kind = m->type & 0xff;
	struct bh_cur attrs = bh_cur_of(bh_nl_attrs(m));
	struct bh_nl_attr a;

	if (kind == NFT_MSG_NEWSETELEM) {
		add_elements(d, bh_nl_attrs(m));
		return;
	}
	add_number(&d->all, 0x80000000u | kind);
	while (bh_nl_attr_next(&attrs, &a)) {
		if (skipped(kind, a.type))
			continue;
		if (kind == NFT_MSG_NEWRULE && a.type == NFTA_RULE_EXPRESSIONS)
			add_expressions(&d->all, a.is);
		else
			add_attr(&d->all, &a);
	}
}

void digest_dump(struct bh_span dump, uint8_t ret[BH_HASH])
{
	struct bh_cur c = bh_cur_of(dump);
	struct digest d = { 0 };
	struct bh_nl_message m;

	sha256_init(&d.all);
	while (bh_nl_message_next(&c, &m)) {
		if (message_is_ours(&m))
			add_message(&d, &m);
	}
	sha256_add(&d.all, d.elements, sizeof d.elements);
	sha256_end(&d.all, ret);
}

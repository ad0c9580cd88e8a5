#include "enforce/expr.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>

/* One message never grows past MESSAGE; a chunk is sent on when less than that is left. */
#define MESSAGE (32u * 1024u)
#define CHUNK   (128u * 1024u)

/* nft's own numbers for data types, so that `nft list` prints what we load. */
enum { TYPE_NFPROTO = 2, TYPE_IPV4 = 7, TYPE_IPV6 = 8, TYPE_PROTO = 12, TYPE_PORT = 13 };
#define TYPE_PROTO_PORT (TYPE_PROTO << 6 | TYPE_PORT)

struct batch {
	const struct bh_nl_sink *sink;
	uint32_t *seq;
	size_t used;
	int err;
	uint8_t *bytes; /* CHUNK */
};

static void flush(struct batch *b)
{
	if (!b->err && b->used)
		b->err = b->sink->put(b->sink->ctx, b->bytes, b->used);
	b->used = 0;
}

/* Starts a message; the caller ends it with done(). */
static struct nlmsghdr *start(struct batch *b, uint16_t type, uint16_t flags)
{
	if (b->used > CHUNK - MESSAGE)
		flush(b);
	struct nlmsghdr *h = mnl_nlmsg_put_header(b->bytes + b->used);
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = (*b->seq)++;
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof *g);
	g->version = NFNETLINK_V0;
	if (type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END) {
		h->nlmsg_type = type;
		g->nfgen_family = AF_UNSPEC;
		g->res_id = htons(NFNL_SUBSYS_NFTABLES);
	} else {
		h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
		g->nfgen_family = NFPROTO_INET;
	}
	return h;
}

static void done(struct batch *b, const struct nlmsghdr *h)
{
	assert(h->nlmsg_len <= MESSAGE);
	b->used += (h->nlmsg_len + 3u) & ~3u; /* as MNL_ALIGN, unsigned */
}

static void named(struct batch *b, uint16_t type, uint16_t flags, uint16_t table_attr,
	uint16_t name_attr, const char *name)
{
	struct nlmsghdr *h = start(b, type, flags);

	mnl_attr_put_strz(h, table_attr, BH_NFT_TABLE);
	if (name)
		mnl_attr_put_strz(h, name_attr, name);
	done(b, h);
}

static void put_table(struct batch *b, uint16_t type)
{
	struct nlmsghdr *h = start(b, type, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);

	mnl_attr_put_strz(h, NFTA_TABLE_NAME, BH_NFT_TABLE);
	done(b, h);
}

static int put_chain(void *ctx, const char *name, const char *comment)
{
	struct batch *b = ctx;
	struct nlmsghdr *h = start(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, BH_NFT_TABLE);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, name);
	if (comment) {
		/* libnftnl's user data: type 0 (comment), length, text with its NUL. */
		uint8_t udata[2 + 256] = { 0 };
		size_t len = strlen(comment) + 1;
		assert(len <= 255);
		udata[1] = (uint8_t)len;
		memcpy(udata + 2, comment, len);
		mnl_attr_put(h, NFTA_CHAIN_USERDATA, 2 + len, udata);
	}
	done(b, h);
	return b->err;
}

static int put_base_chain(void *ctx, const char *name, enum bh_hook hook)
{
	static const uint32_t hooknum[BH_HOOKS] = { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT,
		NF_INET_FORWARD };
	struct batch *b = ctx;
	struct nlmsghdr *h = start(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, BH_NFT_TABLE);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, name);
	struct nlattr *n = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
	put_be32(h, NFTA_HOOK_HOOKNUM, hooknum[hook]);
	put_be32(h, NFTA_HOOK_PRIORITY, BH_PRIORITY);
	mnl_attr_nest_end(h, n);
	put_be32(h, NFTA_CHAIN_POLICY, NF_ACCEPT);
	mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, "filter");
	done(b, h);
	return b->err;
}

static int put_rule(void *ctx, const char *chain, const struct stmt *v, size_t n)
{
	struct batch *b = ctx;
	struct nlmsghdr *h = start(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);

	mnl_attr_put_strz(h, NFTA_RULE_TABLE, BH_NFT_TABLE);
	mnl_attr_put_strz(h, NFTA_RULE_CHAIN, chain);
	struct nlattr *list = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
	for (size_t i = 0; i < n; i++)
		put_stmt(h, &v[i]);
	mnl_attr_nest_end(h, list);
	done(b, h);
	return b->err;
}

/* ---- sets ---- */

/* Elements go out in as many messages as they need. */
struct elements {
	struct batch *b;
	const char *set;
	struct nlmsghdr *h;
	struct nlattr *list;
};

#define ELEMENT 512u /* more than one element ever takes */

static void elements_end(struct elements *e)
{
	if (!e->h)
		return;
	mnl_attr_nest_end(e->h, e->list);
	done(e->b, e->h);
	e->h = NULL;
}

static struct nlmsghdr *elements_room(struct elements *e)
{
	if (e->h && e->h->nlmsg_len > MESSAGE - ELEMENT)
		elements_end(e);
	if (!e->h) {
		e->h = start(e->b, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
		mnl_attr_put_strz(e->h, NFTA_SET_ELEM_LIST_TABLE, BH_NFT_TABLE);
		mnl_attr_put_strz(e->h, NFTA_SET_ELEM_LIST_SET, e->set);
		e->list = mnl_attr_nest_start(e->h, NFTA_SET_ELEM_LIST_ELEMENTS);
	}
	return e->h;
}

/* An interval in the kernel is two elements: where it starts, and where it no longer
 * holds; one that reaches the top of the space has no second. */
static void put_range(
	struct elements *e, uint8_t family, const struct bh_range *r, const struct way *way)
{
	struct bh_addr a = { .num = r->lo, .family = family };
	uint8_t bytes[16];
	size_t len = bh_addr_bytes(&a, bytes);
	struct nlmsghdr *h = elements_room(e);
	struct nlattr *n = mnl_attr_nest_start(h, NFTA_LIST_ELEM);

	put_value(h, NFTA_SET_ELEM_KEY, bytes, len);
	if (way)
		put_verdict(h, NFTA_SET_ELEM_DATA, way->chain ? NFT_JUMP : NF_ACCEPT, way->chain);
	mnl_attr_nest_end(h, n);
	if (r->hi == bh_addr_max(family))
		return;
	a.num = r->hi + 1;
	bh_addr_bytes(&a, bytes);
	h = elements_room(e);
	n = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
	put_be32(h, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	put_value(h, NFTA_SET_ELEM_KEY, bytes, len);
	mnl_attr_nest_end(h, n);
}

static void put_port(struct elements *e, const struct way *w)
{
	const uint8_t key[8] = { w->service.proto, 0, 0, 0, (uint8_t)(w->service.port >> 8),
		(uint8_t)w->service.port };
	struct nlmsghdr *h = elements_room(e);
	struct nlattr *n = mnl_attr_nest_start(h, NFTA_LIST_ELEM);

	put_value(h, NFTA_SET_ELEM_KEY, key, sizeof key);
	put_verdict(h, NFTA_SET_ELEM_DATA, NFT_GOTO, w->chain);
	mnl_attr_nest_end(h, n);
}

static void put_lease(struct elements *e, uint32_t seconds)
{
	static const uint8_t protos[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

	for (size_t i = 0; i < BH_LEN(protos); i++) {
		struct nlmsghdr *h = elements_room(e);
		struct nlattr *n = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
		put_value(h, NFTA_SET_ELEM_KEY, &protos[i], 1);
		put_be64(h, NFTA_SET_ELEM_TIMEOUT, (uint64_t)seconds * 1000);
		mnl_attr_nest_end(h, n);
	}
}

static int put_set(void *ctx, const struct set_def *s)
{
	static const struct {
		uint32_t flags, type, len;
	} shapes[] = {
		[SET_LEASE] = { NFT_SET_TIMEOUT, TYPE_NFPROTO, 1 },
		[SET_PORTS] = { NFT_SET_MAP, TYPE_PROTO_PORT, 8 },
		[SET_ADDRS] = { NFT_SET_INTERVAL, 0, 0 },
		[SET_ADDR_VMAP] = { NFT_SET_INTERVAL | NFT_SET_MAP, 0, 0 },
	};
	struct batch *b = ctx;
	uint32_t type = shapes[s->kind].type, len = shapes[s->kind].len;
	struct nlmsghdr *h = start(b, NFT_MSG_NEWSET, NLM_F_CREATE);

	if (!len) {
		type = s->family == BH_V4 ? TYPE_IPV4 : TYPE_IPV6;
		len = s->family == BH_V4 ? 4 : 16;
	}
	mnl_attr_put_strz(h, NFTA_SET_TABLE, BH_NFT_TABLE);
	mnl_attr_put_strz(h, NFTA_SET_NAME, s->name);
	put_be32(h, NFTA_SET_FLAGS, shapes[s->kind].flags);
	put_be32(h, NFTA_SET_KEY_TYPE, type);
	put_be32(h, NFTA_SET_KEY_LEN, len);
	if (shapes[s->kind].flags & NFT_SET_MAP)
		put_be32(h, NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
	/* Names tell sets apart; the id only has to be there. */
	put_be32(h, NFTA_SET_ID, *b->seq);
	done(b, h);

	struct elements e = { .b = b, .set = s->name };
	if (s->kind == SET_LEASE)
		put_lease(&e, s->timeout);
	for (size_t i = 0; i < s->ranges.n; i++)
		put_range(&e, s->family, &s->ranges.v[i], NULL);
	for (size_t i = 0; i < s->n_ways; i++) {
		if (s->kind == SET_PORTS)
			put_port(&e, &s->ways[i]);
		else
			put_range(&e, s->family, &s->ways[i].range, &s->ways[i]);
	}
	elements_end(&e);
	return b->err;
}

/* ---- transactions ---- */

static int begin(struct batch *b, uint32_t *seq, const struct bh_nl_sink *sink)
{
	*b = (struct batch){ .sink = sink, .seq = seq, .bytes = calloc(1, CHUNK) };
	if (!b->bytes)
		return -ENOMEM;
	done(b, start(b, NFNL_MSG_BATCH_BEGIN, 0));
	return 0;
}

static int commit(struct batch *b)
{
	done(b, start(b, NFNL_MSG_BATCH_END, 0));
	flush(b);
	free(b->bytes);
	return b->err;
}

static struct writer writer_of(struct batch *b)
{
	return (struct writer){ .ctx = b,
		.chain = put_chain,
		.base_chain = put_base_chain,
		.set = put_set,
		.rule = put_rule };
}

static void flush_chain(struct batch *b, const char *name)
{
	named(b, NFT_MSG_DELRULE, 0, NFTA_RULE_TABLE, NFTA_RULE_CHAIN, name);
}

/* First the rules, then the sets that they and the maps' elements held, then chains. */
static void remove_stale(struct batch *b, const struct bh_load *l)
{
	for (size_t i = 0; i < l->n_stale_chains; i++)
		flush_chain(b, l->stale_chains[i]);
	for (size_t i = 0; i < l->n_stale_sets; i++)
		named(b, NFT_MSG_DELSET, 0, NFTA_SET_TABLE, NFTA_SET_NAME, l->stale_sets[i]);
	for (size_t i = 0; i < l->n_stale_chains; i++)
		named(b, NFT_MSG_DELCHAIN, 0, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME,
			l->stale_chains[i]);
}

/* Leaves exactly `generation` deciding on `hooks`; base chains of other hooks go. */
static void settle(struct batch *b, const struct bh_load *l, uint32_t generation, unsigned hooks,
	unsigned there, bool lease)
{
	struct writer w = writer_of(b);

	for (unsigned h = 0; h < BH_HOOKS; h++) {
		if (!(there & BH_HOOK_BIT(h)))
			continue;
		flush_chain(b, base_chain_names[h]);
		if (!(hooks & BH_HOOK_BIT(h)))
			named(b, NFT_MSG_DELCHAIN, 0, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME,
				base_chain_names[h]);
	}
	int r = shape_base_rules(0, 0, generation, hooks, &w);
	if (r && !b->err)
		b->err = r;
	if (lease)
		named(b, NFT_MSG_DELSET, 0, NFTA_SET_TABLE, NFTA_SET_NAME, "lease");
	remove_stale(b, l);
}

int bh_enforce_load(const struct bh_load *l, uint32_t *seq, const struct bh_nl_sink *sink)
{
	struct batch b;
	unsigned hooks = 0;
	int r = begin(&b, seq, sink);

	if (r)
		return r;
	struct writer w = writer_of(&b);
	put_table(&b, NFT_MSG_NEWTABLE);
	if (!l->former) {
		/* Whatever of ours is there is nobody's: replace it whole. */
		put_table(&b, NFT_MSG_DELTABLE);
		put_table(&b, NFT_MSG_NEWTABLE);
	}
	r = shape_generation(l, &w, &hooks);
	for (unsigned h = 0; h < BH_HOOKS; h++) {
		if (!((hooks | l->former_hooks) & BH_HOOK_BIT(h)))
			continue;
		put_base_chain(&b, base_chain_names[h], (enum bh_hook)h);
		if (l->lease)
			flush_chain(&b, base_chain_names[h]);
	}
	if (!r && l->lease) {
		r = put_set(&b, &(struct set_def){
					.name = "lease", .kind = SET_LEASE, .timeout = l->lease });
		if (!r)
			r = shape_base_rules(l->generation, hooks, l->former, l->former_hooks, &w);
	} else if (!r) {
		settle(&b, l, l->generation, hooks, hooks | l->former_hooks, false);
	}
	if (r && !b.err)
		b.err = r;
	return commit(&b);
}

int bh_enforce_confirm(const struct bh_load *l, uint32_t *seq, const struct bh_nl_sink *sink)
{
	struct batch b;
	int r = begin(&b, seq, sink);

	if (r)
		return r;
	settle(&b, l, l->generation, l->generation_hooks, l->generation_hooks | l->former_hooks,
		true);
	return commit(&b);
}

int bh_enforce_undo(const struct bh_load *l, uint32_t *seq, const struct bh_nl_sink *sink)
{
	struct batch b;
	int r = begin(&b, seq, sink);

	if (r)
		return r;
	if (l->former) {
		settle(&b, l, l->former, l->former_hooks, l->generation_hooks | l->former_hooks,
			true);
	} else {
		put_table(&b, NFT_MSG_NEWTABLE);
		put_table(&b, NFT_MSG_DELTABLE);
	}
	return commit(&b);
}

bool bh_enforce_owns(const char *name, uint32_t generation)
{
	char stem[16];
	int n = snprintf(stem, sizeof stem, "g%u_", generation);

	return n > 0 && strncmp(name, stem, (size_t)n) == 0;
}

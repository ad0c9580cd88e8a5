#include "priv/seen.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>

/* One attribute: its number without the flag bits, and what it holds. */
struct attr {
	uint16_t type;
	struct bh_span value;
};

static uint16_t host16(struct bh_cur *c)
{
	uint16_t v = 0;
	struct bh_span s = bh_cur_take(c, sizeof v);

	if (s.len)
		memcpy(&v, s.ptr, sizeof v);
	return v;
}

/* The next attribute of a nest; false at its end or at nonsense. */
static bool next_attr(struct bh_cur *c, struct attr *ret)
{
	if (bh_cur_left(c) < 4)
		return false;
	uint16_t len = host16(c);
	uint16_t type = host16(c);
	if (len < 4)
		return false;
	ret->type = type & 0x3fff; /* without NLA_F_NESTED and NLA_F_NET_BYTEORDER */
	ret->value = bh_cur_take(c, len - 4u);
	bh_cur_skip(c, bh_min_size((4u - len % 4u) % 4u, bh_cur_left(c)));
	return bh_cur_ok(c);
}

static bool find(struct bh_span nest, uint16_t type, struct bh_span *ret)
{
	struct bh_cur c = bh_cur_of(nest);
	struct attr a;

	while (next_attr(&c, &a)) {
		if (a.type == type) {
			*ret = a.value;
			return true;
		}
	}
	return false;
}

/* A terminated text within its attribute, or NULL. */
static const char *text(struct bh_span s)
{
	return s.len && !s.ptr[s.len - 1] ? (const char *)s.ptr : NULL;
}

static const char *find_text(struct bh_span nest, uint16_t type)
{
	struct bh_span s;

	return find(nest, type, &s) ? text(s) : NULL;
}

static uint64_t find_be64(struct bh_span nest, uint16_t type)
{
	struct bh_span s;
	uint64_t v = 0;

	if (!find(nest, type, &s))
		return 0;
	for (size_t i = 0; i < s.len && i < 8; i++)
		v = v << 8 | s.ptr[i];
	return v;
}

/* ---- the digest ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 31;
}

static uint64_t mix_bytes(uint64_t h, struct bh_span s)
{
	for (size_t i = 0; i < s.len; i++)
		h = mix(h, s.ptr[i]);
	return mix(h, s.len);
}

/* Parts are added up, so that the order in which a hash table is dumped does not matter. */
static void digest_add(struct seen *s, uint64_t part)
{
	s->digest[0] += mix(part, 0x5bd1e995);
	s->digest[1] ^= mix(part, 0xc2b2ae35);
}

/* An expression, with the figures of a counter left out. */
static uint64_t mix_expressions(uint64_t h, struct bh_span list)
{
	struct bh_cur c = bh_cur_of(list);
	struct attr e;

	while (next_attr(&c, &e)) {
		const char *name = find_text(e.value, NFTA_EXPR_NAME);
		struct bh_span data = { 0 };
		(void)!find(e.value, NFTA_EXPR_DATA, &data);
		if (name)
			h = mix_bytes(h, bh_span_of(name, strlen(name)));
		if (!name || strcmp(name, "counter"))
			h = mix_bytes(h, data);
	}
	return h;
}

/* Everything of a message but the attributes in `without` (a bit each). */
static uint64_t mix_message(uint64_t h, struct bh_span attrs, uint64_t without)
{
	struct bh_cur c = bh_cur_of(attrs);
	struct attr a;

	while (next_attr(&c, &a)) {
		if (a.type < 64 && without >> a.type & 1)
			continue;
		h = mix_bytes(mix(h, a.type), a.value);
	}
	return h;
}

#define BIT(attr) ((uint64_t)1 << (attr))

/* ---- reading ---- */

struct reader {
	struct seen *s;
	struct bh_arena *a;
	const char **chains, **sets;
	char last_chain[64];
	uint64_t index; /* of the rule within its chain */
	bool lease_live;
	uint64_t lease_ms;
};

/* "g12_in" → 12 and BH_IN; false for any other name. */
static bool entry_name(const char *name, uint32_t *generation, unsigned *hook)
{
	char *end;

	if (name[0] != 'g' || name[1] < '0' || name[1] > '9')
		return false;
	unsigned long n = strtoul(name + 1, &end, 10);
	if (*end != '_' || n == 0 || n > UINT32_MAX)
		return false;
	*generation = (uint32_t)n;
	for (unsigned h = 0; h < BH_HOOKS; h++) {
		if (!strcmp(end + 1, bh_hook_names[h])) {
			*hook = h;
			return true;
		}
	}
	*hook = BH_HOOKS;
	return true;
}

static bool hex_hash(const char *s, uint8_t ret[BH_HASH])
{
	for (size_t i = 0; i < BH_HASH; i++) {
		unsigned v;
		if (sscanf(s + 2 * i, "%2x", &v) != 1)
			return false;
		ret[i] = (uint8_t)v;
	}
	return true;
}

/* "bulkhead generation N MODE policy HEX", as enforce wrote it. */
static void read_comment(const char *comment, enum bh_mode *mode, uint8_t hash[BH_HASH])
{
	const char *p = strstr(comment, " policy ");

	*mode = strstr(comment, " enforce ") ? BH_ENFORCE : BH_AUDIT;
	if (p && strlen(p + 8) == 2 * (size_t)BH_HASH)
		(void)!hex_hash(p + 8, hash);
}

/* Entry chains' comments are remembered until it is known which generation decides. */
struct note {
	uint32_t generation;
	enum bh_mode mode;
	uint8_t hash[BH_HASH];
};

#define MAX_NOTES 16

static struct note *note_of(struct note notes[MAX_NOTES], uint32_t generation)
{
	for (size_t i = 0; i < MAX_NOTES; i++) {
		if (notes[i].generation == generation || !notes[i].generation) {
			notes[i].generation = generation;
			return &notes[i];
		}
	}
	return NULL;
}

static void read_chain(struct reader *r, struct bh_span attrs, struct note notes[MAX_NOTES])
{
	const char *name = find_text(attrs, NFTA_CHAIN_NAME);
	struct bh_span udata;
	uint32_t generation;
	unsigned hook;

	if (!name || r->s->n_chains == SEEN_MAX_NAMES)
		return;
	digest_add(r->s, mix_message(2, attrs,
				 BIT(NFTA_CHAIN_HANDLE) | BIT(NFTA_CHAIN_USE) |
					 BIT(NFTA_CHAIN_COUNTERS) | BIT(NFTA_CHAIN_ID)));
	r->chains[r->s->n_chains++] = bh_arena_str(r->a, name);
	if (!entry_name(name, &generation, &hook))
		return;
	if (generation > r->s->highest)
		r->s->highest = generation;
	struct note *n = hook < BH_HOOKS ? note_of(notes, generation) : NULL;
	if (n && find(attrs, NFTA_CHAIN_USERDATA, &udata) && udata.len > 2 && !udata.ptr[0])
		read_comment(text(bh_span_of(udata.ptr + 2, udata.len - 2))
				     ? (const char *)udata.ptr + 2
				     : "",
			&n->mode, n->hash);
}

static void read_set(struct reader *r, struct bh_span attrs)
{
	const char *name = find_text(attrs, NFTA_SET_NAME);

	if (!name || r->s->n_sets == SEEN_MAX_NAMES)
		return;
	digest_add(r->s, mix_message(3, attrs,
				 BIT(NFTA_SET_HANDLE) | BIT(NFTA_SET_ID) | BIT(NFTA_SET_USERDATA) |
					 BIT(NFTA_SET_DESC)));
	r->sets[r->s->n_sets++] = bh_arena_str(r->a, name);
}

static void read_elements(struct reader *r, struct bh_span attrs)
{
	const char *set = find_text(attrs, NFTA_SET_ELEM_LIST_SET);
	struct bh_span list;
	struct attr e;

	if (!set || !find(attrs, NFTA_SET_ELEM_LIST_ELEMENTS, &list))
		return;
	bool lease = !strcmp(set, "lease");
	uint64_t h = mix_bytes(4, bh_span_of(set, strlen(set)));
	struct bh_cur c = bh_cur_of(list);
	while (next_attr(&c, &e)) {
		uint64_t left = find_be64(e.value, NFTA_SET_ELEM_EXPIRATION);
		bool timed = find_be64(e.value, NFTA_SET_ELEM_TIMEOUT) != 0;
		if (lease && (left || !timed)) {
			r->lease_live = true;
			if (left > r->lease_ms)
				r->lease_ms = left;
		}
		/* The lease's own elements come and go by themselves. */
		if (!lease || !timed)
			digest_add(r->s, mix_message(h, e.value, BIT(NFTA_SET_ELEM_EXPIRATION)));
	}
}

/* "g7_in_tcp445_no" and its counter. */
static void read_counter(struct reader *r, const char *chain, struct bh_span list, uint32_t of)
{
	char hook[8], proto[8], no[8];
	unsigned generation, port;
	struct bh_cur c = bh_cur_of(list);
	struct attr e;

	if (sscanf(chain, "g%u_%7[a-z]_%3[a-z]%u_%7s", &generation, hook, proto, &port, no) != 5 ||
		strcmp(no, "no") || generation != of || r->s->state.n_counters == BH_MAX_GATES)
		return;
	while (next_attr(&c, &e)) {
		const char *name = find_text(e.value, NFTA_EXPR_NAME);
		struct bh_span data;
		if (!name || strcmp(name, "counter") || !find(e.value, NFTA_EXPR_DATA, &data))
			continue;
		struct bh_priv_counter *k = &r->s->state.counters[r->s->state.n_counters++];
		k->hook = hook[0] == 'i' ? BH_IN : hook[0] == 'o' ? BH_OUT : BH_FWD;
		k->service.proto = proto[0] == 't' ? BH_TCP : BH_UDP;
		k->service.port = (uint16_t)port;
		k->packets = find_be64(data, NFTA_COUNTER_PACKETS);
		k->bytes = find_be64(data, NFTA_COUNTER_BYTES);
		return;
	}
}

/* Where a base chain's rule goes, and whether through the lease. */
static void read_base_rule(struct reader *r, struct bh_span list)
{
	struct bh_cur c = bh_cur_of(list);
	struct attr e;
	bool leased = false;

	while (next_attr(&c, &e)) {
		const char *name = find_text(e.value, NFTA_EXPR_NAME);
		struct bh_span data, imm, verdict;
		uint32_t generation;
		unsigned hook;
		if (!name || !find(e.value, NFTA_EXPR_DATA, &data))
			continue;
		if (!strcmp(name, "lookup")) {
			const char *set = find_text(data, NFTA_LOOKUP_SET);
			leased = leased || (set && !strcmp(set, "lease"));
		}
		if (strcmp(name, "immediate") || !find(data, NFTA_IMMEDIATE_DATA, &imm) ||
			!find(imm, NFTA_DATA_VERDICT, &verdict))
			continue;
		const char *to = find_text(verdict, NFTA_VERDICT_CHAIN);
		if (!to || !entry_name(to, &generation, &hook) || hook == BH_HOOKS)
			continue;
		if (leased) {
			r->s->state.trial = generation;
			r->s->trial_hooks |= BH_HOOK_BIT(hook);
		} else {
			r->s->state.generation = generation;
			r->s->hooks |= BH_HOOK_BIT(hook);
		}
	}
}

static void read_rule(struct reader *r, struct bh_span attrs)
{
	const char *chain = find_text(attrs, NFTA_RULE_CHAIN);
	struct bh_span list = { 0 };

	if (!chain)
		return;
	(void)!find(attrs, NFTA_RULE_EXPRESSIONS, &list);
	if (strncmp(chain, r->last_chain, sizeof r->last_chain - 1)) {
		snprintf(r->last_chain, sizeof r->last_chain, "%s", chain);
		r->index = 0;
	}
	uint64_t h = mix(mix_bytes(5, bh_span_of(chain, strlen(chain))), r->index++);
	h = mix_message(h, attrs,
		BIT(NFTA_RULE_HANDLE) | BIT(NFTA_RULE_POSITION) | BIT(NFTA_RULE_EXPRESSIONS) |
			BIT(NFTA_RULE_ID));
	digest_add(r->s, mix_expressions(h, list));
	if (!strcmp(chain, "input") || !strcmp(chain, "output") || !strcmp(chain, "forward"))
		read_base_rule(r, list);
}

/* Calls back for every message of our table. */
typedef void (*message_fn)(struct reader *r, uint8_t type, struct bh_span attrs, void *ctx);

static int each(struct reader *r, struct bh_span dump, message_fn fn, void *ctx)
{
	struct bh_cur c = bh_cur_of(dump);

	while (bh_cur_left(&c)) {
		struct nlmsghdr h;
		struct nfgenmsg g;
		struct bh_span head = bh_cur_take(&c, sizeof h);
		if (!bh_cur_ok(&c))
			return -EBADMSG;
		memcpy(&h, head.ptr, sizeof h);
		if (h.nlmsg_len < sizeof h + sizeof g)
			return -EBADMSG;
		struct bh_span body = bh_cur_take(&c, h.nlmsg_len - sizeof h);
		if (!bh_cur_ok(&c))
			return -EBADMSG;
		bh_cur_skip(&c, bh_min_size((4u - h.nlmsg_len % 4u) % 4u, bh_cur_left(&c)));
		memcpy(&g, body.ptr, sizeof g);
		struct bh_span attrs = bh_span_of(body.ptr + sizeof g, body.len - sizeof g);
		/* Attribute 1 is the table's name in every message of the family. */
		const char *table = find_text(attrs, 1);
		if (h.nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || g.nfgen_family != NFPROTO_INET ||
			!table || strcmp(table, BH_NFT_TABLE))
			continue;
		fn(r, (uint8_t)h.nlmsg_type, attrs, ctx);
	}
	return 0;
}

static void first_pass(struct reader *r, uint8_t type, struct bh_span attrs, void *ctx)
{
	switch (type) {
	case NFT_MSG_NEWTABLE:
		r->s->state.loaded = true;
		digest_add(
			r->s, mix_message(1, attrs, BIT(NFTA_TABLE_HANDLE) | BIT(NFTA_TABLE_USE)));
		break;
	case NFT_MSG_NEWCHAIN: read_chain(r, attrs, ctx); break;
	case NFT_MSG_NEWSET: read_set(r, attrs); break;
	case NFT_MSG_NEWSETELEM: read_elements(r, attrs); break;
	case NFT_MSG_NEWRULE: read_rule(r, attrs); break;
	default: digest_add(r->s, mix_message(type, attrs, 0)); break;
	}
}

static void second_pass(struct reader *r, uint8_t type, struct bh_span attrs, void *ctx)
{
	const uint32_t *now = ctx;
	const char *chain;
	struct bh_span list;

	if (type != NFT_MSG_NEWRULE)
		return;
	chain = find_text(attrs, NFTA_RULE_CHAIN);
	if (chain && find(attrs, NFTA_RULE_EXPRESSIONS, &list))
		read_counter(r, chain, list, *now);
}

int seen_read(struct bh_span dump, struct bh_arena *a, struct seen *ret)
{
	struct seen s = { 0 };
	struct note notes[MAX_NOTES] = { 0 };
	struct reader r = { .s = &s,
		.a = a,
		.chains = bh_arena_array(a, SEEN_MAX_NAMES, sizeof *r.chains),
		.sets = bh_arena_array(a, SEEN_MAX_NAMES, sizeof *r.sets) };

	if (!r.chains || !r.sets)
		return -ENOMEM;
	int err = each(&r, dump, first_pass, notes);
	if (err)
		return err;
	struct bh_priv_state *st = &s.state;
	st->lease_left = (uint32_t)((r.lease_ms + 999) / 1000);
	uint32_t now = st->trial && r.lease_live ? st->trial : st->generation;
	for (size_t i = 0; i < MAX_NOTES && notes[i].generation; i++) {
		if (notes[i].generation == st->generation) {
			st->mode = notes[i].mode;
			memcpy(st->hash, notes[i].hash, BH_HASH);
		}
		if (notes[i].generation == st->trial) {
			st->trial_mode = notes[i].mode;
			memcpy(st->trial_hash, notes[i].hash, BH_HASH);
		}
	}
	unsigned hooks = now && now == st->trial ? s.trial_hooks : s.hooks;
	st->gateway = hooks == BH_HOOK_BIT(BH_FWD);
	err = each(&r, dump, second_pass, &now);
	if (err)
		return err;
	if (!bh_arena_ok(a))
		return -ENOMEM;
	s.chains = r.chains;
	s.sets = r.sets;
	*ret = s;
	return 0;
}

int seen_of(const char *const *names, size_t n, uint32_t generation, struct bh_arena *a,
	const char *const **ret, size_t *n_ret)
{
	const char **v = bh_arena_array(a, n, sizeof *v);
	size_t k = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (bh_enforce_owns(names[i], generation))
			v[k++] = names[i];
	}
	*ret = v;
	*n_ret = k;
	return 0;
}

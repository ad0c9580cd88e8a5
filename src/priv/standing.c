#include "priv/standing.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>

#include "priv/attr.h"
#include "priv/counters.h"
#include "priv/digest.h"

#define MAX_NAMES 1000000u

struct reader {
	struct standing *s;
	struct bh_arena *a;
	size_t room_chains, room_sets;
	bool failed;
};

/* Appends a copy of name to a growing list. */
static void keep(struct reader *r, const char ***list, size_t *n, size_t *room, struct bh_span name)
{
	if (*n == MAX_NAMES) {
		r->failed = true;
		return;
	}
	if (*n == *room) {
		size_t more = *room ? *room * 2 : 64;
		const char **v = bh_arena_array(r->a, more, sizeof *v);
		if (!v)
			return;
		if (*n)
			memcpy(v, *list, *n * sizeof *v);
		*list = v;
		*room = more;
	}
	size_t len = name.len ? strnlen((const char *)name.ptr, name.len) : 0;
	(*list)[(*n)++] = bh_arena_strn(r->a, (const char *)name.ptr, len);
}

/* "g7_in…" → 7 and the hook where the name is exactly an entry's; 0: not ours. */
static uint32_t number_of(struct bh_span name, int *hook)
{
	char text[96];
	size_t n = bh_min_size(name.len, sizeof text - 1);
	char *end;

	if (n < 3 || name.ptr[0] != 'g' || name.ptr[1] < '1' || name.ptr[1] > '9')
		return 0;
	memcpy(text, name.ptr, n);
	text[n] = '\0';
	unsigned long v = strtoul(text + 1, &end, 10);
	if (*end != '_' || v > UINT32_MAX)
		return 0;
	*hook = -1;
	for (int h = 0; h < BH_HOOKS; h++) {
		if (!strcmp(end + 1, bh_hook_names[h]))
			*hook = h;
	}
	return (uint32_t)v;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The comment on an entry chain: "bulkhead generation N MODE policy <64 hex>". */
static void read_comment(struct bh_span udata, struct generation *g)
{
	char text[200], mode[16];
	uint32_t number;
	int at = 0;

	if (udata.len < 3 || udata.ptr[0] != 0 || udata.ptr[1] > udata.len - 2)
		return;
	size_t n = bh_min_size(udata.ptr[1], sizeof text - 1);
	memcpy(text, udata.ptr + 2, n);
	text[n] = '\0';
	if (sscanf(text, "bulkhead generation %u %15s policy %n", &number, mode, &at) != 2 || !at)
		return;
	if (number != g->number || strlen(text + at) != (size_t)2 * BH_HASH)
		return;
	for (size_t i = 0; i < BH_HASH; i++) {
		int hi = hex(text[at + (int)(2 * i)]), lo = hex(text[at + (int)(2 * i) + 1]);
		if (hi < 0 || lo < 0)
			return;
		g->hash[i] = (uint8_t)(hi << 4 | lo);
	}
	g->mode = !strcmp(mode, "audit") ? BH_AUDIT : !strcmp(mode, "keep") ? BH_KEEP : BH_ENFORCE;
	g->told = true;
}

/* Which generation a base chain's rule goes to, and whether through the lease. */
static void read_base_rule(struct reader *r, struct bh_span exprs)
{
	uint32_t number = 0;
	bool lease = false;
	int hook = -1;
	struct bh_cur c = bh_cur_of(exprs);
	struct bh_nl_attr e;

	while (bh_nl_attr_next(&c, &e)) {
		struct bh_span name = attr_find(e.is, NFTA_EXPR_NAME);
		struct bh_span data = attr_find(e.is, NFTA_EXPR_DATA);
		if (attr_is(name, "lookup"))
			lease |= attr_is(attr_find(data, NFTA_LOOKUP_SET), "lease");
		if (attr_is(name, "immediate")) {
			struct bh_span v = attr_find(data, NFTA_IMMEDIATE_DATA);
			v = attr_find(v, NFTA_DATA_VERDICT);
			v = attr_find(v, NFTA_VERDICT_CHAIN);
			if (v.len)
				number = number_of(v, &hook);
		}
	}
	if (number)
		*(lease ? &r->s->trial.number : &r->s->settled.number) = number;
}

static bool is_base(struct bh_span chain)
{
	return attr_is(chain, "input") || attr_is(chain, "output") || attr_is(chain, "forward");
}

/* Milliseconds that are left, rounded up to at least one; the kernel leaves lapsed
 * elements out of a dump, but not those that lapse this very moment. */
static void read_lease(struct standing *s, struct bh_span attrs)
{
	struct bh_cur list = bh_cur_of(attr_find(attrs, NFTA_SET_ELEM_LIST_ELEMENTS));
	struct bh_nl_attr e;

	while (bh_nl_attr_next(&list, &e)) {
		struct bh_span timeout = attr_find(e.is, NFTA_SET_ELEM_TIMEOUT);
		struct bh_span left = attr_find(e.is, NFTA_SET_ELEM_EXPIRATION);
		uint64_t ms = attr_be64(left);
		if (!timeout.len || !left.len) {
			s->lease_odd = true;
			s->live++;
			continue;
		}
		if (s->timeout_ms && s->timeout_ms != attr_be64(timeout))
			s->lease_odd = true;
		s->timeout_ms = attr_be64(timeout);
		if (!ms)
			continue;
		s->live++;
		if (!s->left_ms || ms < s->left_ms)
			s->left_ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
	}
}

static void note_highest(struct reader *r, struct bh_span name)
{
	int hook = -1;
	uint32_t n = number_of(name, &hook);

	if (n > r->s->highest)
		r->s->highest = n;
}

static void read_message(struct reader *r, const struct bh_nl_message *m)
{
	struct bh_span attrs = bh_nl_attrs(m);
	struct bh_span name;

	switch (m->type & 0xff) {
	case NFT_MSG_NEWTABLE: r->s->table = true; break;
	case NFT_MSG_NEWCHAIN:
		name = attr_find(attrs, NFTA_CHAIN_NAME);
		note_highest(r, name);
		keep(r, &r->s->chains, &r->s->n_chains, &r->room_chains, name);
		break;
	case NFT_MSG_NEWSET:
		name = attr_find(attrs, NFTA_SET_NAME);
		note_highest(r, name);
		r->s->lease |= attr_is(name, "lease");
		keep(r, &r->s->sets, &r->s->n_sets, &r->room_sets, name);
		break;
	case NFT_MSG_NEWSETELEM:
		if (attr_is(attr_find(attrs, NFTA_SET_ELEM_LIST_SET), "lease"))
			read_lease(r->s, attrs);
		break;
	case NFT_MSG_NEWRULE:
		if (is_base(attr_find(attrs, NFTA_RULE_CHAIN)))
			read_base_rule(r, attr_find(attrs, NFTA_RULE_EXPRESSIONS));
		break;
	default: break;
	}
}

/* Second pass: what the entry chains say of themselves. */
static void read_entry(struct standing *s, const struct bh_nl_message *m)
{
	struct bh_span attrs = bh_nl_attrs(m);
	int hook = -1;
	uint32_t n = number_of(attr_find(attrs, NFTA_CHAIN_NAME), &hook);
	struct generation *g = n && n == s->settled.number ? &s->settled
			       : n && n == s->trial.number ? &s->trial
							   : NULL;

	if (!g || hook < 0)
		return;
	g->hooks |= BH_HOOK_BIT(hook);
	read_comment(attr_find(attrs, NFTA_CHAIN_USERDATA), g);
}

/* Every message's first attribute is its table's name (of the generation message: not). */
bool message_is_ours(const struct bh_nl_message *m)
{
	return m->type >> 8 == NFNL_SUBSYS_NFTABLES && (m->type & 0xff) != NFT_MSG_NEWGEN &&
	       bh_nl_family(m) == NFPROTO_INET &&
	       attr_is(attr_find(bh_nl_attrs(m), NFTA_TABLE_NAME), BH_NFT_TABLE);
}

int standing_read(struct bh_span dump, struct bh_arena *a, struct standing *ret)
{
	struct standing s = { 0 };
	struct reader r = { .s = &s, .a = a };
	struct bh_cur left = bh_cur_of(dump);
	struct bh_nl_message m;

	while (bh_nl_message_next(&left, &m)) {
		if (message_is_ours(&m))
			read_message(&r, &m);
		else if (m.type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN))
			s.kernel_generation = attr_be32(attr_find(bh_nl_attrs(&m), NFTA_GEN_ID));
	}
	for (left = bh_cur_of(dump); bh_nl_message_next(&left, &m);) {
		if (message_is_ours(&m) && (m.type & 0xff) == NFT_MSG_NEWCHAIN)
			read_entry(&s, &m);
	}
	s.n_counters = counters_read(dump, s.live ? s.trial.number : s.settled.number, s.counters);
	digest_dump(dump, s.digest);
	if (r.failed || !bh_arena_ok(a))
		return -ENOMEM;
	*ret = s;
	return 0;
}

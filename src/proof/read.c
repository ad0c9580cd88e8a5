#include <stdlib.h>

#include "proof/rules.h"

/* One netlink message of a dump. */
struct message {
	uint16_t kind; /* NFT_MSG_* */
	uint8_t family;
	struct attrs at;
};

struct reader {
	struct rules *r;
	struct bh_arena *a;
	struct chain *last_chain; /* rules come chain by chain */
	size_t messages, gens; /* so many were counted */
	bool ends_with_gen;
	uint32_t gen;
};

typedef int (*message_fn)(struct reader *rd, const struct message *m);

/* What one message holds that is ours, or *skip. */
static int read_message(const struct bh_nl_message *nl, struct message *ret, bool *skip)
{
	*skip = nl->type == NLMSG_DONE || nl->type == NLMSG_NOOP;
	if (*skip)
		return 0;
	if (nl->type >> 8 != NFNL_SUBSYS_NFTABLES || nl->body.len < sizeof(struct nfgenmsg))
		return -EBADMSG;
	ret->kind = nl->type & 0xff;
	ret->family = bh_nl_family(nl);
	return bh_attrs_read(bh_nl_attrs(nl), &ret->at);
}

static int each_message(struct bh_span dump, struct reader *rd, message_fn fn)
{
	struct bh_cur c = bh_cur_of(dump);
	struct bh_nl_message nl;

	while (bh_nl_message_next(&c, &nl)) {
		struct message m = { 0 };
		bool skip = false;
		if (nl.flags & NLM_F_DUMP_INTR)
			rd->r->moved = true;
		int r = read_message(&nl, &m, &skip);
		if (r == 0 && !skip)
			r = fn(rd, &m);
		if (r < 0)
			return r;
	}
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	return bh_arena_ok(rd->a) ? 0 : -ENOMEM;
}

static int count(struct reader *rd, const struct message *m)
{
	struct rules *r = rd->r;
	bool bad = false;

	rd->ends_with_gen = m->kind == NFT_MSG_NEWGEN;
	bad = !rd->messages++ && !rd->ends_with_gen;
	switch (m->kind) {
	case NFT_MSG_NEWTABLE: r->n_tables++; break;
	case NFT_MSG_NEWCHAIN: r->n_chains++; break;
	case NFT_MSG_NEWSET: r->n_sets++; break;
	case NFT_MSG_NEWGEN: {
		uint32_t gen = bh_attr_be32(&m->at, NFTA_GEN_ID, &bad);
		if (rd->gens++ && gen != rd->gen)
			r->moved = true;
		rd->gen = gen;
		break;
	}
	default: break;
	}
	return bad || r->n_tables + r->n_chains + r->n_sets > MAX_OBJECTS ? -EBADMSG : 0;
}

static int add_table(struct reader *rd, const struct message *m)
{
	bool bad = false;

	if (m->kind != NFT_MSG_NEWTABLE)
		return 0;
	struct table *t = &rd->r->tables[rd->r->n_tables++];
	t->family = m->family;
	t->name = bh_attr_name(&m->at, NFTA_TABLE_NAME, &bad);
	t->flags = bh_attr_be32(&m->at, NFTA_TABLE_FLAGS, &bad);
	return bad ? -EBADMSG : 0;
}

static int add_chain(struct reader *rd, const struct message *m)
{
	bool bad = false;
	struct chain *c = &rd->r->chains[rd->r->n_chains++];
	const char *table = bh_attr_name(&m->at, NFTA_CHAIN_TABLE, &bad);

	c->name = bh_attr_name(&m->at, NFTA_CHAIN_NAME, &bad);
	c->policy = NF_ACCEPT;
	if (m->at.v[NFTA_CHAIN_POLICY].ptr)
		c->policy = bh_attr_be32(&m->at, NFTA_CHAIN_POLICY, &bad);
	if (m->at.v[NFTA_CHAIN_HOOK].ptr) {
		struct attrs hook;
		if (bh_attrs_read(m->at.v[NFTA_CHAIN_HOOK], &hook) < 0)
			return -EBADMSG;
		c->base = true;
		c->type = bh_attr_name(&m->at, NFTA_CHAIN_TYPE, &bad);
		c->hook = bh_attr_be32(&hook, NFTA_HOOK_HOOKNUM, &bad);
		c->priority = (int32_t)bh_attr_be32(&hook, NFTA_HOOK_PRIORITY, &bad);
	}
	c->table = bad || !table ? NULL : bh_rules_table(rd->r, m->family, table);
	return c->table ? 0 : -EBADMSG;
}

static int read_fields(struct bh_span desc, struct set *s)
{
	struct attrs at, len;
	struct bh_nl_attr one;
	bool bad = false;

	if (bh_attrs_read(desc, &at) < 0)
		return -EBADMSG;
	struct bh_cur c = bh_cur_of(at.v[NFTA_SET_DESC_CONCAT]);
	while (bh_nl_attr_next(&c, &one)) {
		if (bh_attrs_read(one.is, &len) < 0 || s->n_fields == BH_LEN(s->field))
			return -EBADMSG;
		uint32_t n = bh_attr_be32(&len, NFTA_SET_FIELD_LEN, &bad);
		if (bad || !n || n > MAX_KEY)
			return -EBADMSG;
		s->field[s->n_fields++] = (uint8_t)n;
	}
	return bh_cur_ok(&c) ? 0 : -EBADMSG;
}

static int add_set(struct reader *rd, const struct message *m)
{
	bool bad = false;
	struct set *s = &rd->r->sets[rd->r->n_sets++];
	const char *table = bh_attr_name(&m->at, NFTA_SET_TABLE, &bad);

	s->name = bh_attr_name(&m->at, NFTA_SET_NAME, &bad);
	s->flags = bh_attr_be32(&m->at, NFTA_SET_FLAGS, &bad);
	s->klen = bh_attr_be32(&m->at, NFTA_SET_KEY_LEN, &bad);
	s->dlen = bh_attr_be32(&m->at, NFTA_SET_DATA_LEN, &bad);
	uint32_t data_type = bh_attr_be32(&m->at, NFTA_SET_DATA_TYPE, &bad);
	s->verdicts = s->flags & NFT_SET_MAP && data_type == NFT_DATA_VERDICT;
	if (bad || !table || !s->klen || s->klen > MAX_KEY || s->dlen > MAX_KEY)
		return -EBADMSG;
	if (m->at.v[NFTA_SET_DESC].ptr && read_fields(m->at.v[NFTA_SET_DESC], s) < 0)
		return -EBADMSG;
	if (s->flags & (NFT_SET_EVAL | NFT_SET_OBJECT))
		s->odd = "its elements come from packets, or name objects";
	s->table = bh_rules_table(rd->r, m->family, table);
	return s->table ? 0 : -EBADMSG;
}

static int add_object(struct reader *rd, const struct message *m)
{
	bool bad = false;

	if (m->kind == NFT_MSG_NEWCHAIN)
		return add_chain(rd, m);
	if (m->kind == NFT_MSG_NEWSET)
		return add_set(rd, m);
	if (m->kind != NFT_MSG_NEWFLOWTABLE)
		return 0;
	const char *name = bh_attr_name(&m->at, NFTA_FLOWTABLE_TABLE, &bad);
	if (bad || !name)
		return -EBADMSG;
	for (size_t i = 0; i < rd->r->n_tables; i++) {
		struct table *t = &rd->r->tables[i];
		if (t->family == m->family && !strcmp(t->name, name))
			t->flowtables = true;
	}
	return 0;
}

/* ---- elements ------------------------------------------------------------- */

static struct bh_span value_of(struct bh_span nest)
{
	struct attrs at;

	if (!nest.ptr || bh_attrs_read(nest, &at) < 0)
		return (struct bh_span){ 0 };
	return at.v[NFTA_DATA_VALUE];
}

/* Counters on an element have no say; anything else might. */
static bool harmless(struct bh_span expr)
{
	struct attrs at;

	if (!expr.ptr)
		return true;
	if (bh_attrs_read(expr, &at) < 0)
		return false;
	struct bh_span n = at.v[NFTA_EXPR_NAME];
	return n.ptr && n.len == sizeof "counter" && !memcmp(n.ptr, "counter", n.len);
}

static struct elem *room_for(struct reader *rd, struct set *s)
{
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 16;
		struct elem *v = bh_arena_array(rd->a, room, sizeof *v);
		if (!v)
			return NULL;
		if (s->n)
			memcpy(v, s->v, s->n * sizeof *v);
		s->v = v;
		s->room = room;
	}
	return &s->v[s->n++];
}

static int read_data(struct reader *rd, struct set *s, struct bh_span nest, struct elem *e)
{
	struct attrs at;

	if (bh_attrs_read(nest, &at) < 0)
		return -EBADMSG;
	if (s->verdicts)
		return bh_rules_verdict(rd->r, s->table, at.v[NFTA_DATA_VERDICT], &e->verdict);
	e->data = at.v[NFTA_DATA_VALUE];
	return e->data.ptr && e->data.len == s->dlen ? 0 : -EBADMSG;
}

static int add_elem(struct reader *rd, struct set *s, const struct attrs *at)
{
	struct bh_span key = value_of(at->v[NFTA_SET_ELEM_KEY]);
	struct bh_span last = value_of(at->v[NFTA_SET_ELEM_KEY_END]);
	bool bad = false;
	uint32_t flags = bh_attr_be32(at, NFTA_SET_ELEM_FLAGS, &bad);
	bool all = flags & NFT_SET_ELEM_CATCHALL;
	struct elem e = { .ends = flags & NFT_SET_ELEM_INTERVAL_END };

	if (at->v[NFTA_SET_ELEM_EXPIRATION].ptr) {
		e.timed = true;
		if (!bh_attr_be64(at, NFTA_SET_ELEM_EXPIRATION, &bad)) {
			if (s->flags & NFT_SET_INTERVAL)
				s->odd = "an interval in it has just expired";
			return bad ? -EBADMSG : 0;
		}
	}
	if (bad || (!all && (!key.ptr || key.len != s->klen)) || (last.ptr && last.len != s->klen))
		return -EBADMSG;
	e.key = key.ptr;
	e.last = last.ptr;
	if (last.ptr && !(s->flags & NFT_SET_CONCAT))
		s->odd = "it has ranges of a kind that is not known";
	if (!harmless(at->v[NFTA_SET_ELEM_EXPR]) || at->v[NFTA_SET_ELEM_EXPRESSIONS].ptr ||
		at->v[NFTA_SET_ELEM_OBJREF].ptr)
		s->odd = "its elements carry expressions";
	if (s->flags & NFT_SET_MAP && !e.ends) {
		int r = read_data(rd, s, at->v[NFTA_SET_ELEM_DATA], &e);
		if (r < 0)
			return r;
	}
	struct elem *to = all ? bh_arena_alloc(rd->a, sizeof *to) : room_for(rd, s);
	if (!to)
		return -ENOMEM;
	*to = e;
	if (all)
		s->catch_all = to;
	return 0;
}

static int add_elems(struct reader *rd, const struct message *m)
{
	bool bad = false;
	const char *table = bh_attr_name(&m->at, NFTA_SET_ELEM_LIST_TABLE, &bad);
	const char *name = bh_attr_name(&m->at, NFTA_SET_ELEM_LIST_SET, &bad);
	const struct table *t = bad || !table ? NULL : bh_rules_table(rd->r, m->family, table);
	struct set *s = t && name ? bh_rules_set(rd->r, t, name) : NULL;
	struct bh_cur c = bh_cur_of(m->at.v[NFTA_SET_ELEM_LIST_ELEMENTS]);
	struct bh_nl_attr one;

	if (!s)
		return -EBADMSG;
	while (bh_nl_attr_next(&c, &one)) {
		struct attrs at;
		int r = bh_attrs_read(one.is, &at);
		if (r == 0)
			r = add_elem(rd, s, &at);
		if (r < 0)
			return r;
	}
	return bh_cur_ok(&c) ? 0 : -EBADMSG;
}

static int add_rule(struct reader *rd, const struct message *m)
{
	bool bad = false;
	const char *table = bh_attr_name(&m->at, NFTA_RULE_TABLE, &bad);
	const char *name = bh_attr_name(&m->at, NFTA_RULE_CHAIN, &bad);
	const struct table *t = bad || !table ? NULL : bh_rules_table(rd->r, m->family, table);

	if (!t || !name)
		return -EBADMSG;
	struct chain *c = rd->last_chain;
	if (!c || c->table != t || strcmp(c->name, name))
		c = bh_rules_chain(rd->r, t, name);
	struct rule *rule = bh_arena_alloc(rd->a, sizeof *rule);
	if (!c || !rule)
		return c ? -ENOMEM : -EBADMSG;
	rd->last_chain = c;
	rule->chain = c;
	rule->handle = bh_attr_be64(&m->at, NFTA_RULE_HANDLE, &bad);
	if (c->last)
		c->last->next = rule;
	else
		c->first = rule;
	c->last = rule;
	return bad ? -EBADMSG : bh_rules_compile(rd->r, t, m->at.v[NFTA_RULE_EXPRESSIONS], rule);
}

static int add_content(struct reader *rd, const struct message *m)
{
	if (m->kind == NFT_MSG_NEWRULE)
		return add_rule(rd, m);
	if (m->kind == NFT_MSG_NEWSETELEM)
		return add_elems(rd, m);
	return 0;
}

/* ---- order ---------------------------------------------------------------- */

static int compare_owned(
	const struct table *t, const char *name, const struct table *u, const char *other)
{
	if (t != u)
		return t < u ? -1 : 1;
	return strcmp(name, other);
}

static int by_chain(const void *x, const void *y)
{
	const struct chain *a = x, *b = y;
	return compare_owned(a->table, a->name, b->table, b->name);
}

static int by_set(const void *x, const void *y)
{
	const struct set *a = x, *b = y;
	return compare_owned(a->table, a->name, b->table, b->name);
}

static int by_key(const void *x, const void *y, void *klen)
{
	const struct elem *a = x, *b = y;
	int d = memcmp(a->key, b->key, *(const uint32_t *)klen);

	/* Where one interval ends and the next begins, the beginning counts. */
	return d ? d : (int)b->ends - (int)a->ends;
}

const struct table *bh_rules_table(const struct rules *r, uint8_t family, const char *name)
{
	for (size_t i = 0; i < r->n_tables; i++)
		if (r->tables[i].family == family && !strcmp(r->tables[i].name, name))
			return &r->tables[i];
	return NULL;
}

struct chain *bh_rules_chain(const struct rules *r, const struct table *t, const char *name)
{
	struct chain key = { .table = t, .name = name };
	return r->n_chains ? bsearch(&key, r->chains, r->n_chains, sizeof key, by_chain) : NULL;
}

struct set *bh_rules_set(const struct rules *r, const struct table *t, const char *name)
{
	struct set key = { .table = t, .name = name };
	return r->n_sets ? bsearch(&key, r->sets, r->n_sets, sizeof key, by_set) : NULL;
}

static int data_compare(const struct elem *a, const struct elem *b, bool verdicts)
{
	if (verdicts) {
		if (a->verdict.code != b->verdict.code)
			return a->verdict.code < b->verdict.code ? -1 : 1;
		return a->verdict.chain < b->verdict.chain   ? -1
		       : a->verdict.chain > b->verdict.chain ? 1
							     : 0;
	}
	if (a->data.len != b->data.len)
		return a->data.len < b->data.len ? -1 : 1;
	return a->data.len ? memcmp(a->data.ptr, b->data.ptr, a->data.len) : 0;
}

static int by_data(const void *x, const void *y, void *verdicts)
{
	const struct elem *const *a = x, *const *b = y;
	return data_compare(*a, *b, *(const bool *)verdicts);
}

/* Equal data of a map gets equal numbers. */
static int number_data(struct bh_arena *a, struct set *s)
{
	struct elem **v = bh_arena_array(a, s->n, sizeof(struct elem *));
	uint32_t id = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		v[i] = &s->v[i];
	qsort_r(v, s->n, sizeof *v, by_data, &s->verdicts);
	for (size_t i = 0; i < s->n; i++) {
		id += i && data_compare(v[i - 1], v[i], s->verdicts) != 0;
		v[i]->data_id = id;
	}
	return 0;
}

static int sort_elems(struct reader *rd)
{
	for (size_t i = 0; i < rd->r->n_sets; i++) {
		struct set *s = &rd->r->sets[i];
		if (!s->n)
			continue;
		qsort_r(s->v, s->n, sizeof *s->v, by_key, &s->klen);
		for (size_t k = 1; k < s->n; k++)
			if (!s->v[k].last && !memcmp(s->v[k].key, s->v[k - 1].key, s->klen) &&
				(s->v[k].ends == s->v[k - 1].ends || s->flags & NFT_SET_ANONYMOUS))
				s->odd = "two of its elements are equal";
		if (s->flags & NFT_SET_MAP && number_data(rd->a, s) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int no_twins(const struct rules *r)
{
	for (size_t i = 1; i < r->n_chains; i++)
		if (!by_chain(&r->chains[i - 1], &r->chains[i]))
			return -EBADMSG;
	for (size_t i = 1; i < r->n_sets; i++)
		if (!by_set(&r->sets[i - 1], &r->sets[i]))
			return -EBADMSG;
	return 0;
}

int bh_rules_read(struct bh_span dump, struct bh_arena *a, struct rules *ret)
{
	struct rules r = { .a = a };
	struct reader rd = { .r = &r, .a = a };

	int e = each_message(dump, &rd, count);
	/* The generation stands first and last, or the dump was cut off. */
	if (e == 0 && (rd.gens < 2 || !rd.ends_with_gen))
		e = -EBADMSG;
	if (e < 0 || r.moved) {
		if (e == 0)
			*ret = r;
		return e;
	}
	r.tables = bh_arena_array(a, r.n_tables + 1, sizeof *r.tables);
	r.chains = bh_arena_array(a, r.n_chains + 1, sizeof *r.chains);
	r.sets = bh_arena_array(a, r.n_sets + 1, sizeof *r.sets);
	if (!r.tables || !r.chains || !r.sets)
		return -ENOMEM;
	r.n_tables = r.n_chains = r.n_sets = 0;
	e = each_message(dump, &rd, add_table);
	if (e == 0)
		e = each_message(dump, &rd, add_object);
	if (e < 0)
		return e;
	qsort(r.chains, r.n_chains, sizeof *r.chains, by_chain);
	qsort(r.sets, r.n_sets, sizeof *r.sets, by_set);
	e = no_twins(&r);
	if (e == 0)
		e = each_message(dump, &rd, add_content);
	if (e == 0)
		e = sort_elems(&rd);
	if (e == 0)
		*ret = r;
	return e;
}

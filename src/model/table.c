#include "model/table.h"

#include <stdlib.h>

#define MAGIC 0x32546862u /* "bhT2" */

/* ---- sets: each is written where it is met first, then named by its number ---- */

/* Ranges that were met, by what is in them. */
struct met {
	struct bh_arena a;
	struct bh_ranges *v; /* numbered from 1 */
	size_t n, room;
	uint32_t *slots; /* open addressing */
	size_t n_slots; /* a power of two */
};

static uint64_t hash_ranges(struct bh_ranges r)
{
	uint64_t h = r.n;

	for (size_t i = 0; i < r.n; i++) {
		bh_u128 x = r.v[i].lo * 3 + r.v[i].hi;
		h = (h ^ (uint64_t)x ^ (uint64_t)(x >> 64)) * 0x9fb21c651e98df25u;
		h ^= h >> 32;
	}
	return h;
}

static void met_grow(struct met *m)
{
	size_t n = m->n_slots ? m->n_slots * 2 : 64;
	uint32_t *slots = bh_arena_array(&m->a, n, sizeof *slots);

	for (size_t i = 0; slots && i < m->n; i++) {
		size_t at = hash_ranges(m->v[i]) & (n - 1);
		while (slots[at])
			at = (at + 1) & (n - 1);
		slots[at] = (uint32_t)i + 1;
	}
	m->slots = slots;
	m->n_slots = n;
}

/* The number of equal ranges, or the next one when they are new; 0: no memory. */
static uint32_t meet(struct met *m, struct bh_ranges r)
{
	if (m->n * 2 >= m->n_slots)
		met_grow(m);
	if (m->n == m->room) {
		size_t room = m->room * 2 + 64;
		struct bh_ranges *v = bh_arena_array(&m->a, room, sizeof *v);
		if (v && m->n)
			memcpy(v, m->v, m->n * sizeof *v);
		m->v = v;
		m->room = room;
	}
	if (!bh_arena_ok(&m->a))
		return 0;
	size_t at = hash_ranges(r) & (m->n_slots - 1);
	for (; m->slots[at]; at = (at + 1) & (m->n_slots - 1)) {
		struct bh_ranges known = m->v[m->slots[at] - 1];
		if (known.n == r.n && (known.v == r.v || bh_ranges_equal(known, r)))
			return m->slots[at];
	}
	m->v[m->n++] = r;
	m->slots[at] = (uint32_t)m->n;
	return (uint32_t)m->n;
}

/* ---- writing ---- */

struct writer {
	struct bh_buf *b;
	struct met met[2];
};

static void put_num(struct bh_buf *b, bh_u128 num, size_t bytes)
{
	uint8_t v[16];

	for (size_t i = 0; i < bytes; i++)
		v[i] = (uint8_t)(num >> (8 * i));
	bh_buf_add(b, v, bytes);
}

static void put_ranges(struct writer *w, struct bh_ranges r, unsigned six)
{
	struct met *m = &w->met[six];
	size_t known = m->n, bytes = six ? 16 : 4;
	uint32_t number = r.n ? meet(m, r) : 0;

	bh_buf_le32(w->b, number);
	if (number <= known)
		return;
	bh_buf_le32(w->b, (uint32_t)r.n);
	for (size_t i = 0; i < r.n; i++) {
		put_num(w->b, r.v[i].lo, bytes);
		put_num(w->b, r.v[i].hi, bytes);
	}
}

static void put_set(struct writer *w, const struct bh_addrset *s)
{
	put_ranges(w, s->v4, 0);
	put_ranges(w, s->v6, 1);
}

static void put_products(struct writer *w, const struct bh_products *p)
{
	bh_buf_le32(w->b, (uint32_t)p->n);
	for (size_t i = 0; i < p->n; i++) {
		put_set(w, &p->v[i].src);
		put_set(w, &p->v[i].dst);
	}
}

static void put_counts(struct writer *w, const struct bh_counts *c)
{
	bh_buf_le32(w->b, (uint32_t)c->n);
	for (size_t i = 0; i < c->n; i++) {
		bh_buf_le32(w->b, c->v[i].sentence);
		put_set(w, &c->v[i].src);
		put_set(w, &c->v[i].dst);
	}
}

static void put_gate(struct writer *w, const struct bh_gate *g)
{
	bh_buf_u8(w->b, (uint8_t)g->hook);
	bh_buf_u8(w->b, g->service.proto);
	bh_buf_le16(w->b, g->service.port);
	bh_buf_le16(w->b, (uint16_t)g->n_cases);
	for (size_t i = 0; i < g->n_cases; i++) {
		const struct bh_gate_case *c = &g->cases[i];
		bh_buf_add(w->b, c->ifname, BH_IFNAME);
		put_products(w, &c->admit);
		put_products(w, &c->admit_same_port);
		put_counts(w, &c->allowed);
		put_counts(w, &c->allowed_same_port);
		put_counts(w, &c->blocked);
	}
}

void bh_table_encode(const struct bh_table *t, struct bh_buf *ret)
{
	struct writer w = { .b = ret };

	bh_buf_le32(ret, MAGIC);
	bh_buf_u8(ret, t->gateway);
	bh_buf_add(ret, t->policy_hash, BH_HASH);
	bh_buf_le16(ret, (uint16_t)t->n_sentences);
	for (size_t i = 0; i < t->n_sentences; i++) {
		bh_buf_u8(ret, t->sentences[i].block);
		bh_buf_u8(ret, (uint8_t)strlen(t->sentences[i].text));
		bh_buf_str(ret, t->sentences[i].text);
	}
	put_set(&w, &t->declared);
	bh_buf_le16(ret, (uint16_t)t->n_gates);
	for (size_t i = 0; i < t->n_gates; i++)
		put_gate(&w, &t->gates[i]);
	for (size_t i = 0; i < BH_LEN(w.met); i++) {
		ret->failed |= !bh_arena_ok(&w.met[i].a);
		bh_arena_reset(&w.met[i].a);
	}
}

static bool plain(char c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

void bh_table_sentence_text(const char *text, char *ret)
{
	size_t n = 0;

	for (; n < BH_MAX_SENTENCE_TEXT && text[n]; n++)
		ret[n] = (char)(plain(text[n]) ? text[n] : text[n] == '"' ? '\'' : '?');
	ret[n] = '\0';
	if (text[n])
		memcpy(ret + n - 3, "...", 3);
}

/* ---- reading ---- */

/* The reader: a cursor, where the values go, and what may still be allocated. */
struct reader {
	struct bh_cur c;
	struct bh_arena *a;
	size_t ranges_left;
	size_t n_sentences;
	struct met met[2];
	bool too_big;
};

static void refuse_size(struct reader *r)
{
	r->too_big = true;
	bh_cur_fail(&r->c);
}

static bh_u128 get_num(struct reader *r, size_t bytes)
{
	struct bh_span s = bh_cur_take(&r->c, bytes);
	bh_u128 n = 0;

	for (size_t i = s.len; i > 0; i--)
		n = n << 8 | s.ptr[i - 1];
	return n;
}

/* Ranges that were not met before: theirs is the next number, and equal ones have none. */
static struct bh_ranges get_new_ranges(struct reader *r, unsigned six)
{
	size_t bytes = six ? 16 : 4;
	uint32_t n = bh_cur_le32(&r->c);

	if (!n)
		bh_cur_fail(&r->c);
	if (n > r->ranges_left)
		refuse_size(r);
	/* Believe a count only as far as the bytes behind it go. */
	if (!bh_cur_ok(&r->c) || n > bh_cur_left(&r->c) / (2 * bytes)) {
		bh_cur_fail(&r->c);
		return (struct bh_ranges){ 0 };
	}
	r->ranges_left -= n;
	struct bh_range *v = bh_arena_array(r->a, n, sizeof *v);
	if (!v)
		return (struct bh_ranges){ 0 };
	for (uint32_t i = 0; i < n; i++) {
		v[i].lo = get_num(r, bytes);
		v[i].hi = get_num(r, bytes);
		bool order = v[i].lo <= v[i].hi;
		if (i && order)
			order = v[i].lo > v[i - 1].hi && v[i].lo - v[i - 1].hi > 1;
		if (!order)
			bh_cur_fail(&r->c);
	}
	struct bh_ranges all = { .v = v, .n = n };
	if (bh_cur_ok(&r->c) && meet(&r->met[six], all) != r->met[six].n)
		bh_cur_fail(&r->c);
	return bh_cur_ok(&r->c) ? all : (struct bh_ranges){ 0 };
}

static struct bh_ranges get_ranges(struct reader *r, unsigned six)
{
	uint32_t number = bh_cur_le32(&r->c);
	size_t known = r->met[six].n;

	if (!number || !bh_cur_ok(&r->c))
		return (struct bh_ranges){ 0 };
	if (number <= known)
		return r->met[six].v[number - 1];
	if (number > known + 1) {
		bh_cur_fail(&r->c);
		return (struct bh_ranges){ 0 };
	}
	struct bh_ranges v = get_new_ranges(r, six);
	/* It was met before, under another number. */
	if (bh_cur_ok(&r->c) && r->met[six].n != known + 1 && bh_arena_ok(&r->met[six].a))
		bh_cur_fail(&r->c);
	return v;
}

static struct bh_addrset get_set(struct reader *r)
{
	struct bh_ranges v4 = get_ranges(r, 0);
	struct bh_ranges v6 = get_ranges(r, 1);

	return (struct bh_addrset){ .v4 = v4, .v6 = v6 };
}

static int by_lo(const void *x, const void *y)
{
	const struct bh_range *a = x, *b = y;

	return a->lo < b->lo ? -1 : a->lo > b->lo;
}

/* No source address stands in two products. */
static bool sources_disjoint(struct reader *r, const struct bh_product *v, size_t n, uint8_t family)
{
	size_t all = 0, k = 0;

	for (size_t i = 0; i < n; i++)
		all += bh_addrset_of(&v[i].src, family).n;
	if (all > BH_MAX_RANGES)
		return false; /* so many do not fit beside each other */
	struct bh_range *w = bh_arena_array(r->a, all, sizeof *w);
	if (!w)
		return true; /* the arena says what happened */
	for (size_t i = 0; i < n; i++) {
		struct bh_ranges s = bh_addrset_of(&v[i].src, family);
		for (size_t j = 0; j < s.n; j++)
			w[k++] = s.v[j];
	}
	qsort(w, all, sizeof *w, by_lo);
	for (size_t i = 1; i < all; i++) {
		if (w[i].lo <= w[i - 1].hi)
			return false;
	}
	return true;
}

static struct bh_products get_products(struct reader *r)
{
	uint32_t n = bh_cur_le32(&r->c);

	if (!n || !bh_cur_ok(&r->c))
		return (struct bh_products){ 0 };
	if (n > BH_MAX_PRODUCTS) {
		refuse_size(r);
		return (struct bh_products){ 0 };
	}
	if (n > bh_cur_left(&r->c) / 16) { /* four numbers each */
		bh_cur_fail(&r->c);
		return (struct bh_products){ 0 };
	}
	struct bh_product *v = bh_arena_array(r->a, n, sizeof *v);
	if (!v)
		return (struct bh_products){ 0 };
	for (uint32_t i = 0; i < n && bh_cur_ok(&r->c); i++) {
		v[i].src = get_set(r);
		v[i].dst = get_set(r);
		if (bh_addrset_empty(&v[i].src) || bh_addrset_empty(&v[i].dst))
			bh_cur_fail(&r->c);
	}
	if (!bh_cur_ok(&r->c))
		return (struct bh_products){ 0 };
	if (!sources_disjoint(r, v, n, BH_V4) || !sources_disjoint(r, v, n, BH_V6))
		bh_cur_fail(&r->c);
	return (struct bh_products){ .v = v, .n = n };
}

/* First match counts, so that they may overlap. */
static struct bh_counts get_counts(struct reader *r)
{
	uint32_t n = bh_cur_le32(&r->c);

	if (n > BH_MAX_SENTENCES)
		refuse_size(r);
	if (!n || !bh_cur_ok(&r->c))
		return (struct bh_counts){ 0 };
	if (n > bh_cur_left(&r->c) / 20) { /* five numbers each */
		bh_cur_fail(&r->c);
		return (struct bh_counts){ 0 };
	}
	struct bh_count *v = bh_arena_array(r->a, n, sizeof *v);
	if (!v)
		return (struct bh_counts){ 0 };
	for (uint32_t i = 0; i < n && bh_cur_ok(&r->c); i++) {
		v[i].sentence = bh_cur_le32(&r->c);
		v[i].src = get_set(r);
		v[i].dst = get_set(r);
		if (v[i].sentence >= r->n_sentences)
			bh_cur_fail(&r->c);
	}
	return bh_cur_ok(&r->c) ? (struct bh_counts){ .v = v, .n = n } : (struct bh_counts){ 0 };
}

/* Printable, without blanks, quotes or wildcards, NUL-terminated and NUL-filled. */
static bool sane_ifname(const char name[BH_IFNAME])
{
	size_t n = strnlen(name, BH_IFNAME);

	if (n == BH_IFNAME)
		return false;
	for (size_t i = 0; i < BH_IFNAME; i++) {
		char c = name[i];
		if (i >= n ? c != '\0' : c <= ' ' || c > '~' || c == '"' || c == '*' || c == '/')
			return false;
	}
	return true;
}

static void get_gate(struct reader *r, struct bh_gate *g)
{
	uint8_t hook = bh_cur_u8(&r->c);
	g->service.proto = bh_cur_u8(&r->c);
	g->service.port = bh_cur_le16(&r->c);
	uint16_t n = bh_cur_le16(&r->c);
	bool known = g->service.proto == BH_TCP || g->service.proto == BH_UDP;

	if (hook >= BH_HOOKS || !known || !g->service.port || !n)
		bh_cur_fail(&r->c);
	if (n > BH_MAX_CASES)
		refuse_size(r);
	if (!bh_cur_ok(&r->c))
		return;
	g->hook = (enum bh_hook)hook;
	struct bh_gate_case *v = bh_arena_array(r->a, n, sizeof *v);
	if (!v)
		return;
	for (uint16_t i = 0; i < n && bh_cur_ok(&r->c); i++) {
		struct bh_span name = bh_cur_take(&r->c, BH_IFNAME);
		if (!bh_cur_ok(&r->c))
			return;
		memcpy(v[i].ifname, name.ptr, BH_IFNAME);
		bool last = i + 1 == n;
		bool order = !i || last || strcmp(v[i - 1].ifname, v[i].ifname) < 0;
		if (!sane_ifname(v[i].ifname) || last != !v[i].ifname[0] || !order)
			bh_cur_fail(&r->c);
		v[i].admit = get_products(r);
		v[i].admit_same_port = get_products(r);
		v[i].allowed = get_counts(r);
		v[i].allowed_same_port = get_counts(r);
		v[i].blocked = get_counts(r);
		if ((v[i].admit_same_port.n || v[i].allowed_same_port.n) &&
			!bh_service_symmetric(g->service))
			bh_cur_fail(&r->c);
	}
	g->cases = v;
	g->n_cases = n;
}

static int gate_order(const struct bh_gate *a, const struct bh_gate *b)
{
	if (a->hook != b->hook)
		return a->hook < b->hook ? -1 : 1;
	if (a->service.proto != b->service.proto)
		return a->service.proto < b->service.proto ? -1 : 1;
	return a->service.port < b->service.port ? -1 : a->service.port > b->service.port;
}

static void get_sentences(struct reader *r, struct bh_table *t)
{
	uint16_t n = bh_cur_le16(&r->c);

	if (n > BH_MAX_SENTENCES)
		refuse_size(r);
	if (!n || !bh_cur_ok(&r->c))
		return;
	struct bh_table_sentence *v = bh_arena_array(r->a, n, sizeof *v);
	if (!v)
		return;
	for (uint16_t i = 0; i < n && bh_cur_ok(&r->c); i++) {
		uint8_t block = bh_cur_u8(&r->c);
		uint8_t len = bh_cur_u8(&r->c);
		struct bh_span text = bh_cur_take(&r->c, len);
		if (block > 1 || len > BH_MAX_SENTENCE_TEXT)
			bh_cur_fail(&r->c);
		for (size_t k = 0; k < text.len; k++) {
			if (!plain((char)text.ptr[k]))
				bh_cur_fail(&r->c);
		}
		v[i].block = block;
		v[i].text = bh_arena_strn(r->a, (const char *)text.ptr, text.len);
	}
	t->sentences = v;
	t->n_sentences = r->n_sentences = n;
}

static void get_table(struct reader *r, struct bh_table *t)
{
	if (bh_cur_le32(&r->c) != MAGIC)
		bh_cur_fail(&r->c);
	uint8_t gateway = bh_cur_u8(&r->c);
	struct bh_span hash = bh_cur_take(&r->c, BH_HASH);
	get_sentences(r, t);
	t->declared = get_set(r);
	uint16_t n = bh_cur_le16(&r->c);
	if (gateway > 1)
		bh_cur_fail(&r->c);
	if (n > BH_MAX_GATES)
		refuse_size(r);
	if (!bh_cur_ok(&r->c))
		return;
	t->gateway = gateway;
	memcpy(t->policy_hash, hash.ptr, BH_HASH);
	struct bh_gate *v = bh_arena_array(r->a, n, sizeof *v);
	if (!v)
		return;
	for (uint16_t i = 0; i < n && bh_cur_ok(&r->c); i++) {
		get_gate(r, &v[i]);
		if (i && gate_order(&v[i - 1], &v[i]) >= 0)
			bh_cur_fail(&r->c);
		if (t->gateway && v[i].hook != BH_FWD)
			bh_cur_fail(&r->c);
	}
	t->gates = v;
	t->n_gates = n;
}

int bh_table_decode(struct bh_span bytes, struct bh_arena *a, struct bh_table *ret)
{
	struct reader r = { .c = bh_cur_of(bytes), .a = a, .ranges_left = BH_MAX_RANGES };
	struct bh_table t = { 0 };

	get_table(&r, &t);
	bool memory = bh_arena_ok(a);
	for (size_t i = 0; i < BH_LEN(r.met); i++) {
		memory = memory && bh_arena_ok(&r.met[i].a);
		bh_arena_reset(&r.met[i].a);
	}
	if (r.too_big)
		return -E2BIG;
	if (!memory)
		return -ENOMEM;
	if (!bh_cur_ok(&r.c) || bh_cur_left(&r.c))
		return -EBADMSG;
	*ret = t;
	return 0;
}

bool bh_products_contain(
	const struct bh_products *p, const struct bh_addr *src, const struct bh_addr *dst)
{
	for (size_t i = 0; i < p->n; i++) {
		if (bh_addrset_contains(&p->v[i].src, src) &&
			bh_addrset_contains(&p->v[i].dst, dst))
			return true;
	}
	return false;
}

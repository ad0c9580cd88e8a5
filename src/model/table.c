#include "model/table.h"

#include <stdlib.h>

#define MAGIC 0x31546862u /* "bhT1" */

static void put_num(struct bh_buf *b, bh_u128 num, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		bh_buf_u8(b, (uint8_t)(num >> (8 * i)));
}

static void put_ranges(struct bh_buf *b, struct bh_ranges r, size_t bytes)
{
	bh_buf_le32(b, (uint32_t)r.n);
	for (size_t i = 0; i < r.n; i++) {
		put_num(b, r.v[i].lo, bytes);
		put_num(b, r.v[i].hi, bytes);
	}
}

static void put_set(struct bh_buf *b, const struct bh_addrset *s)
{
	put_ranges(b, s->v4, 4);
	put_ranges(b, s->v6, 16);
}

static void put_products(struct bh_buf *b, const struct bh_products *p)
{
	bh_buf_le32(b, (uint32_t)p->n);
	for (size_t i = 0; i < p->n; i++) {
		put_set(b, &p->v[i].src);
		put_set(b, &p->v[i].dst);
	}
}

static void put_gate(struct bh_buf *b, const struct bh_gate *g)
{
	bh_buf_u8(b, (uint8_t)g->hook);
	bh_buf_u8(b, g->service.proto);
	bh_buf_le16(b, g->service.port);
	bh_buf_le16(b, (uint16_t)g->n_cases);
	for (size_t i = 0; i < g->n_cases; i++) {
		bh_buf_add(b, g->cases[i].ifname, BH_IFNAME);
		put_products(b, &g->cases[i].admit);
		put_products(b, &g->cases[i].admit_same_port);
	}
}

void bh_table_encode(const struct bh_table *t, struct bh_buf *ret)
{
	bh_buf_le32(ret, MAGIC);
	bh_buf_u8(ret, t->gateway);
	bh_buf_add(ret, t->policy_hash, BH_HASH);
	put_set(ret, &t->declared);
	bh_buf_le16(ret, (uint16_t)t->n_gates);
	for (size_t i = 0; i < t->n_gates; i++)
		put_gate(ret, &t->gates[i]);
}

/* The reader: a cursor, where the values go, and what may still be allocated. */
struct reader {
	struct bh_cur c;
	struct bh_arena *a;
	size_t ranges_left;
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

static struct bh_ranges get_ranges(struct reader *r, size_t bytes)
{
	uint32_t n = bh_cur_le32(&r->c);

	if (!n || !bh_cur_ok(&r->c))
		return (struct bh_ranges){ 0 };
	if (n > r->ranges_left) {
		refuse_size(r);
		return (struct bh_ranges){ 0 };
	}
	/* Believe a count only as far as the bytes behind it go. */
	if (n > bh_cur_left(&r->c) / (2 * bytes)) {
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
		if (!order) {
			bh_cur_fail(&r->c);
			return (struct bh_ranges){ 0 };
		}
	}
	return (struct bh_ranges){ .v = v, .n = n };
}

static struct bh_addrset get_set(struct reader *r)
{
	struct bh_ranges v4 = get_ranges(r, 4);
	struct bh_ranges v6 = get_ranges(r, 16);

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
	if (n > bh_cur_left(&r->c) / 16) { /* four counts each */
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
		if (v[i].admit_same_port.n && !bh_service_symmetric(g->service))
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

static void get_table(struct reader *r, struct bh_table *t)
{
	if (bh_cur_le32(&r->c) != MAGIC)
		bh_cur_fail(&r->c);
	uint8_t gateway = bh_cur_u8(&r->c);
	struct bh_span hash = bh_cur_take(&r->c, BH_HASH);
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
	if (r.too_big)
		return -E2BIG;
	if (!bh_arena_ok(a))
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

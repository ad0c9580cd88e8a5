#include "base/set.h"

#include <stdlib.h>

/* Collects ranges in ascending order and joins neighbours as they come. */
struct joiner {
	struct bh_range *v;
	size_t n;
};

static void join(struct joiner *j, bh_u128 lo, bh_u128 hi)
{
	if (j->n) {
		struct bh_range *last = &j->v[j->n - 1];
		/* last->hi + 1 would wrap at the top of the space. */
		if (lo <= last->hi || lo - last->hi == 1) {
			if (hi > last->hi)
				last->hi = hi;
			return;
		}
	}
	j->v[j->n++] = (struct bh_range){ .lo = lo, .hi = hi };
}

static struct bh_ranges joined(const struct joiner *j)
{
	return (struct bh_ranges){ .v = j->n ? j->v : NULL, .n = j->n };
}

struct bh_ranges bh_ranges_one(struct bh_arena *a, bh_u128 lo, bh_u128 hi)
{
	assert(lo <= hi);
	struct bh_range r = { .lo = lo, .hi = hi };
	return bh_ranges_from(a, &r, 1);
}

static int by_lo(const void *x, const void *y)
{
	const struct bh_range *a = x, *b = y;

	return a->lo < b->lo ? -1 : a->lo > b->lo;
}

struct bh_ranges bh_ranges_from(struct bh_arena *a, const struct bh_range *v, size_t n)
{
	struct bh_range *w = bh_arena_array(a, n, sizeof *w);
	if (!w || !n)
		return (struct bh_ranges){ 0 };

	memcpy(w, v, n * sizeof *w);
	qsort(w, n, sizeof *w, by_lo);
	struct joiner j = { .v = w };
	for (size_t i = 0; i < n; i++) {
		struct bh_range r = w[i];
		assert(r.lo <= r.hi);
		join(&j, r.lo, r.hi); /* writes at or before i */
	}
	return joined(&j);
}

struct bh_ranges bh_ranges_union(struct bh_arena *a, struct bh_ranges x, struct bh_ranges y)
{
	if (!x.n)
		return y;
	if (!y.n)
		return x;
	struct joiner j = { .v = bh_arena_array(a, x.n + y.n, sizeof *j.v) };
	if (!j.v)
		return (struct bh_ranges){ 0 };

	size_t i = 0, k = 0;
	while (i < x.n || k < y.n) {
		bool from_x = k == y.n || (i < x.n && x.v[i].lo <= y.v[k].lo);
		struct bh_range r = from_x ? x.v[i++] : y.v[k++];
		join(&j, r.lo, r.hi);
	}
	return joined(&j);
}

struct bh_ranges bh_ranges_intersect(struct bh_arena *a, struct bh_ranges x, struct bh_ranges y)
{
	if (!x.n || !y.n)
		return (struct bh_ranges){ 0 };
	struct joiner j = { .v = bh_arena_array(a, x.n + y.n, sizeof *j.v) };
	if (!j.v)
		return (struct bh_ranges){ 0 };

	size_t i = 0, k = 0;
	while (i < x.n && k < y.n) {
		bh_u128 lo = x.v[i].lo > y.v[k].lo ? x.v[i].lo : y.v[k].lo;
		bh_u128 hi = x.v[i].hi < y.v[k].hi ? x.v[i].hi : y.v[k].hi;
		if (lo <= hi)
			join(&j, lo, hi);
		if (x.v[i].hi < y.v[k].hi)
			i++;
		else
			k++;
	}
	return joined(&j);
}

struct bh_ranges bh_ranges_subtract(struct bh_arena *a, struct bh_ranges x, struct bh_ranges y)
{
	if (!x.n || !y.n)
		return x;
	struct joiner j = { .v = bh_arena_array(a, x.n + y.n, sizeof *j.v) };
	if (!j.v)
		return (struct bh_ranges){ 0 };

	size_t k = 0;
	for (size_t i = 0; i < x.n; i++) {
		bh_u128 lo = x.v[i].lo, hi = x.v[i].hi;
		bool left = true;

		while (k < y.n && y.v[k].hi < lo)
			k++;
		for (size_t m = k; left && m < y.n && y.v[m].lo <= hi; m++) {
			if (y.v[m].lo > lo)
				join(&j, lo, y.v[m].lo - 1);
			left = y.v[m].hi < hi;
			if (left)
				lo = y.v[m].hi + 1;
		}
		if (left)
			join(&j, lo, hi);
	}
	return joined(&j);
}

struct bh_ranges bh_ranges_complement(struct bh_arena *a, struct bh_ranges x, bh_u128 max)
{
	return bh_ranges_subtract(a, bh_ranges_one(a, 0, max), x);
}

bool bh_ranges_contain(struct bh_ranges x, bh_u128 num)
{
	size_t lo = 0, hi = x.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (x.v[mid].hi < num)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < x.n && x.v[lo].lo <= num;
}

bool bh_ranges_equal(struct bh_ranges x, struct bh_ranges y)
{
	if (x.n != y.n)
		return false;
	for (size_t i = 0; i < x.n; i++) {
		if (x.v[i].lo != y.v[i].lo || x.v[i].hi != y.v[i].hi)
			return false;
	}
	return true;
}

struct bh_addrset bh_addrset_full(struct bh_arena *a)
{
	return (struct bh_addrset){
		.v4 = bh_ranges_one(a, 0, bh_addr_max(BH_V4)),
		.v6 = bh_ranges_one(a, 0, bh_addr_max(BH_V6)),
	};
}

struct bh_addrset bh_addrset_range(
	struct bh_arena *a, const struct bh_addr *lo, const struct bh_addr *hi)
{
	assert(lo->family == hi->family);
	struct bh_ranges r = bh_ranges_one(a, lo->num, hi->num);

	if (lo->family == BH_V4)
		return (struct bh_addrset){ .v4 = r };
	return (struct bh_addrset){ .v6 = r };
}

struct bh_addrset bh_addrset_one(struct bh_arena *a, const struct bh_addr *addr)
{
	return bh_addrset_range(a, addr, addr);
}

struct bh_addrset bh_addrset_union(struct bh_arena *a, struct bh_addrset x, struct bh_addrset y)
{
	return (struct bh_addrset){
		.v4 = bh_ranges_union(a, x.v4, y.v4),
		.v6 = bh_ranges_union(a, x.v6, y.v6),
	};
}

struct bh_addrset bh_addrset_intersect(struct bh_arena *a, struct bh_addrset x, struct bh_addrset y)
{
	return (struct bh_addrset){
		.v4 = bh_ranges_intersect(a, x.v4, y.v4),
		.v6 = bh_ranges_intersect(a, x.v6, y.v6),
	};
}

struct bh_addrset bh_addrset_subtract(struct bh_arena *a, struct bh_addrset x, struct bh_addrset y)
{
	return (struct bh_addrset){
		.v4 = bh_ranges_subtract(a, x.v4, y.v4),
		.v6 = bh_ranges_subtract(a, x.v6, y.v6),
	};
}

struct bh_addrset bh_addrset_complement(struct bh_arena *a, struct bh_addrset x)
{
	return (struct bh_addrset){
		.v4 = bh_ranges_complement(a, x.v4, bh_addr_max(BH_V4)),
		.v6 = bh_ranges_complement(a, x.v6, bh_addr_max(BH_V6)),
	};
}

bool bh_addrset_contains(const struct bh_addrset *x, const struct bh_addr *addr)
{
	if (addr->family == BH_V4)
		return bh_ranges_contain(x->v4, addr->num);
	return addr->family == BH_V6 && bh_ranges_contain(x->v6, addr->num);
}

bool bh_addrset_equal(const struct bh_addrset *x, const struct bh_addrset *y)
{
	return bh_ranges_equal(x->v4, y->v4) && bh_ranges_equal(x->v6, y->v6);
}

/* How many low bits of the prefix that starts at lo and does not pass hi are free. */
static unsigned free_bits(bh_u128 lo, bh_u128 hi, unsigned width)
{
	unsigned k = 0;

	while (k < width) {
		bh_u128 size = (bh_u128)1 << k; /* try k + 1 free bits */
		bh_u128 last = lo | (size | (size - 1));
		if ((lo & size) || last > hi)
			break;
		k++;
	}
	return k;
}

void bh_range_prefixes(uint8_t family, const struct bh_range *r, bh_prefix_fn fn, void *ctx)
{
	unsigned width = bh_addr_bits(family);
	bh_u128 lo = r->lo;

	for (;;) {
		unsigned k = free_bits(lo, r->hi, width);
		bh_u128 last = k == 128 ? ~(bh_u128)0 : lo | (((bh_u128)1 << k) - 1);

		fn(ctx, lo, width - k);
		if (last >= r->hi)
			return;
		lo = last + 1;
	}
}

void bh_range_format(uint8_t family, const struct bh_range *r, struct bh_buf *b)
{
	struct bh_addr lo = { .num = r->lo, .family = family };
	struct bh_addr hi = { .num = r->hi, .family = family };
	char text[BH_ADDR_TEXT];
	unsigned width = bh_addr_bits(family);
	unsigned k = free_bits(r->lo, r->hi, width);
	bh_u128 last = k == 128 ? ~(bh_u128)0 : r->lo | (((bh_u128)1 << k) - 1);

	bh_buf_str(b, bh_addr_format(&lo, text));
	if (last == r->hi && k)
		bh_buf_printf(b, "/%u", width - k);
	else if (last != r->hi)
		bh_buf_printf(b, "-%s", bh_addr_format(&hi, text));
}

void bh_addrset_format(const struct bh_addrset *x, const char *sep, struct bh_buf *b)
{
	bool first = true;

	for (unsigned family = BH_V4; family <= BH_V6; family += 2) {
		struct bh_ranges r = bh_addrset_of(x, (uint8_t)family);
		for (size_t i = 0; i < r.n; i++) {
			if (!first)
				bh_buf_str(b, sep);
			first = false;
			bh_range_format((uint8_t)family, &r.v[i], b);
		}
	}
}

#include "plan/merge.h"

#include <stdlib.h>

/* So many are compared each with each; more are joined by likeness first. */
#define COMPARED 2048u

int merge_new(struct merge *m, struct bh_arena *a)
{
	m->words[0] = m->split / 64 + 1;
	m->words[1] = (m->n_hosts - m->split) / 64 + 1;
	m->items = bh_arena_array(a, m->n + 1, sizeof *m->items);
	m->part = bh_arena_array(a, m->n + 1, sizeof *m->part);
	m->into = bh_arena_array(a, m->n + 1, sizeof *m->into);
	m->left = m->n;
	for (size_t i = 0; m->items && i < m->n; i++) {
		m->items[i].bits =
			bh_arena_array(a, m->words[0] + m->words[1], sizeof *m->items[i].bits);
	}
	return bh_arena_ok(a) ? 0 : -ENOMEM;
}

void merge_add(struct merge *m, uint32_t item, uint32_t host)
{
	size_t at = host < m->split ? host : 64 * m->words[0] + host - m->split;

	m->items[item].bits[at / 64] |= (uint64_t)1 << at % 64;
}

/* How many bits both have.  Written out, with byte-wise sums of some words at a time, so
 * that the compiler makes vectors of it: this is where the time goes. */
static uint64_t common(const uint64_t *x, const uint64_t *y, size_t n)
{
	const uint64_t bytes = 0x0101010101010101u, pairs = 0x00ff00ff00ff00ffu;
	uint64_t sum = 0;

	for (size_t from = 0, to; from < n; from = to) {
		uint64_t some = 0;
		to = bh_min_size(from + 16, n); /* 16 × 8 bits: a byte holds it */
		for (size_t i = from; i < to; i++) {
			uint64_t v = x[i] & y[i];
			v -= v >> 1 & 0x55 * bytes;
			v = (v & 0x33 * bytes) + (v >> 2 & 0x33 * bytes);
			some += (v + (v >> 4)) & 0x0f * bytes;
		}
		some = (some & pairs) + (some >> 8 & pairs);
		sum += some * 0x0001000100010001u >> 48;
	}
	return sum;
}

static void measure(const struct merge *m, const struct merge_item *x, const struct merge_item *y,
	uint64_t ret[2])
{
	ret[0] = common(x->bits, y->bits, m->words[0]);
	ret[1] = common(x->bits + m->words[0], y->bits + m->words[0], m->words[1]);
}

static uint64_t weight(const struct merge_item *x)
{
	return x->members[0] * x->size[0] + x->members[1] * x->size[1];
}

/* y goes into x. */
static void join(struct merge *m, uint32_t x, uint32_t y)
{
	struct merge_item *a = &m->items[x], *b = &m->items[y];

	for (size_t i = 0; i < m->words[0] + m->words[1]; i++)
		a->bits[i] |= b->bits[i];
	a->members[0] += b->members[0];
	a->members[1] += b->members[1];
	measure(m, a, a, a->size);
	b->gone = true;
	m->into[y] = x;
	m->left--;
}

/* ---- each with each -------------------------------------------------------------------- */

static uint32_t *both(const struct merge *m, uint32_t x, uint32_t y)
{
	return m->both[m->slot[x] * m->n_live + m->slot[y]];
}

static void compare(const struct merge *m, uint32_t x, uint32_t y)
{
	uint64_t n[2];

	measure(m, &m->items[x], &m->items[y], n);
	for (unsigned f = 0; f < 2; f++)
		both(m, x, y)[f] = both(m, y, x)[f] = (uint32_t)n[f];
}

static int compare_all(struct merge *m, struct bh_arena *a)
{
	if (m->both)
		return 0;
	m->live = bh_arena_array(a, m->left + 1, sizeof *m->live);
	m->slot = bh_arena_array(a, m->n + 1, sizeof *m->slot);
	m->both = bh_arena_array(a, m->left * m->left + 1, sizeof *m->both);
	if (!m->live || !m->slot || !m->both)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n; i++) {
		if (m->items[i].gone)
			continue;
		m->slot[i] = (uint32_t)m->n_live;
		m->live[m->n_live++] = i;
	}
	for (size_t i = 0; i < m->n_live; i++) {
		for (size_t k = i + 1; k < m->n_live; k++)
			compare(m, m->live[i], m->live[k]);
	}
	return 0;
}

static uint64_t growth(const struct merge *m, uint32_t x, uint32_t y)
{
	const struct merge_item *a = &m->items[x], *b = &m->items[y];
	uint64_t sum = 0;

	for (unsigned f = 0; f < 2; f++) {
		uint64_t hosts = a->size[f] + b->size[f] - both(m, x, y)[f];
		sum += (a->members[f] + b->members[f]) * hosts;
	}
	return sum - weight(a) - weight(b);
}

static void consider(struct merge *m, uint32_t i, uint32_t k)
{
	struct merge_item *one = &m->items[i];
	uint64_t g = growth(m, i, k);

	if (g < one->growth || (g == one->growth && k < one->nearest)) {
		one->growth = g;
		one->nearest = k;
	}
}

static void find_nearest(struct merge *m, uint32_t i)
{
	m->items[i].growth = UINT64_MAX;
	for (size_t k = m->slot[i] + 1; k < m->n_live; k++) {
		if (!m->items[m->live[k]].gone)
			consider(m, i, m->live[k]);
	}
}

/* y went into x: x is another now. */
static void update(struct merge *m, uint32_t x, uint32_t y)
{
	for (size_t k = 0; k < m->n_live; k++) {
		if (!m->items[m->live[k]].gone && m->live[k] != x)
			compare(m, x, m->live[k]);
	}
	for (size_t k = 0; k < m->n_live; k++) {
		uint32_t i = m->live[k];
		struct merge_item *one = &m->items[i];
		if (one->gone)
			continue;
		if (i == x || one->nearest == x || one->nearest == y)
			find_nearest(m, i);
		else if (i < x)
			consider(m, i, x);
	}
}

static int join_cheapest(struct merge *m, size_t most, struct bh_arena *a)
{
	int r = compare_all(m, a);

	for (size_t k = 0; !r && k < m->n_live; k++) {
		if (!m->items[m->live[k]].gone)
			find_nearest(m, m->live[k]);
	}
	while (!r && m->left > 1) {
		uint64_t least = UINT64_MAX;
		uint32_t x = 0;
		for (size_t k = 0; k < m->n_live; k++) {
			const struct merge_item *one = &m->items[m->live[k]];
			if (!one->gone && one->growth < least) {
				least = one->growth;
				x = m->live[k];
			}
		}
		if (least && m->left <= most)
			break;
		uint32_t y = m->items[x].nearest;
		join(m, x, y);
		update(m, x, y);
	}
	return r;
}

/* ---- more than that -------------------------------------------------------------------- */

struct likeness {
	const uint64_t *bits;
	uint32_t item;
	size_t words;
};

static int by_bits(const void *x, const void *y)
{
	const struct likeness *a = x, *b = y;

	for (size_t i = 0; i < a->words; i++) {
		if (a->bits[i] != b->bits[i])
			return a->bits[i] < b->bits[i] ? -1 : 1;
	}
	return a->item < b->item ? -1 : a->item > b->item;
}

/* Halves their number again and again: each with the one that is most like it in order. */
static int join_alike(struct merge *m, size_t most, struct bh_arena *a)
{
	struct likeness *v = bh_arena_array(a, m->n + 1, sizeof *v);

	if (!v)
		return -ENOMEM;
	while (m->left > COMPARED && m->left > most) {
		size_t n = 0;
		for (uint32_t i = 0; i < m->n; i++) {
			if (!m->items[i].gone)
				v[n++] = (struct likeness){ m->items[i].bits, i,
					m->words[0] + m->words[1] };
		}
		qsort(v, n, sizeof *v, by_bits);
		for (size_t i = 0; i + 1 < n && m->left > most; i += 2) {
			uint32_t x = v[i].item, y = v[i + 1].item;
			join(m, x < y ? x : y, x < y ? y : x);
		}
	}
	return 0;
}

int merge_to(struct merge *m, size_t most, struct bh_arena *a)
{
	uint32_t count = 0;

	for (uint32_t i = 0; m->left == m->n && i < m->n; i++)
		measure(m, &m->items[i], &m->items[i], m->items[i].size);
	int r = join_alike(m, most, a);
	if (!r && m->left <= COMPARED)
		r = join_cheapest(m, most, a);
	m->weight = 0;
	for (uint32_t i = 0; !r && i < m->n; i++) {
		if (m->items[i].gone) {
			m->part[i] = m->part[m->into[i]];
		} else {
			m->part[i] = count++;
			m->weight += weight(&m->items[i]);
		}
	}
	return r;
}

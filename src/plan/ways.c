#include "plan/ways.h"

#include <stdlib.h>

struct maker {
	const struct known *known;
	const struct bh_point *point;
	struct verdicts *v;
	struct bh_arena *a;
	struct bh_arena own; /* for the while */
	const struct bh_gate *gates[WAYS_SERVICES]; /* fwd gates that carry SMB */
	struct spans *products[WAYS_SERVICES]; /* by gate and product: where it leads */
	size_t n_gates;
	bool all_open; /* some SMB service has no gate: everything is admitted */
	struct spans mine; /* hosts that are this machine */
	size_t n_mine;
	uint32_t *piece; /* by host, see find_pieces; 0: on no link */
	struct spans *linked; /* by piece: the hosts on its links */
	size_t n_pieces;
	/* Per host a key of so many words: hosts with equal keys have one way. */
	uint32_t *keys;
	size_t words;
	struct ways out;
};

size_t ways_services(const struct bh_bound *b, struct bh_service ret[WAYS_SERVICES])
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_services && n < WAYS_SERVICES; i++) {
		if (!b->services[i].quic && b->services[i].service.proto == BH_TCP)
			ret[n++] = b->services[i].service;
	}
	return n;
}

bool ways_open(struct verdicts *v, uint32_t client, uint32_t server)
{
	struct bh_service services[WAYS_SERVICES];
	size_t n = ways_services(v->bound, services);

	for (size_t i = 0; i < n; i++) {
		struct verdict one = verdicts_ask(v, client, server, services[i]);
		if (!one.on_path || one.is.admit)
			return true;
	}
	return !n;
}

static bool forwards(const struct maker *m)
{
	return m->point && (m->point->view->gateway || m->point->forwards);
}

/* ---- what is forwarded -------------------------------------------------------------------- */

static const struct bh_products *products(const struct bh_gate *g)
{
	return &g->cases[g->n_cases - 1].admit; /* fwd knows no localsubnet */
}

static void list_gates(struct maker *m, const struct bh_table *t)
{
	struct bh_service services[WAYS_SERVICES];
	size_t n = ways_services(m->v->bound, services);

	for (size_t i = 0; i < n; i++) {
		const struct bh_gate *found = NULL;
		for (size_t k = 0; k < t->n_gates; k++) {
			if (t->gates[k].hook == BH_FWD &&
				bh_service_equal(t->gates[k].service, services[i]))
				found = &t->gates[k];
		}
		if (!found) {
			m->all_open = true;
			m->n_gates = 0;
			return;
		}
		m->gates[m->n_gates++] = found;
	}
	m->all_open = !n;
}

/* Sources are disjoint, so each host is marked at most once per gate. */
static void mark_products(struct maker *m, size_t gate)
{
	const struct bh_products *p = products(m->gates[gate]);

	m->products[gate] = bh_arena_array(&m->own, p->n + 1, sizeof *m->products[gate]);
	for (size_t i = 0; m->products[gate] && i < p->n; i++) {
		struct spans src = { 0 };
		for (int f = BH_V4; f <= BH_V6; f += BH_V6 - BH_V4) {
			spans_push_ranges(&src, &m->own, m->known, (uint8_t)f,
				bh_addrset_of(&p->v[i].src, (uint8_t)f));
			spans_push_ranges(&m->products[gate][i], &m->own, m->known, (uint8_t)f,
				bh_addrset_of(&p->v[i].dst, (uint8_t)f));
		}
		for (size_t k = 0; k < src.n; k++) {
			for (uint32_t h = src.v[k].lo; h < src.v[k].hi; h++)
				m->keys[h * m->words + gate] = (uint32_t)i + 1;
		}
	}
}

/* ---- what stays within a link --------------------------------------------------------------- */

/* The prefixes of links may lie within each other.  Between two of their ends, hosts are on
 * the same ones: a piece. */
struct end {
	uint32_t at, range;
	bool closes;
};

static int by_place(const void *x, const void *y)
{
	const struct end *a = x, *b = y;

	return a->at < b->at ? -1 : a->at > b->at;
}

static void add_piece(struct maker *m, uint32_t lo, uint32_t hi, const struct span *ranges,
	const bool *open, size_t n)
{
	struct spans *to = &m->linked[m->n_pieces + 1];

	for (size_t i = 0; i < n; i++) {
		if (open[i])
			spans_push(to, &m->own, ranges[i].lo, ranges[i].hi);
	}
	if (!to->n)
		return;
	spans_join(to);
	m->n_pieces++;
	for (uint32_t h = lo; h < hi; h++)
		m->piece[h] = (uint32_t)m->n_pieces;
}

static int find_pieces(struct maker *m)
{
	struct spans ranges = { 0 };

	for (size_t i = 0; i < m->point->n_ifaces; i++) {
		for (int f = BH_V4; f <= BH_V6; f += BH_V6 - BH_V4)
			spans_push_ranges(&ranges, &m->own, m->known, (uint8_t)f,
				bh_addrset_of(&m->point->ifaces[i].onlink, (uint8_t)f));
	}
	size_t n = 2 * ranges.n;
	struct end *ends = bh_arena_array(&m->own, n + 1, sizeof *ends);
	bool *open = bh_arena_array(&m->own, ranges.n + 1, sizeof *open);
	m->linked = bh_arena_array(&m->own, n + 2, sizeof *m->linked);
	if (!ends || !open || !m->linked)
		return -ENOMEM;
	for (size_t i = 0; i < ranges.n; i++) {
		ends[2 * i] = (struct end){ ranges.v[i].lo, (uint32_t)i, false };
		ends[2 * i + 1] = (struct end){ ranges.v[i].hi, (uint32_t)i, true };
	}
	if (n)
		qsort(ends, n, sizeof *ends, by_place);
	for (size_t i = 0; i < n; i++) {
		open[ends[i].range] = !ends[i].closes;
		if (i + 1 < n && ends[i].at < ends[i + 1].at)
			add_piece(m, ends[i].at, ends[i + 1].at, ranges.v, open, ranges.n);
	}
	return 0;
}

/* ---- what this machine decides for itself ---------------------------------------------------- */

static void find_mine(struct maker *m)
{
	for (int f = BH_V4; m->point && f <= BH_V6; f += BH_V6 - BH_V4)
		spans_push_ranges(&m->mine, &m->own, m->known, (uint8_t)f,
			bh_addrset_of(&m->point->view->self, (uint8_t)f));
	spans_join(&m->mine);
	m->n_mine = spans_count(&m->mine);
}

static bool one_family(const struct maker *m, uint32_t x, uint32_t y)
{
	return (x < m->known->split) == (y < m->known->split);
}

/* Who may come in here: a bit of the key for each of this machine's addresses. */
static void mark_mine(struct maker *m, size_t word)
{
	size_t nth = 0;

	for (size_t i = 0; i < m->mine.n; i++) {
		for (uint32_t me = m->mine.v[i].lo; me < m->mine.v[i].hi; me++, nth++) {
			m->keys[me * m->words + word] = (uint32_t)nth + 1;
			uint32_t *bits = m->keys + word + 1 + nth / 32;
			for (uint32_t h = 0; h < m->known->n; h++) {
				if (one_family(m, h, me) && !spans_hold(&m->mine, h) &&
					ways_open(m->v, h, me))
					bits[h * m->words] |= 1u << nth % 32;
			}
		}
	}
}

/* ---- ways ---------------------------------------------------------------------------------------
 */

/* All of one family but this machine. */
static void push_others(struct maker *m, uint32_t host, struct spans *to)
{
	uint32_t at = host < m->known->split ? 0 : (uint32_t)m->known->split;
	uint32_t end = (uint32_t)(host < m->known->split ? m->known->split : m->known->n);

	for (size_t i = 0; i < m->mine.n; i++) {
		if (m->mine.v[i].hi <= at || m->mine.v[i].lo >= end)
			continue;
		spans_push(to, m->a, at, m->mine.v[i].lo);
		at = m->mine.v[i].hi;
	}
	spans_push(to, m->a, at, end);
}

/* What both hold. */
static void intersect(struct maker *m, const struct spans *x, struct spans *io)
{
	struct spans out = { 0 };

	for (size_t i = 0, k = 0; i < x->n && k < io->n;) {
		uint32_t lo = x->v[i].lo > io->v[k].lo ? x->v[i].lo : io->v[k].lo;
		uint32_t hi = x->v[i].hi < io->v[k].hi ? x->v[i].hi : io->v[k].hi;
		spans_push(&out, m->a, lo, hi);
		if (x->v[i].hi < io->v[k].hi)
			i++;
		else
			k++;
	}
	*io = out;
}

static void forwarded_to(struct maker *m, uint32_t host, const uint32_t *key, struct spans *to)
{
	struct spans some = { 0 };

	push_others(m, host, to);
	if (m->all_open)
		return;
	for (size_t g = 0; g < m->n_gates; g++) {
		if (key[g])
			spans_push_all(&some, &m->own, &m->products[g][key[g] - 1]);
	}
	if (m->piece[host])
		spans_push_all(&some, &m->own, &m->linked[m->piece[host]]);
	spans_join(&some);
	intersect(m, &some, to);
}

/* From one of this machine's own addresses. */
static void out_to(struct maker *m, uint32_t me, struct spans *to)
{
	for (uint32_t h = 0; h < m->known->n; h++) {
		if (one_family(m, h, me) && (spans_hold(&m->mine, h) || ways_open(m->v, me, h)))
			spans_push(to, m->a, h, h + 1);
	}
}

static void into_mine(struct maker *m, const uint32_t *bits, struct spans *to)
{
	size_t nth = 0;

	for (size_t i = 0; i < m->mine.n; i++) {
		for (uint32_t me = m->mine.v[i].lo; me < m->mine.v[i].hi; me++, nth++) {
			if (bits[nth / 32] >> nth % 32 & 1)
				spans_push(to, m->a, me, me + 1);
		}
	}
}

/* Where one of the hosts of a way leads: all of them have that key. */
static struct spans way_of(struct maker *m, uint32_t host)
{
	const uint32_t *key = m->keys + host * m->words;
	struct spans to = { 0 };

	if (spans_hold(&m->mine, host)) {
		out_to(m, host, &to);
	} else {
		if (forwards(m))
			forwarded_to(m, host, key, &to);
		else
			push_others(m, host, &to);
		into_mine(m, key + m->n_gates + 3, &to);
	}
	spans_join(&to);
	return to;
}

struct keyed {
	const uint32_t *key;
	size_t words;
	uint32_t host;
};

static int same_key(const struct keyed *a, const struct keyed *b)
{
	return memcmp(a->key, b->key, a->words * sizeof *a->key);
}

static int by_key(const void *x, const void *y)
{
	const struct keyed *a = x, *b = y;
	int r = same_key(a, b);

	return r ? r : a->host < b->host ? -1 : a->host > b->host;
}

static int make_ways(struct maker *m)
{
	size_t n = m->known->n;
	struct keyed *v = bh_arena_array(&m->own, n + 1, sizeof *v);

	m->out.of = bh_arena_array(m->a, n + 1, sizeof *m->out.of);
	if (!v || !m->out.of)
		return -ENOMEM;
	size_t ways = 0;
	for (size_t h = 0; h < n; h++)
		v[h] = (struct keyed){ m->keys + h * m->words, m->words, (uint32_t)h };
	if (n)
		qsort(v, n, sizeof *v, by_key);
	for (size_t i = 0; i < n; i++)
		ways += !i || same_key(&v[i - 1], &v[i]);
	m->out.to = bh_arena_array(m->a, ways + 1, sizeof *m->out.to);
	if (!m->out.to)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!i || same_key(&v[i - 1], &v[i]))
			m->out.to[m->out.n++] = way_of(m, v[i].host);
		m->out.of[v[i].host] = (uint32_t)m->out.n - 1;
	}
	return bh_arena_ok(m->a) && bh_arena_ok(&m->own) ? 0 : -ENOMEM;
}

/* ---- what the point sees
 * ------------------------------------------------------------------------- */

uint64_t ways_stations(const struct ways *w, const struct spans *hosts)
{
	uint64_t n = 0;

	for (size_t i = 0; i < hosts->n; i++)
		n += w->stations[hosts->v[i].hi] - w->stations[hosts->v[i].lo];
	return n;
}

static int count_stations(struct maker *m)
{
	uint32_t *v = bh_arena_array(m->a, m->known->n + 1, sizeof *v);

	for (size_t i = 0; v && i < m->known->n; i++)
		v[i + 1] = v[i] + !m->known->v[i].server;
	m->out.stations = v;
	return v ? 0 : -ENOMEM;
}

struct tally {
	uint64_t all, stations;
};

static struct tally tally(const struct maker *m, const struct spans *hosts)
{
	return (struct tally){ spans_count(hosts), ways_stations(&m->out, hosts) };
}

/* Pairs of one host as a client, of these those with workstations: with this machine, and
 * with all that lies behind another link. */
static void count_of(struct maker *m, uint32_t h, const struct tally *others,
	const struct tally *mine, const struct tally *near)
{
	bool station = !m->known->v[h].server, own = spans_hold(&m->mine, h);
	struct tally t = own ? *others : *mine;

	if (!own && forwards(m)) {
		t.all += others->all - near->all;
		t.stations += others->stations - near->stations;
	}
	m->out.judged += t.all;
	m->out.lateral_judged += station ? t.stations : 0;
}

static int count_judged(struct maker *m)
{
	struct tally others[2], mine[2];
	struct tally *near = bh_arena_array(&m->own, m->n_pieces + 1, sizeof *near);
	uint32_t first[2] = { 0, (uint32_t)m->known->split };
	uint32_t n = (uint32_t)m->known->n;

	if (!near)
		return -ENOMEM;
	for (unsigned f = 0; f < 2; f++) {
		struct spans all = { 0 }, rest = { 0 };
		spans_push(&all, &m->own, first[f], f ? n : first[1]);
		if (all.n)
			push_others(m, first[f], &rest);
		struct tally t = tally(m, &all);
		others[f] = tally(m, &rest);
		mine[f] = (struct tally){ t.all - others[f].all, t.stations - others[f].stations };
	}
	for (size_t p = 1; p <= m->n_pieces; p++) {
		struct spans rest = { 0 };
		push_others(m, m->linked[p].v[0].lo, &rest);
		intersect(m, &m->linked[p], &rest);
		near[p] = tally(m, &rest);
	}
	for (uint32_t h = 0; m->point && h < n; h++) {
		/* Who is on no link is near nobody but himself. */
		struct tally self = { 1, !m->known->v[h].server };
		bool linked = forwards(m) && m->piece[h];
		count_of(m, h, &others[h >= first[1]], &mine[h >= first[1]],
			linked ? &near[m->piece[h]] : &self);
	}
	return 0;
}

/* ---- all of it
 * ------------------------------------------------------------------------------------ */

/* Keys: the product of each gate, the piece, the family, which of this machine's own
 * addresses it is, and then a bit for each of these that it may come in at. */
static int make_keys(struct maker *m)
{
	size_t at = m->n_gates;

	m->words = at + 3 + m->n_mine / 32 + 1;
	m->keys = bh_arena_array(&m->own, m->known->n * m->words + 1, sizeof *m->keys);
	if (!m->keys)
		return -ENOMEM;
	for (size_t g = 0; g < m->n_gates; g++)
		mark_products(m, g);
	for (size_t h = 0; h < m->known->n; h++) {
		m->keys[h * m->words + at] = m->piece ? m->piece[h] : 0;
		m->keys[h * m->words + at + 1] = h >= m->known->split;
	}
	mark_mine(m, at + 2);
	return bh_arena_ok(&m->own) ? 0 : -ENOMEM;
}

static int make(struct maker *m, const struct bh_table *table)
{
	int r = count_stations(m);

	find_mine(m);
	if (!r && forwards(m)) {
		m->piece = bh_arena_array(&m->own, m->known->n + 1, sizeof *m->piece);
		r = m->piece ? find_pieces(m) : -ENOMEM;
		list_gates(m, table);
	}
	if (!r)
		r = make_keys(m);
	if (!r)
		r = make_ways(m);
	if (!r)
		r = count_judged(m);
	return r;
}

int ways_from(const struct known *k, const struct bh_point *point, const struct bh_table *table,
	struct verdicts *v, struct bh_arena *a, struct ways *ret)
{
	struct maker m = { .known = k, .point = point, .v = v, .a = a, .out.known = k };
	int r = make(&m, table);

	bh_arena_reset(&m.own);
	if (!r)
		*ret = m.out;
	return r;
}

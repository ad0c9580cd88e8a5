/*
 * Two keyed hash tables over two pools.  A *leaf* is what the sensor told of one leaf,
 * a *cell* is one (conversation, source); a leaf hangs in the chain of its cell, and a
 * cell's figures are the sum over its chain plus what was settled when leaves were
 * given up.  Places in a pool are numbers from 1, so that 0 is none.
 *
 * When a pool is full the least recently told makes way; but of the lesser ones, if they
 * have more than a quarter of it.  Lesser are leaves that are closed, of which nothing will
 * be told any more, and conversations in which nobody said who he is, as anybody can make
 * up by the million: a flood of them washes nobody else away.
 */
#include <stdlib.h>

#include "inventory/inventory.h"

#define DEFAULT_LEAVES 262144u
#define DEFAULT_ROWS   262144u

/* Least recently told first. */
struct order {
	uint32_t older, newer;
};

struct leaf {
	struct order order;
	uint64_t id, revision;
	struct bh_figures figures;
	uint32_t source;
	uint32_t cell; /* 0: gone, only its revision is remembered */
	uint32_t before, after; /* in the cell's chain */
	uint32_t next; /* in the bucket, or in the list of free places */
	bool told; /* revision is its own, not only a place's zero */
	bool closed;
};

struct cell {
	struct order order;
	uint64_t hash;
	char *packed; /* the conversation; NULL: a free place */
	struct bh_figures settled;
	struct bh_figures sum; /* of that and the chain, unless stale */
	uint32_t source;
	uint32_t leaf; /* chain */
	uint32_t next;
	bool dirty; /* changed since it was saved */
	bool saved; /* so that its end must be told */
	bool stale;
	bool stranger; /* nobody said who he is */
};

struct pool {
	uint32_t *buckets; /* a power of two */
	uint32_t n_buckets;
	uint32_t used, room, most;
	uint32_t lesser; /* of those used */
	uint32_t free; /* list */
	uint32_t oldest, newest;
};

struct bh_inventory {
	uint64_t seed;
	struct leaf *leaves; /* [0] unused */
	struct cell *cells;
	struct pool leaf_pool, cell_pool;
	uint32_t dirty; /* cells */
	struct bh_inventory_lost lost;
};

struct bh_inventory *bh_inventory_new_limited(
	uint64_t seed, const struct bh_inventory_limits *limits)
{
	struct bh_inventory *inv = calloc(1, sizeof *inv);

	if (!inv)
		return NULL;
	inv->seed = seed;
	inv->leaf_pool.most = limits && limits->leaves ? limits->leaves : DEFAULT_LEAVES;
	inv->cell_pool.most = limits && limits->rows ? limits->rows : DEFAULT_ROWS;
	return inv;
}

struct bh_inventory *bh_inventory_new(uint64_t seed)
{
	return bh_inventory_new_limited(seed, NULL);
}

struct bh_inventory *bh_inventory_free(struct bh_inventory *inv)
{
	if (!inv)
		return NULL;
	for (uint32_t i = 1; i < inv->cell_pool.room; i++)
		free(inv->cells[i].packed);
	free(inv->leaves);
	free(inv->cells);
	free(inv->leaf_pool.buckets);
	free(inv->cell_pool.buckets);
	free(inv);
	return NULL;
}

struct bh_inventory_lost bh_inventory_lost(const struct bh_inventory *inv)
{
	return inv->lost;
}

/* ---- pools ---- */

static struct order *order_of(struct bh_inventory *inv, const struct pool *p, uint32_t i)
{
	return p == &inv->leaf_pool ? &inv->leaves[i].order : &inv->cells[i].order;
}

static uint32_t *next_of(struct bh_inventory *inv, const struct pool *p, uint32_t i)
{
	return p == &inv->leaf_pool ? &inv->leaves[i].next : &inv->cells[i].next;
}

static bool is_lesser(const struct bh_inventory *inv, const struct pool *p, uint32_t i)
{
	return p == &inv->leaf_pool ? inv->leaves[i].closed : inv->cells[i].stranger;
}

static uint64_t leaf_hash(const struct bh_inventory *inv, uint32_t source, uint64_t id)
{
	uint64_t h = (id ^ inv->seed) * 0x9e3779b97f4a7c15u;

	h = (h ^ h >> 32 ^ source) * 0xd6e8feb86659fd93u;
	return h ^ h >> 32;
}

static uint64_t hash_of(const struct bh_inventory *inv, const struct pool *p, uint32_t i)
{
	if (p == &inv->cell_pool)
		return inv->cells[i].hash;
	return leaf_hash(inv, inv->leaves[i].source, inv->leaves[i].id);
}

static void unlink_order(struct bh_inventory *inv, struct pool *p, uint32_t i)
{
	struct order *o = order_of(inv, p, i);

	*(o->newer ? &order_of(inv, p, o->newer)->older : &p->newest) = o->older;
	*(o->older ? &order_of(inv, p, o->older)->newer : &p->oldest) = o->newer;
}

static void link_newest(struct bh_inventory *inv, struct pool *p, uint32_t i)
{
	*order_of(inv, p, i) = (struct order){ .older = p->newest };
	*(p->newest ? &order_of(inv, p, p->newest)->newer : &p->oldest) = i;
	p->newest = i;
}

static void touch(struct bh_inventory *inv, struct pool *p, uint32_t i)
{
	if (p->newest == i)
		return;
	unlink_order(inv, p, i);
	link_newest(inv, p, i);
}

static int more_buckets(struct bh_inventory *inv, struct pool *p)
{
	uint32_t n = p->n_buckets ? p->n_buckets * 2 : 64;
	uint32_t *b = calloc(n, sizeof *b);

	if (!b)
		return -ENOMEM;
	for (uint32_t old = 0; old < p->n_buckets; old++) {
		for (uint32_t i = p->buckets[old], after; i; i = after) {
			uint32_t *next = next_of(inv, p, i);
			uint32_t *head = &b[hash_of(inv, p, i) & (n - 1)];
			after = *next;
			*next = *head;
			*head = i;
		}
	}
	free(p->buckets);
	p->buckets = b;
	p->n_buckets = n;
	return 0;
}

static int more_room(struct bh_inventory *inv, struct pool *p)
{
	bool is_leaf = p == &inv->leaf_pool;
	size_t size = is_leaf ? sizeof *inv->leaves : sizeof *inv->cells;
	uint32_t was = p->room, room = was ? was * 2 : 32;

	if (room > p->most)
		room = p->most + 1; /* [0] is unused */
	void *v = reallocarray(is_leaf ? (void *)inv->leaves : (void *)inv->cells, room, size);

	if (!v)
		return -ENOMEM;
	memset((char *)v + was * size, 0, (room - was) * size);
	if (is_leaf)
		inv->leaves = v;
	else
		inv->cells = v;
	p->room = room;
	for (uint32_t i = room - 1; i >= (was ? was : 1); i--) {
		*next_of(inv, p, i) = p->free;
		p->free = i;
	}
	return 0;
}

/* A free place, which the caller fills in and then enters. */
static int place(struct bh_inventory *inv, struct pool *p, uint32_t *ret)
{
	if (p->used >= p->n_buckets) {
		int r = more_buckets(inv, p);
		if (r)
			return r;
	}
	if (!p->free) {
		int r = more_room(inv, p);
		if (r)
			return r;
	}
	*ret = p->free;
	return 0;
}

static void enter(struct bh_inventory *inv, struct pool *p, uint32_t i)
{
	uint32_t *head = &p->buckets[hash_of(inv, p, i) & (p->n_buckets - 1)];

	assert(p->free == i);
	p->free = *next_of(inv, p, i);
	*next_of(inv, p, i) = *head;
	*head = i;
	p->used++;
	p->lesser += is_lesser(inv, p, i);
	link_newest(inv, p, i);
}

static void leave(struct bh_inventory *inv, struct pool *p, uint32_t i)
{
	uint32_t *at = &p->buckets[hash_of(inv, p, i) & (p->n_buckets - 1)];

	while (*at != i)
		at = next_of(inv, p, *at);
	*at = *next_of(inv, p, i);
	unlink_order(inv, p, i);
	*next_of(inv, p, i) = p->free;
	p->free = i;
	p->used--;
	p->lesser -= is_lesser(inv, p, i);
}

/* The one to make way.  Those that are spared count as told just now: whoever is lesser
 * and older is found after four of them, on the whole. */
static uint32_t victim(struct bh_inventory *inv, struct pool *p)
{
	while (p->lesser > p->most / 4 && !is_lesser(inv, p, p->oldest))
		touch(inv, p, p->oldest);
	return p->oldest;
}

/* ---- figures ---- */

static struct bh_figures total(const struct bh_inventory *inv, const struct cell *c)
{
	if (!c->stale)
		return c->sum;
	struct bh_figures f = c->settled;
	for (uint32_t i = c->leaf; i; i = inv->leaves[i].after)
		bh_figures_add(&f, &inv->leaves[i].figures);
	return f;
}

/* Has a leaf only grown?  Then the sum can grow with it; a chain may be long. */
static bool grown(const struct bh_figures *was, const struct bh_figures *is)
{
	return is->connections >= was->connections && is->opens >= was->opens &&
	       is->bytes_to_server >= was->bytes_to_server &&
	       is->bytes_to_client >= was->bytes_to_client && is->last_seen >= was->last_seen &&
	       (!was->first_seen || (is->first_seen && is->first_seen <= was->first_seen)) &&
	       !(was->pipes & ~is->pipes);
}

/* A leaf in this cell, that had these figures, has those. */
static void recount(struct cell *c, const struct bh_figures *was, const struct bh_figures *is)
{
	struct bh_figures more = *is;

	if (!grown(was, is))
		c->stale = true;
	if (c->stale)
		return;
	more.connections -= was->connections;
	more.bytes_to_server -= was->bytes_to_server;
	more.bytes_to_client -= was->bytes_to_client;
	more.opens -= was->opens;
	bh_figures_add(&c->sum, &more);
}

/* ---- cells ---- */

static bool alive(const struct cell *c)
{
	return c->leaf || !bh_figures_empty(&c->settled);
}

static void set_dirty(struct bh_inventory *inv, struct cell *c, bool dirty)
{
	inv->dirty += dirty;
	inv->dirty -= c->dirty;
	c->dirty = dirty;
}

static void forget_cell(struct bh_inventory *inv, uint32_t i)
{
	struct cell *c = &inv->cells[i];

	set_dirty(inv, c, false);
	leave(inv, &inv->cell_pool, i);
	free(c->packed);
	c->packed = NULL;
}

/* The cell that the leaf stood in, 0: none. */
static uint32_t detach(struct bh_inventory *inv, uint32_t i)
{
	struct leaf *l = &inv->leaves[i];
	uint32_t cell = l->cell;

	if (!cell)
		return 0;
	*(l->before ? &inv->leaves[l->before].after : &inv->cells[cell].leaf) = l->after;
	if (l->after)
		inv->leaves[l->after].before = l->before;
	l->cell = l->before = l->after = 0;
	return cell;
}

static void unchain(struct bh_inventory *inv, uint32_t i)
{
	uint32_t cell = detach(inv, i);

	if (!cell)
		return;
	struct cell *c = &inv->cells[cell];
	c->stale = true;
	set_dirty(inv, c, true);
	if (!alive(c) && !c->saved)
		forget_cell(inv, cell);
	else
		touch(inv, &inv->cell_pool, cell);
}

static void chain(struct bh_inventory *inv, uint32_t i, uint32_t cell)
{
	struct leaf *l = &inv->leaves[i];
	struct cell *c = &inv->cells[cell];

	l->cell = cell;
	l->before = 0;
	l->after = c->leaf;
	if (c->leaf)
		inv->leaves[c->leaf].before = i;
	c->leaf = i;
	set_dirty(inv, c, true);
}

/* Nothing in it says who it was.  What our own rules stopped counts for more: they tell of
 * so many a second and no more. */
static bool is_stranger(const struct bh_conversation *who)
{
	return !who->known && !who->dialect && !who->auth && who->outcome != BH_WOULD_BLOCK &&
	       who->outcome != BH_BLOCKED;
}

/* A conversation goes, and its leaves are remembered as gone. */
static void give_up_row(struct bh_inventory *inv)
{
	uint32_t i = victim(inv, &inv->cell_pool);

	if (alive(&inv->cells[i]))
		inv->lost.rows++;
	while (inv->cells[i].leaf) {
		struct leaf *l = &inv->leaves[inv->cells[i].leaf];
		inv->cells[i].leaf = l->after;
		l->cell = l->before = l->after = 0;
	}
	forget_cell(inv, i);
}

static int find_cell(
	struct bh_inventory *inv, uint32_t source, const struct bh_conversation *who, uint32_t *ret)
{
	struct pool *p = &inv->cell_pool;
	uint64_t h = bh_conversation_hash(who, inv->seed ^ source);
	const struct bh_talk want = bh_talk_of(who);

	for (uint32_t i = p->n_buckets ? p->buckets[h & (p->n_buckets - 1)] : 0; i;
		i = inv->cells[i].next) {
		struct bh_talk t;
		if (inv->cells[i].hash != h || inv->cells[i].source != source)
			continue;
		bh_talk_unpack(inv->cells[i].packed, &t);
		if (bh_talk_equal(&t, &want)) {
			*ret = i;
			return 0;
		}
	}

	char *packed = bh_conversation_pack(who);
	uint32_t i;
	if (!packed)
		return -ENOMEM;
	if (p->used >= p->most)
		give_up_row(inv);
	int r = place(inv, p, &i);
	if (r) {
		free(packed);
		return r;
	}
	uint32_t next = inv->cells[i].next;
	inv->cells[i] = (struct cell){ .hash = h,
		.packed = packed,
		.source = source,
		.next = next,
		.stranger = is_stranger(who) };
	enter(inv, p, i);
	*ret = i;
	return 0;
}

/* ---- leaves ---- */

static void set_closed(struct bh_inventory *inv, uint32_t i, bool closed)
{
	inv->leaf_pool.lesser += closed;
	inv->leaf_pool.lesser -= inv->leaves[i].closed;
	inv->leaves[i].closed = closed;
}

/* A leaf goes; what it told stays in its conversation. */
static void give_up_leaf(struct bh_inventory *inv)
{
	uint32_t i = victim(inv, &inv->leaf_pool);
	struct leaf *l = &inv->leaves[i];

	/* One without any figures leaves its conversation as if it had never been told. */
	if (l->cell && bh_figures_empty(&l->figures)) {
		unchain(inv, i);
	} else if (l->cell) {
		inv->lost.leaves += !l->closed;
		bh_figures_add(&inv->cells[l->cell].settled, &l->figures);
		(void)detach(inv, i);
	}
	leave(inv, &inv->leaf_pool, i);
}

static int find_leaf(struct bh_inventory *inv, uint32_t source, uint64_t id, uint32_t *ret)
{
	struct pool *p = &inv->leaf_pool;
	uint64_t h = leaf_hash(inv, source, id);

	for (uint32_t i = p->n_buckets ? p->buckets[h & (p->n_buckets - 1)] : 0; i;
		i = inv->leaves[i].next) {
		if (inv->leaves[i].id == id && inv->leaves[i].source == source) {
			*ret = i;
			return 0;
		}
	}
	if (p->used >= p->most)
		give_up_leaf(inv);
	uint32_t i;
	int r = place(inv, p, &i);
	if (r)
		return r;
	uint32_t next = inv->leaves[i].next;
	inv->leaves[i] = (struct leaf){ .id = id, .source = source, .next = next };
	enter(inv, p, i);
	*ret = i;
	return 0;
}

/* An order of what may be told of one leaf: the greatest is believed, so that the order
 * of arrival does not matter, even for a sensor that tells two things at one revision. */
static bool supersedes(
	const struct bh_inventory *inv, const struct leaf *l, const struct bh_fact *f)
{
	if (!l->told || f->revision != l->revision)
		return !l->told || f->revision > l->revision;
	if (!l->cell || f->kind == BH_FACT_LEAF_GONE)
		return l->cell != 0;

	struct bh_talk was, is = bh_talk_of(&f->leaf_is.who);
	bh_talk_unpack(inv->cells[l->cell].packed, &was);
	int r = bh_talk_compare(&is, &was);
	if (!r)
		r = memcmp(&f->leaf_is.figures, &l->figures, sizeof l->figures);
	return r > 0 || (!r && f->leaf_is.closed > l->closed);
}

static void believe_gone(struct bh_inventory *inv, uint32_t i)
{
	unchain(inv, i);
	inv->leaves[i].figures = (struct bh_figures){ 0 };
	set_closed(inv, i, true);
}

static int believe(struct bh_inventory *inv, uint32_t i, const struct bh_fact *f)
{
	struct leaf *l = &inv->leaves[i];
	struct bh_figures was = l->figures;
	uint32_t cell;
	int r = find_cell(inv, l->source, &f->leaf_is.who, &cell);

	if (r)
		return r;
	if (l->cell != cell) {
		unchain(inv, i);
		chain(inv, i, cell);
		was = (struct bh_figures){ 0 };
	}
	recount(&inv->cells[cell], &was, &f->leaf_is.figures);
	l->figures = f->leaf_is.figures;
	set_closed(inv, i, f->leaf_is.closed);
	set_dirty(inv, &inv->cells[cell], true);
	touch(inv, &inv->cell_pool, cell);
	return 0;
}

static int fold_leaf(struct bh_inventory *inv, uint32_t source, const struct bh_fact *f)
{
	uint32_t i;
	int r = find_leaf(inv, source, f->leaf, &i);

	if (r || !supersedes(inv, &inv->leaves[i], f))
		return r;
	if (f->kind == BH_FACT_LEAF_GONE)
		believe_gone(inv, i);
	else
		r = believe(inv, i, f);
	if (r)
		return r;
	inv->leaves[i].revision = f->revision;
	inv->leaves[i].told = true;
	touch(inv, &inv->leaf_pool, i);
	return 0;
}

int bh_inventory_fold(struct bh_inventory *inv, uint32_t source, const struct bh_fact *f)
{
	if (!bh_fact_sane(f))
		return -EBADMSG;
	if (f->kind == BH_FACT_LEAF || f->kind == BH_FACT_LEAF_GONE)
		return fold_leaf(inv, source, f);
	return 0;
}

/* ---- what stands in it ---- */

static int by_conversation(const void *a, const void *b)
{
	const struct bh_row *x = a, *y = b;
	int r = bh_talk_compare(&x->who, &y->who);

	/* Then by the one source that each has so far. */
	return r ? r : x->sources[0] < y->sources[0] ? -1 : x->sources[0] > y->sources[0];
}

/* Neighbours that are one conversation told by several sources become one row. */
static int merge(struct bh_row *v, size_t n, struct bh_arena *a, size_t *ret)
{
	size_t rows = 0;

	for (size_t i = 0, after; i < n; i = after) {
		struct bh_row *to = &v[rows++];
		for (after = i + 1; after < n; after++) {
			if (!bh_talk_equal(&v[i].who, &v[after].who))
				break;
		}
		uint32_t *sources = bh_arena_array(a, after - i, sizeof *sources);
		if (!sources)
			return -ENOMEM;
		struct bh_figures sum = { 0 };
		for (size_t k = i; k < after; k++) {
			sources[k - i] = v[k].sources[0];
			bh_figures_add(&sum, &v[k].figures);
		}
		if (to != &v[i])
			to->who = v[i].who;
		to->figures = sum;
		to->sources = sources;
		to->n_sources = after - i;
	}
	*ret = rows;
	return 0;
}

int bh_inventory_rows(const struct bh_inventory *inv, struct bh_arena *a, const struct bh_row **ret,
	size_t *n_ret)
{
	struct bh_row *v = bh_arena_array(a, inv->cell_pool.used + 1, sizeof *v);
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	for (uint32_t i = inv->cell_pool.oldest; i; i = inv->cells[i].order.newer) {
		const struct cell *c = &inv->cells[i];
		if (!alive(c))
			continue;
		const char *packed = bh_arena_copy(a, c->packed, bh_conversation_packed(c->packed));
		if (!packed)
			return -ENOMEM;
		bh_talk_unpack(packed, &v[n].who);
		v[n].figures = total(inv, c);
		v[n].sources = &c->source;
		v[n].n_sources = 1;
		n++;
	}
	qsort(v, n, sizeof *v, by_conversation);
	int r = merge(v, n, a, &n);
	if (r)
		return r;
	*ret = v;
	*n_ret = n;
	return 0;
}

/* Where a walk over those that changed begins: they are few, and among the most recently
 * told. */
static uint32_t oldest_dirty(const struct bh_inventory *inv)
{
	uint32_t at = 0;

	for (uint32_t i = inv->cell_pool.newest, left = inv->dirty; left;
		i = inv->cells[i].order.older) {
		if (!inv->cells[i].dirty)
			continue;
		at = i;
		left--;
	}
	return at;
}

int bh_inventory_changes(const struct bh_inventory *inv, uint32_t source, bh_row_fn fn, void *ctx)
{
	for (uint32_t i = oldest_dirty(inv); i; i = inv->cells[i].order.newer) {
		const struct cell *c = &inv->cells[i];
		struct bh_row row;
		if (!c->dirty || c->source != source)
			continue;
		bh_talk_unpack(c->packed, &row.who);
		row.figures = total(inv, c);
		row.sources = &c->source;
		row.n_sources = 1;
		row.each = NULL;
		int r = fn(ctx, &row);
		if (r)
			return r;
	}
	return 0;
}

void bh_inventory_saved(struct bh_inventory *inv, uint32_t source)
{
	for (uint32_t i = oldest_dirty(inv), newer; i; i = newer) {
		struct cell *c = &inv->cells[i];
		newer = c->order.newer;
		if (!c->dirty || c->source != source)
			continue;
		set_dirty(inv, c, false);
		c->sum = total(inv, c);
		c->stale = false;
		c->saved = true;
		if (!alive(c))
			forget_cell(inv, i);
	}
}

#include "plan/cover.h"

#define WORK 200000000u

static uint64_t weigh(const struct cover_problem *p, unsigned row, uint64_t cols)
{
	uint64_t sum = 0;

	for (; cols; cols &= cols - 1)
		sum += p->weight[row][__builtin_ctzll(cols)];
	return sum;
}

static void add_to(uint64_t held[COVER_SIDE], const struct cover_rect *r)
{
	for (uint64_t rows = r->rows; rows; rows &= rows - 1)
		held[__builtin_ctzll(rows)] |= r->cols;
}

static uint64_t weight_of(const struct cover_problem *p, const struct cover *c)
{
	uint64_t held[COVER_SIDE] = { 0 }, sum = 0;

	for (unsigned i = 0; i < c->n; i++)
		add_to(held, &c->v[i]);
	for (unsigned row = 0; row < p->n_rows; row++)
		sum += weigh(p, row, held[row]);
	return sum;
}

/* What holding r adds to what is held. */
static uint64_t growth(
	const struct cover_problem *p, const uint64_t held[COVER_SIDE], const struct cover_rect *r)
{
	uint64_t sum = 0;

	for (uint64_t rows = r->rows; rows; rows &= rows - 1) {
		unsigned row = (unsigned)__builtin_ctzll(rows);
		sum += weigh(p, row, r->cols & ~held[row]);
	}
	return sum;
}

static struct cover_rect joined(const struct cover_rect *x, const struct cover_rect *y)
{
	return (struct cover_rect){ x->rows | y->rows, x->cols | y->cols };
}

/* ---- a good cover --------------------------------------------------------------------- */

/* The least rectangle about the needed cells of v[i] that no other holds. */
static struct cover_rect alone(
	const struct cover_problem *p, const struct cover_rect *v, unsigned n, unsigned i)
{
	uint64_t others[COVER_SIDE] = { 0 };
	struct cover_rect r = { 0 };

	for (unsigned k = 0; k < n; k++) {
		if (k != i)
			add_to(others, &v[k]);
	}
	for (uint64_t rows = v[i].rows; rows; rows &= rows - 1) {
		unsigned row = (unsigned)__builtin_ctzll(rows);
		uint64_t cols = v[i].cols & p->need[row] & ~others[row];
		r.rows |= cols ? (uint64_t)1 << row : 0;
		r.cols |= cols;
	}
	return r;
}

/* Takes from every rectangle what others hold as well. */
static void shrink(const struct cover_problem *p, struct cover *c)
{
	for (unsigned i = 0; i < c->n;) {
		struct cover_rect r = alone(p, c->v, c->n, i);
		c->v[i] = r;
		if (r.rows)
			i++;
		else
			c->v[i] = c->v[--c->n];
	}
}

/* Joins two rectangles, the cheapest first, until there are few enough, and on while it
 * costs nothing. */
static void join(const struct cover_problem *p, unsigned most, struct cover *c)
{
	uint64_t held[COVER_SIDE] = { 0 };

	for (unsigned i = 0; i < c->n; i++)
		add_to(held, &c->v[i]);
	while (c->n > 1) {
		uint64_t least = UINT64_MAX;
		unsigned x = 0, y = 0;
		for (unsigned i = 0; i < c->n; i++) {
			for (unsigned k = i + 1; k < c->n; k++) {
				struct cover_rect r = joined(&c->v[i], &c->v[k]);
				uint64_t g = growth(p, held, &r);
				if (g < least) {
					least = g;
					x = i;
					y = k;
				}
			}
		}
		if (least && c->n <= most)
			return;
		c->v[x] = joined(&c->v[x], &c->v[y]);
		c->v[y] = c->v[--c->n];
		add_to(held, &c->v[x]);
	}
}

static void by_rows(const struct cover_problem *p, struct cover *c)
{
	for (unsigned row = 0; row < p->n_rows; row++) {
		if (p->need[row])
			c->v[c->n++] = (struct cover_rect){ (uint64_t)1 << row, p->need[row] };
	}
}

static void by_columns(const struct cover_problem *p, struct cover *c)
{
	for (unsigned col = 0; col < p->n_cols; col++) {
		struct cover_rect r = { 0, (uint64_t)1 << col };
		for (unsigned row = 0; row < p->n_rows; row++)
			r.rows |= (p->need[row] >> col & 1) << row;
		if (r.rows)
			c->v[c->n++] = r;
	}
}

/* Rectangles of needed cells alone, each as large as it gets from its first cell. */
static void by_blocks(const struct cover_problem *p, struct cover *c)
{
	uint64_t held[COVER_SIDE] = { 0 };

	for (unsigned row = 0; row < p->n_rows; row++) {
		while (p->need[row] & ~held[row]) {
			uint64_t left = p->need[row] & ~held[row];
			struct cover_rect r = { (uint64_t)1 << row, left };
			for (unsigned k = row + 1; k < p->n_rows; k++) {
				if (!(left & ~p->need[k]))
					r.rows |= (uint64_t)1 << k;
			}
			r.cols = UINT64_MAX;
			for (uint64_t rows = r.rows; rows; rows &= rows - 1)
				r.cols &= p->need[__builtin_ctzll(rows)];
			if (c->n == COVER_SIDE) {
				c->n = 0; /* there would be too many: no cover this way */
				return;
			}
			add_to(held, &r);
			c->v[c->n++] = r;
		}
	}
}

static void keep_better(const struct cover_problem *p, const struct cover *c, struct cover *best)
{
	uint64_t weight = weight_of(p, c);

	if (best->n && (weight > best->weight || (weight == best->weight && c->n >= best->n)))
		return;
	*best = *c;
	best->weight = weight;
}

static void good(const struct cover_problem *p, unsigned most, struct cover *best)
{
	/* Of equals the first stays: a rule for each group of servers reads best. */
	void (*const starts[])(
		const struct cover_problem *, struct cover *) = { by_columns, by_rows, by_blocks };

	for (size_t i = 0; i < BH_LEN(starts); i++) {
		struct cover c = { 0 };
		starts[i](p, &c);
		if (!c.n)
			continue;
		join(p, most, &c);
		shrink(p, &c);
		join(p, most, &c);
		keep_better(p, &c, best);
	}
}

/* ---- the search ------------------------------------------------------------------------ */

/* Puts the needed cells one after the other into one of the rectangles, or into a new one.
 * Whoever is right about each cell ends with no more than the lightest cover, so trying
 * all of them proves it; what is held at least weighs what is needed, which ends most
 * branches early. */
struct search {
	const struct cover_problem *p;
	unsigned most;
	struct cover now, *best;
	uint64_t work;
	struct frame {
		uint64_t held[COVER_SIDE]; /* by the rectangles */
		uint64_t sure[COVER_SIDE]; /* and what must be held beside */
		uint64_t weight; /* of sure */
	} * frames;
};

struct cell {
	unsigned row, col;
};

static struct cover_rect with(const struct cover_rect *r, struct cell c)
{
	return (struct cover_rect){ r->rows | (uint64_t)1 << c.row,
		r->cols | (uint64_t)1 << c.col };
}

/* The cell that is farthest from all rectangles: it decides most.  False: all are held. */
static bool farthest(struct search *s, const struct frame *f, struct cell *ret)
{
	uint64_t most = 0;
	bool found = false;

	for (unsigned row = 0; row < s->p->n_rows; row++) {
		uint64_t cols = s->p->need[row] & ~f->held[row];
		for (; cols; cols &= cols - 1) {
			struct cell c = { row, (unsigned)__builtin_ctzll(cols) };
			uint64_t least = UINT64_MAX;
			for (unsigned i = 0; i < s->now.n && least; i++) {
				struct cover_rect r = with(&s->now.v[i], c);
				uint64_t g = growth(s->p, f->sure, &r);
				least = g < least ? g : least;
				s->work += 8;
			}
			if (!found || least > most) {
				most = least;
				*ret = c;
			}
			found = true;
		}
	}
	return found;
}

static void search(struct search *s, unsigned depth);

static void try_in(struct search *s, unsigned depth, unsigned i, struct cell c)
{
	struct frame *f = &s->frames[depth], *next = f + 1;
	struct cover_rect was = s->now.v[i], r = with(&was, c);

	if (i == s->now.n)
		r = with(&(struct cover_rect){ 0 }, c);
	if (f->weight + growth(s->p, f->sure, &r) >= s->best->weight)
		return;
	*next = *f;
	next->weight += growth(s->p, f->sure, &r);
	add_to(next->held, &r);
	add_to(next->sure, &r);
	bool fresh = i == s->now.n;
	s->now.n += fresh;
	s->now.v[i] = r;
	search(s, depth + 1);
	s->now.v[i] = was;
	s->now.n -= fresh;
}

static void search(struct search *s, unsigned depth)
{
	const struct frame *f = &s->frames[depth];
	struct cell c = { 0 };

	if (s->work > s->p->work)
		return;
	s->work += s->p->n_rows;
	if (!farthest(s, f, &c)) {
		*s->best = s->now;
		s->best->weight = f->weight;
		return;
	}
	for (unsigned i = 0; i < s->now.n; i++)
		try_in(s, depth, i, c);
	if (s->now.n < s->most)
		try_in(s, depth, s->now.n, c);
}

static int prove(
	const struct cover_problem *p, unsigned most, struct bh_arena *a, struct cover *best)
{
	struct search s = { .p = p, .most = most, .best = best };
	size_t cells = 0;

	for (unsigned row = 0; row < p->n_rows; row++)
		cells += (size_t)__builtin_popcountll(p->need[row]);
	s.frames = bh_arena_array(a, cells + 1, sizeof *s.frames);
	if (!s.frames)
		return -ENOMEM;
	for (unsigned row = 0; row < p->n_rows; row++) {
		s.frames[0].sure[row] = p->need[row];
		s.frames[0].weight += weigh(p, row, p->need[row]);
	}
	if (s.frames[0].weight < best->weight)
		search(&s, 0);
	best->proven = s.work <= p->work;
	return 0;
}

int cover_find(const struct cover_problem *given, unsigned most, const struct cover *from,
	struct bh_arena *a, struct cover *ret)
{
	struct cover_problem p = *given;
	struct cover best = from ? *from : (struct cover){ 0 };

	assert(p.n_rows <= COVER_SIDE && p.n_cols <= COVER_SIDE && most);
	p.work = p.work ? p.work : WORK;
	most = most < COVER_SIDE ? most : COVER_SIDE;
	good(&p, most, &best);
	if (!best.n) {
		*ret = (struct cover){ .proven = true };
		return 0;
	}
	int r = prove(&p, most, a, &best);
	if (r)
		return r;
	shrink(&p, &best);
	best.weight = weight_of(&p, &best);
	*ret = best;
	return 0;
}

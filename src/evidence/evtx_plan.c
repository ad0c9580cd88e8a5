/*
 * From a template's definition to a plan ([MS-EVEN6] 2.2.12; where names and definitions
 * are told by offset, the file differs from the protocol).
 */
#include "evidence/evtx.h"

#define CHUNK_HEADER 512u

struct frame {
	uint8_t place;
	uint16_t leaf; /* that this element's text belongs to, plus one; 0: none */
};

struct walk {
	struct bh_evtx *x;
	struct bh_cur c; /* ends where the body ends, starts where the chunk starts */
	struct evtx_plan plan;
	unsigned depth;
	bool dependencies; /* elements should carry the number of a value they depend on */
	struct frame stack[EVTX_DEPTH + 1]; /* the first is what stands around */
};

static struct frame *top(struct walk *w)
{
	return &w->stack[w->depth];
}

/* ---- names ---- */

struct name {
	uint32_t at; /* of its UTF-16 units */
	uint16_t len;
};

/* A name node: next of its hash, hash, length, units, NUL.  The hash is the writer's way
 * to find names; nothing hangs on it here. */
static struct name name_node(struct bh_cur *c, uint32_t at)
{
	struct bh_cur n = *c;

	bh_cur_skip(&n, 6);
	uint16_t len = bh_cur_le16(&n);
	bh_cur_skip(&n, 2u * len + 2u);
	if (!bh_cur_ok(&n))
		bh_cur_fail(c);
	return (struct name){ .at = at + 8, .len = len };
}

static struct bh_cur cursor_at(const struct bh_evtx *x, uint32_t at, size_t end)
{
	struct bh_cur whole = bh_cur_of(x->chunk);
	struct bh_cur c = bh_cur_of(bh_cur_window(&whole, 0, end));

	bh_cur_skip(&c, at);
	if (!bh_cur_ok(&whole))
		bh_cur_fail(&c);
	return c;
}

/* By offset; the first use of a name carries the node itself. */
static struct name read_name(struct walk *w)
{
	struct bh_cur *c = &w->c;
	uint32_t at = bh_cur_le32(c);

	if (bh_cur_ok(c) && at == bh_cur_offset(c)) {
		struct name n = name_node(c, at);
		bh_cur_skip(c, 8u + 2u * n.len + 2u);
		return n;
	}
	struct bh_cur there = cursor_at(w->x, at, w->x->chunk.len);
	struct name n = name_node(&there, at);
	if (at < CHUNK_HEADER || !bh_cur_ok(&there)) {
		bh_cur_fail(c);
		return (struct name){ 0 };
	}
	return n;
}

struct text {
	char room[32]; /* longer than any name we know */
	size_t len;
};

static struct bh_span text_of(const struct walk *w, struct name n, struct text *t)
{
	t->len = evtx_name(evtx_units(w->x, n.at, n.len), t->room, sizeof t->room);
	return bh_span_of(t->room, t->len);
}

/* ---- leaves and pieces ---- */

static struct evtx_leaf *leaf_new(struct walk *w, uint8_t field, uint8_t place, struct name n)
{
	struct bh_evtx *x = w->x;

	if (x->n_leaves == EVTX_LEAVES) {
		bh_cur_fail(&w->c);
		return NULL;
	}
	struct evtx_leaf *l = &x->leaves[x->n_leaves++];
	*l = (struct evtx_leaf){ .name = n.at,
		.name_len = n.len,
		.first = (uint16_t)x->n_pieces,
		.field = field,
		.place = place };
	return l;
}

static void piece_add(struct walk *w, struct evtx_leaf *l, struct evtx_piece p)
{
	struct bh_evtx *x = w->x;

	/* Text behind a child of its element is no part of a value. */
	if (!l || l->first + l->n != (int)x->n_pieces)
		return;
	if (x->n_pieces == EVTX_PIECES) {
		bh_cur_fail(&w->c);
		return;
	}
	x->pieces[x->n_pieces++] = p;
	l->n++;
}

static uint16_t entity(struct bh_span name)
{
	static const struct {
		const char *name;
		uint16_t unit;
	} known[] = { { "lt", '<' }, { "gt", '>' }, { "amp", '&' }, { "quot", '"' },
		{ "apos", '\'' } };

	for (size_t i = 0; i < BH_LEN(known); i++) {
		if (bh_event_is(name, known[i].name))
			return known[i].unit;
	}
	return 0xfffd;
}

static struct evtx_piece read_units(struct bh_cur *c)
{
	struct evtx_piece p = { .kind = EVTX_PIECE_TEXT };

	p.len = bh_cur_le16(c);
	p.at = (uint32_t)bh_cur_offset(c);
	bh_cur_skip(c, 2u * p.len);
	return p;
}

/* What a token says of its element's or attribute's text; false: nothing, it is not of
 * that kind and nothing was read behind it. */
static bool read_piece(struct walk *w, uint8_t token, struct evtx_piece *ret)
{
	struct evtx_piece p = { .kind = EVTX_PIECE_UNIT };
	struct bh_cur *c = &w->c;
	struct text t;

	switch (token & ~EVTX_MORE) {
	case EVTX_VALUE:
		if (bh_cur_u8(c) != EVTX_STRING)
			bh_cur_fail(c);
		p = read_units(c);
		break;
	case EVTX_CDATA: p = read_units(c); break;
	case EVTX_CHAR_REF: p.at = bh_cur_le16(c); break;
	case EVTX_ENTITY_REF: p.at = entity(text_of(w, read_name(w), &t)); break;
	case EVTX_SUBSTITUTION:
	case EVTX_OPTIONAL:
		p.kind = EVTX_PIECE_INDEX;
		p.optional = token == EVTX_OPTIONAL;
		p.at = bh_cur_le16(c);
		bh_cur_skip(c, 1); /* the type it should have: the value says its own */
		break;
	default: return false;
	}
	*ret = p;
	return bh_cur_ok(c);
}

/* Text in an element.  Where only elements are due, a value may stand for some. */
static void content(struct walk *w, struct evtx_piece p)
{
	struct frame *f = top(w);
	uint8_t field = bh_place_text(f->place);

	if (field == BH_FIELD_NONE) {
		if (p.kind == EVTX_PIECE_INDEX && f->place != BH_PLACE_ELSEWHERE)
			piece_add(w, leaf_new(w, BH_FIELD_NONE, f->place, (struct name){ 0 }), p);
		return;
	}
	if (!f->leaf) {
		if (!leaf_new(w, field, f->place, (struct name){ 0 }))
			return;
		f->leaf = (uint16_t)w->x->n_leaves;
	}
	piece_add(w, &w->x->leaves[f->leaf - 1], p);
	if (f->place == BH_PLACE_DATA)
		f->leaf = 0; /* each is a value of its own */
}

/* ---- elements ---- */

static uint8_t peek(const struct bh_cur *c)
{
	return bh_cur_left(c) ? c->at[0] : EVTX_EOF;
}

static bool is_piece(uint8_t token)
{
	token &= (uint8_t)~EVTX_MORE;
	return token == EVTX_VALUE || (token >= EVTX_CDATA && token <= EVTX_ENTITY_REF) ||
	       token == EVTX_SUBSTITUTION || token == EVTX_OPTIONAL;
}

/* Name="…" of a value names it. */
static void read_attribute(struct walk *w, uint8_t place, struct name *value)
{
	struct evtx_leaf *l = NULL;
	struct evtx_piece p;
	struct text t;

	struct bh_span name = text_of(w, read_name(w), &t);
	uint8_t field = bh_place_attribute(place, name);
	bool names = place == BH_PLACE_LEAF && bh_event_is(name, "Name");
	if (field != BH_FIELD_NONE)
		l = leaf_new(w, field, place, (struct name){ 0 });
	while (bh_cur_ok(&w->c) && is_piece(peek(&w->c))) {
		if (!read_piece(w, bh_cur_u8(&w->c), &p))
			return;
		piece_add(w, l, p);
		if (names && p.kind == EVTX_PIECE_TEXT)
			*value = (struct name){ .at = p.at, .len = p.len };
	}
}

/* Could an element's size and name stand here, behind its dependency or without one? */
static bool plausible(const struct walk *w, size_t skip)
{
	struct walk look = { .x = w->x, .c = w->c };

	bh_cur_skip(&look.c, skip);
	uint32_t size = bh_cur_le32(&look.c);
	if (!bh_cur_ok(&look.c) || size > bh_cur_left(&look.c))
		return false;
	(void)read_name(&look);
	return bh_cur_ok(&look.c);
}

static void open_element(struct walk *w, bool attributes)
{
	struct frame *f = top(w);
	struct text t;

	if (w->depth == EVTX_DEPTH) {
		bh_cur_fail(&w->c);
		return;
	}
	/* Nothing says for certain whether it is there; most often it is in templates. */
	if (w->dependencies ? plausible(w, 2) || !plausible(w, 0) : !plausible(w, 0))
		bh_cur_skip(&w->c, 2);
	bh_cur_skip(&w->c, 4); /* size: its end is where its end token is */
	struct name name = read_name(w);
	uint8_t place = bh_place_enter(f->place, text_of(w, name, &t));

	/* Who has children is no leaf. */
	if (f->leaf == w->x->n_leaves && f->leaf && !w->x->leaves[f->leaf - 1].n)
		w->x->n_leaves--;
	f->leaf = 0;

	if (place == BH_PLACE_LEAF && bh_event_is(bh_span_of(t.room, t.len), "Data"))
		name.len = 0;
	if (attributes)
		bh_cur_skip(&w->c, 4); /* size of their list */
	while (attributes && (peek(&w->c) & ~EVTX_MORE) == EVTX_ATTRIBUTE && bh_cur_ok(&w->c)) {
		bh_cur_skip(&w->c, 1);
		read_attribute(w, place, &name);
	}
	w->stack[++w->depth] = (struct frame){ .place = place };
	if (place == BH_PLACE_LEAF && leaf_new(w, BH_FIELD_VALUE, place, name))
		top(w)->leaf = (uint16_t)w->x->n_leaves;
}

static void close_element(struct walk *w)
{
	if (w->depth)
		w->depth--;
	else
		bh_cur_fail(&w->c);
}

static void step(struct walk *w)
{
	uint8_t token = bh_cur_u8(&w->c);
	struct evtx_piece p;

	switch (token & ~EVTX_MORE) {
	case EVTX_OPEN: open_element(w, token & EVTX_MORE); break;
	case EVTX_CLOSE_START: break;
	case EVTX_CLOSE_EMPTY:
	case EVTX_END_ELEMENT: close_element(w); break;
	case EVTX_PI_TARGET: (void)read_name(w); break;
	case EVTX_PI_DATA: (void)read_units(&w->c); break;
	case EVTX_FRAGMENT: bh_cur_skip(&w->c, 3); break;
	default:
		if (read_piece(w, token, &p))
			content(w, p);
		else
			bh_cur_fail(&w->c);
	}
}

/* All of one root element, and what may stand before it. */
static int walk(struct walk *w, uint32_t at, uint32_t end, uint8_t place)
{
	struct bh_evtx *x = w->x;
	uint32_t leaves = x->n_leaves, pieces = x->n_pieces;
	bool begun = false;

	w->c = cursor_at(x, at, end);
	w->stack[0].place = place;
	w->plan = (struct evtx_plan){ .at = at, .first = (uint16_t)leaves, .place = place };
	while (x->walk && bh_cur_ok(&w->c) && !(begun && !w->depth)) {
		const uint8_t *before = w->c.at;
		if (!w->depth && peek(&w->c) == EVTX_EOF)
			break; /* nothing at all is a fragment too */
		step(w);
		begun |= w->depth > 0;
		x->walk -= (uint32_t)bh_min_size(x->walk, (size_t)(w->c.at - before));
	}
	w->plan.n = (uint16_t)(x->n_leaves - leaves);
	w->plan.bad = !bh_cur_ok(&w->c) || !x->walk;
	if (w->plan.bad) {
		w->plan.n = 0;
		x->n_leaves = leaves;
		x->n_pieces = pieces;
	}
	return w->plan.bad ? -EBADMSG : 0;
}

/* ---- plans ---- */

void evtx_plans_reset(struct bh_evtx *x)
{
	memset(x->slots, 0, sizeof x->slots);
	x->n_plans = x->n_leaves = x->n_pieces = 0;
	x->walk = EVTX_WALK;
}

static bool is_plan(const struct bh_evtx *x, uint16_t slot, uint32_t at, uint8_t place)
{
	return x->plans[slot - 1].at == at && x->plans[slot - 1].place == place;
}

int evtx_plan_of(
	struct bh_evtx *x, uint32_t at, uint32_t len, uint8_t place, const struct evtx_plan **ret)
{
	uint32_t i = (at * 16 + place) * 0x9e3779b1u >> 21;

	static_assert(EVTX_SLOTS == 1u << (32 - 21), "the slot is the hash's upper bits");
	while (x->slots[i] && !is_plan(x, x->slots[i], at, place))
		i = (i + 1) & (EVTX_SLOTS - 1);
	if (!x->slots[i]) {
		struct walk w = { .x = x, .dependencies = true };
		if (x->n_plans == EVTX_PLANS)
			return -EBADMSG;
		(void)walk(&w, at, at + len, place); /* a bad one is remembered too */
		x->plans[x->n_plans++] = w.plan;
		x->slots[i] = (uint16_t)x->n_plans;
	}
	const struct evtx_plan *p = &x->plans[x->slots[i] - 1];
	if (p->bad)
		return -EBADMSG;
	*ret = p;
	return 0;
}

int evtx_plan_direct(
	struct bh_evtx *x, uint32_t at, uint32_t end, uint8_t place, struct evtx_plan *ret)
{
	struct walk w = { .x = x };
	int r = walk(&w, at, end, place);

	if (r)
		return r;
	*ret = w.plan;
	return 0;
}

void evtx_plan_give_back(struct bh_evtx *x, const struct evtx_plan *p)
{
	if (x->n_leaves == p->first + (uint32_t)p->n)
		x->n_leaves = p->first;
	if (p->n && x->leaves[p->first].first <= x->n_pieces)
		x->n_pieces = x->leaves[p->first].first;
}

/*
 * One record: its fragment is an instance of a template, as good as always; the values it
 * brings are put where the plan says ([MS-EVEN6] 2.2.12, TemplateInstance).
 */
#include "evidence/evtx.h"

#define CHUNK_HEADER 512u

/* Only what System says is looked at first: most records are not wanted. */
enum pass { SYSTEM, VALUES };

static int fragment(struct bh_evtx *x, uint32_t at, uint32_t end, uint8_t place, unsigned nesting,
	enum pass pass);

/* ---- instances ---- */

/* A definition: next of its hash, GUID, size, body.  Told by offset; the first use of one
 * carries it. */
static int definition(
	struct bh_evtx *x, struct bh_cur *c, uint8_t place, const struct evtx_plan **ret)
{
	struct bh_cur there = bh_cur_of(x->chunk);

	uint32_t at = bh_cur_le32(c);
	bool here = at == bh_cur_offset(c);
	bh_cur_skip(&there, at);
	bh_cur_skip(&there, 4 + 16);
	uint32_t len = bh_cur_le32(&there);
	uint32_t body = (uint32_t)bh_cur_offset(&there);
	bh_cur_skip(&there, len);
	if (here)
		bh_cur_skip(c, (size_t)(4 + 16 + 4) + len);
	if (!bh_cur_ok(c) || !bh_cur_ok(&there) || at < CHUNK_HEADER)
		return -EBADMSG;
	return evtx_plan_of(x, body, len, place, ret);
}

/* How many, then size and type of each, then all of them. */
static int read_values(struct bh_cur *c, struct evtx_values *ret)
{
	uint32_t n = bh_cur_le32(c);

	if (n > EVTX_VALUES || 4 * n > bh_cur_left(c))
		return -EBADMSG;
	struct bh_cur values = *c;
	bh_cur_skip(&values, 4 * (size_t)n);
	for (uint32_t i = 0; i < n; i++) {
		struct evtx_value *v = &ret->v[i];
		v->len = bh_cur_le16(c);
		v->type = bh_cur_u8(c);
		bh_cur_skip(c, 1);
		v->at = (uint32_t)bh_cur_offset(&values);
		bh_cur_skip(&values, v->len);
	}
	if (!bh_cur_ok(c) || !bh_cur_ok(&values))
		return -EBADMSG;
	ret->n = n;
	*c = values;
	return 0;
}

/* ---- leaves ---- */

static struct bh_span bytes(const struct bh_evtx *x, uint32_t at, size_t len)
{
	struct bh_cur c = bh_cur_of(x->chunk);

	return bh_cur_window(&c, at, len);
}

/* NULL: the template asks for a value the instance does not have. */
static const struct evtx_value *value_of(
	const struct evtx_values *values, const struct evtx_piece *p)
{
	return p->kind == EVTX_PIECE_INDEX && p->at < values->n ? &values->v[p->at] : NULL;
}

static void add_piece(struct bh_evtx *x, const struct evtx_piece *p, const struct evtx_value *v)
{
	const uint8_t unit[2] = { (uint8_t)p->at, (uint8_t)(p->at >> 8) };

	if (p->kind == EVTX_PIECE_TEXT)
		evtx_add_utf16(&x->draft, evtx_units(x, p->at, p->len));
	else if (p->kind == EVTX_PIECE_UNIT)
		evtx_add_utf16(&x->draft, bh_span_of(unit, sizeof unit));
	else if (v)
		evtx_add_value(&x->draft, v->type, bytes(x, v->at, v->len));
}

static struct bh_span name_of(
	const struct bh_evtx *x, const struct evtx_leaf *l, char room[BH_DRAFT_NAME])
{
	return bh_span_of(
		room, evtx_name(evtx_units(x, l->name, l->name_len), room, BH_DRAFT_NAME));
}

static void tell(struct bh_evtx *x, const struct evtx_leaf *l, const struct evtx_values *values)
{
	char room[BH_DRAFT_NAME];

	if (!bh_draft_begin(&x->draft, l->field, name_of(x, l, room)))
		return;
	for (unsigned i = 0; i < l->n && !x->draft.full; i++) {
		const struct evtx_piece *p = &x->pieces[l->first + i];
		add_piece(x, p, value_of(values, p));
	}
	bh_draft_end(&x->draft);
}

/* The next text of an array of them, each ends with a NUL. */
static struct bh_span next_text(struct bh_cur *c, size_t unit)
{
	struct bh_cur look = *c;
	size_t len = 0;

	while (bh_cur_left(&look) >= unit) {
		struct bh_span s = bh_cur_take(&look, unit);
		if (!s.ptr[0] && !s.ptr[unit - 1])
			break;
		len += unit;
	}
	struct bh_span s = bh_cur_take(c, len);
	bh_cur_skip(c, bh_min_size(unit, bh_cur_left(c)));
	return s;
}

/* An array repeats the element it stands in ([MS-EVEN6] 2.2.12.2). */
static void tell_array(struct bh_evtx *x, const struct evtx_leaf *l, const struct evtx_value *v)
{
	uint8_t type = v->type & 0x7f;
	size_t size = evtx_element(v->type);
	struct bh_cur c = bh_cur_of(bytes(x, v->at, v->len));
	char room[BH_DRAFT_NAME];
	struct bh_span name = name_of(x, l, room);

	if (!size && type != EVTX_STRING && type != EVTX_ANSI)
		return;
	while (bh_cur_left(&c) && bh_draft_begin(&x->draft, l->field, name)) {
		struct bh_span one = size ? bh_cur_take(&c, bh_min_size(size, bh_cur_left(&c)))
					  : next_text(&c, type == EVTX_STRING ? 2 : 1);
		evtx_add_value(&x->draft, type, one);
		bh_draft_end(&x->draft);
	}
}

/* Numbers and times of System need no text in between; false if it must be tried. */
static bool take_number(struct bh_evtx *x, uint8_t field, const struct evtx_value *v)
{
	struct bh_span s = bytes(x, v->at, v->len);
	uint64_t n;
	bh_time t;

	if (field == BH_FIELD_WHEN && !evtx_value_when(v->type, s, &t))
		bh_draft_when(&x->draft, t);
	else if (field != BH_FIELD_VALUE && !evtx_value_number(v->type, s, &n))
		bh_draft_number(&x->draft, field, n);
	else
		return false;
	return true;
}

static int take_leaf(struct bh_evtx *x, const struct evtx_leaf *l, const struct evtx_values *values,
	unsigned nesting, enum pass pass)
{
	const struct evtx_value *v = l->n == 1 ? value_of(values, &x->pieces[l->first]) : NULL;

	if (v && v->type == EVTX_BINXML && v->len)
		return fragment(x, v->at, v->at + v->len, l->place, nesting + 1, pass);
	bool of_system = l->field != BH_FIELD_NONE && l->field != BH_FIELD_VALUE;
	if (of_system != (pass == SYSTEM) || l->field == BH_FIELD_NONE)
		return 0;
	if (v && v->type == EVTX_NULL && x->pieces[l->first].optional)
		return 0;
	if (v && v->type & EVTX_ARRAY)
		tell_array(x, l, v);
	else if (!v || !take_number(x, l->field, v))
		tell(x, l, values);
	return 0;
}

static int take_all(struct bh_evtx *x, const struct evtx_plan *p, const struct evtx_values *values,
	unsigned nesting, enum pass pass)
{
	int r = 0;

	for (unsigned i = 0; i < p->n && !r; i++) {
		const struct evtx_leaf *l = &x->leaves[p->first + i];
		/* System stands first and in one piece: no need to look inside of what follows. */
		if (pass == SYSTEM && bh_draft_has(&x->draft, BH_FIELD_ID) &&
			(l->field == BH_FIELD_NONE || l->field == BH_FIELD_VALUE))
			break;
		if (pass == VALUES && x->draft.event.n_values == BH_EVENT_VALUES)
			break;
		r = take_leaf(x, l, values, nesting, pass);
	}
	return r;
}

/* ---- fragments ---- */

static int instance(
	struct bh_evtx *x, struct bh_cur *c, uint8_t place, unsigned nesting, enum pass pass)
{
	const struct evtx_plan *p = NULL;
	struct evtx_values *values = &x->values[nesting];

	bh_cur_skip(c, 1 + 4); /* version, the definition's number: its GUID's first part */
	int r = definition(x, c, place, &p);
	if (!r)
		r = read_values(c, values);
	return r ? r : take_all(x, p, values, nesting, pass);
}

static int direct(struct bh_evtx *x, uint32_t at, uint32_t end, uint8_t place, unsigned nesting,
	enum pass pass)
{
	struct evtx_plan p;
	int r = evtx_plan_direct(x, at, end, place, &p);

	if (r)
		return r;
	x->values[nesting].n = 0;
	r = take_all(x, &p, &x->values[nesting], nesting, pass);
	evtx_plan_give_back(x, &p);
	return r;
}

static int fragment(struct bh_evtx *x, uint32_t at, uint32_t end, uint8_t place, unsigned nesting,
	enum pass pass)
{
	struct bh_cur whole = bh_cur_of(x->chunk);
	struct bh_cur c = bh_cur_of(bh_cur_window(&whole, 0, end));

	if (nesting == EVTX_NESTING || !x->fragments)
		return -EBADMSG;
	x->fragments--;
	bh_cur_skip(&c, at);
	uint8_t token = bh_cur_u8(&c);
	if (token == EVTX_FRAGMENT) {
		bh_cur_skip(&c, 3); /* version, flags */
		token = bh_cur_u8(&c);
	}
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	if (token == EVTX_TEMPLATE)
		return instance(x, &c, place, nesting, pass);
	return direct(x, (uint32_t)bh_cur_offset(&c) - 1, end, place, nesting, pass);
}

int evtx_record(struct bh_evtx *x, uint32_t at, uint32_t end, uint64_t number, bh_time written,
	const struct bh_event_sink *sink)
{
	struct bh_draft *d = &x->draft;

	bh_draft_reset(d);
	x->fragments = EVTX_FRAGMENTS;
	int r = fragment(x, at, end, BH_PLACE_ROOT, 0, SYSTEM);
	if (r || !bh_draft_has(d, BH_FIELD_ID))
		return -EBADMSG;
	bh_draft_number(d, BH_FIELD_RECORD, number);
	bh_draft_when(d, written);
	if (!sink->want(sink->ctx, d->event.provider, d->event.id))
		return 0;
	r = fragment(x, at, end, BH_PLACE_ROOT, 0, VALUES);
	if (!r)
		sink->event(sink->ctx, &d->event);
	return r;
}

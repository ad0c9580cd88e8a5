/*
 * JSON values one after the other.  Structure only: whether a value is JSON at all is
 * for its reader to say.  A line of NDJSON that broke off costs itself, not the rest of
 * the file: a line end within a string, or a value where none may stand, ends it.
 */
#include "evidence/event.h"
#include "evidence/split.h"

static bool blank(uint8_t ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}

/* ---- around records ---- */

/* The arrays that exports wrap their records in: Azure Monitor (tables, columns, rows),
 * Azure storage and Event Hubs (records), Microsoft Graph (value), others. */
static const struct {
	const char *key;
	enum split_outer holds;
} wrappers[] = {
	{ "tables", OUTER_PLAIN },
	{ "columns", OUTER_COLUMNS },
	{ "rows", OUTER_ROWS },
	{ "records", OUTER_PLAIN },
	{ "value", OUTER_PLAIN },
	{ "events", OUTER_PLAIN },
	{ "results", OUTER_PLAIN },
	{ "hits", OUTER_PLAIN },
};

static bool wraps(const struct split *s, enum split_outer *ret)
{
	struct bh_span key = bh_span_of(s->key, s->n_key < SPLIT_KEY ? s->n_key : 0);

	for (size_t i = 0; i < BH_LEN(wrappers); i++) {
		if (bh_event_like(key, wrappers[i].key)) {
			*ret = wrappers[i].holds;
			return true;
		}
	}
	return false;
}

/* Elasticsearch: {"hits":{"hits":[…]}} */
static bool wraps_object(const struct split *s)
{
	return bh_event_like(bh_span_of(s->key, s->n_key < SPLIT_KEY ? s->n_key : 0), "hits");
}

static void key_byte(struct split *s, uint8_t ch)
{
	if (s->n_key < SPLIT_KEY)
		s->key[s->n_key++] = (char)ch;
}

static bool push(struct split *s, enum split_outer holds)
{
	if (s->n_outer == SPLIT_OUTER)
		return false;
	s->outer[s->n_outer++] = (uint8_t)holds;
	return true;
}

static int enter_array(struct split *s, enum split_outer holds)
{
	struct bh_record r = { .offset = s->at, .place = BH_RECORD_COLUMNS };

	(void)push(s, holds);
	r.bytes = bh_span_of("", 0);
	return holds == OUTER_COLUMNS ? s->fn(s->ctx, &r) : 0;
}

static enum bh_record_place place(const struct split *s)
{
	uint8_t top = s->n_outer ? s->outer[s->n_outer - 1] : OUTER_PLAIN;

	return top == OUTER_COLUMNS ? BH_RECORD_COLUMN
	       : top == OUTER_ROWS  ? BH_RECORD_ROW
				    : BH_RECORD_PLAIN;
}

/* ---- in a record ---- */

static bool in_object(const struct split *s)
{
	return s->depth && s->depth <= 64 && s->objects >> (s->depth - 1) & 1;
}

static void open_container(struct split *s, bool object)
{
	s->depth++;
	if (s->depth <= 64) {
		uint64_t bit = (uint64_t)1 << (s->depth - 1);
		s->objects = object ? s->objects | bit : s->objects & ~bit;
	}
	s->value_ok = !object;
}

/* {"tables":[ …: this is no record, but what others stand in. */
static bool unwrap(struct split *s, uint8_t ch, int *r)
{
	enum split_outer holds = OUTER_PLAIN;
	bool array = ch == '[' && wraps(s, &holds), object = ch == '{' && wraps_object(s);

	if (s->depth != 1 || !in_object(s) || (!array && !object) || s->n_outer + 2 > SPLIT_OUTER)
		return false;
	s->len = 0;
	s->inside = s->over = false;
	s->depth = 0;
	s->n_key = 0;
	(void)push(s, OUTER_OBJECT);
	if (object)
		(void)push(s, OUTER_OBJECT);
	else
		*r = enter_array(s, holds);
	bh_split_pass(s, ch);
	return true;
}

static int string_byte(struct split *s, uint8_t ch)
{
	if (ch == '\n') {
		bh_split_pass(s, ch);
		return bh_split_broken(s);
	}
	bh_split_put(s, ch);
	if (s->escaped) {
		s->escaped = false;
	} else if (ch == '\\') {
		s->escaped = true;
	} else if (ch == '"') {
		s->quoted = false;
		return 0;
	}
	if (s->is_key)
		key_byte(s, ch);
	return 0;
}

static int close_container(struct split *s, uint8_t ch)
{
	bh_split_put(s, ch);
	s->value_ok = false;
	return --s->depth ? 0 : bh_split_emit(s, place(s));
}

static int outside(struct split *s, uint8_t ch);

static int inside(struct split *s, uint8_t ch)
{
	int r = 0;

	if (s->quoted)
		return string_byte(s, ch);
	switch (ch) {
	case '"':
		s->is_key = s->depth == 1 && in_object(s) && !s->value_ok;
		if (s->is_key)
			s->n_key = 0;
		s->quoted = true;
		s->value_ok = false;
		break;
	case '{':
	case '[':
		if (!s->value_ok) {
			r = bh_split_broken(s);
			return r ? r : outside(s, ch);
		}
		if (unwrap(s, ch, &r))
			return r;
		open_container(s, ch == '{');
		break;
	case '}':
	case ']': return close_container(s, ch);
	case ':': s->value_ok = in_object(s); break;
	case ',': s->value_ok = !in_object(s); break;
	default: s->value_ok &= blank(ch);
	}
	bh_split_put(s, ch);
	return 0;
}

/* ---- between records ---- */

static void skip_byte(struct split *s, uint8_t ch)
{
	if (s->quoted) {
		bool ends = (ch == '"' && !s->escaped) || ch == '\n';
		s->escaped = ch == '\\' && !s->escaped;
		if (s->is_key && !ends)
			key_byte(s, ch);
		s->quoted = !ends;
		s->skipping = !ends || s->depth;
	} else if (ch == '"') {
		s->quoted = true;
	} else if (ch == '{' || ch == '[') {
		s->depth++;
	} else if (ch == '}' || ch == ']') {
		s->depth--;
		s->skipping = s->depth;
	}
	bh_split_pass(s, ch);
}

static void skip_string(struct split *s, bool key)
{
	s->skipping = s->quoted = true;
	s->escaped = false;
	s->is_key = key;
	if (key)
		s->n_key = 0;
}

/* Within an object that holds records further inside. */
static int outer_object(struct split *s, uint8_t ch)
{
	enum split_outer holds = OUTER_PLAIN;
	bool value = s->value_ok;

	s->value_ok = value && blank(ch);
	if (ch == '"') {
		skip_string(s, !value);
	} else if (ch == ':') {
		s->value_ok = true;
	} else if (ch == '}' || ch == ']') {
		s->n_outer--;
	} else if (ch == '[' && value && wraps(s, &holds)) {
		return enter_array(s, holds);
	} else if (ch == '{' && value && wraps_object(s) && push(s, OUTER_OBJECT)) {
		return 0;
	} else if (ch == '[' || ch == '{') {
		s->skipping = true;
		s->is_key = false;
		s->depth = 1;
	}
	return 0;
}

static int outside(struct split *s, uint8_t ch)
{
	bool object = s->n_outer && s->outer[s->n_outer - 1] == OUTER_OBJECT;

	if (!object && (ch == '{' || (ch == '[' && s->n_outer))) {
		open_container(s, ch == '{');
		bh_split_put(s, ch);
		return 0;
	}
	bh_split_pass(s, ch);
	if (object)
		return outer_object(s, ch);
	if (ch == '[')
		(void)push(s, OUTER_PLAIN);
	else if ((ch == ']' || ch == '}') && s->n_outer)
		s->n_outer--;
	else if (ch == '"')
		skip_string(s, false);
	return 0;
}

int bh_split_json(struct split *s, struct bh_span text)
{
	struct bh_cur c = bh_cur_of(text);
	int r = 0;

	while (!r && bh_cur_left(&c)) {
		uint8_t ch = bh_cur_u8(&c);
		if (s->skipping)
			skip_byte(s, ch);
		else
			r = s->inside ? inside(s, ch) : outside(s, ch);
	}
	return r;
}

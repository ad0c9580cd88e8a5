#include "json/place.h"

#define LONGEST_SOURCE 200u /* a line that a terminal can still show */

struct walk {
	const char *s;
	size_t at, len;
};

static char look(const struct walk *w)
{
	return w->at < w->len ? w->s[w->at] : '\0';
}

static void blanks(struct walk *w)
{
	while (w->at < w->len && strchr(" \t\r\n", w->s[w->at]) && w->s[w->at])
		w->at++;
}

/* Over a string, from quote to quote. */
static void string(struct walk *w)
{
	for (w->at++; w->at < w->len && w->s[w->at] != '"'; w->at++)
		w->at += w->s[w->at] == '\\';
	w->at++;
}

static void value(struct walk *w)
{
	unsigned depth = 0;

	do {
		blanks(w);
		char c = look(w);
		if (c == '"') {
			string(w);
		} else if (c == '{' || c == '[') {
			depth++;
			w->at++;
		} else if (c == '}' || c == ']') {
			depth--;
			w->at++;
		} else if (depth) {
			w->at++;
		} else {
			while (w->at < w->len && !strchr(",]} \t\r\n", w->s[w->at]))
				w->at++;
		}
	} while (depth && w->at < w->len);
}

/* From '{' or '[' to the value of one step; false, and back where it was, without it. */
static bool step(struct walk *w, const struct place_step *to)
{
	size_t from = w->at;
	bool object = look(w) == '{';

	if (object != !!to->key || (!object && look(w) != '['))
		return false;
	w->at++;
	for (size_t i = 0; w->at < w->len; i++) {
		blanks(w);
		size_t name = w->at;
		if (object) {
			string(w);
			size_t len = w->at - name - 2;
			bool found = w->at <= w->len && len == strlen(to->key) &&
				     !memcmp(w->s + name + 1, to->key, len);
			blanks(w);
			w->at++; /* the colon */
			blanks(w);
			if (found)
				return true;
		} else if (i == to->index) {
			return true;
		}
		value(w);
		blanks(w);
		if (look(w) != ',')
			break;
		w->at++;
	}
	w->at = from;
	return false;
}

static size_t characters(const char *s, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += ((unsigned char)s[i] & 0xc0) != 0x80;
	return count;
}

void place_source(struct bh_span text, size_t at, struct bh_arena *a, struct bh_diag *d)
{
	const char *s = (const char *)text.ptr;
	size_t from = at, to = at;

	while (from > 0 && s[from - 1] != '\n')
		from--;
	while (to < text.len && s[to] != '\n')
		to++;
	d->source = to - from <= LONGEST_SOURCE ? bh_arena_strn(a, s + from, to - from) : NULL;
	d->column = (unsigned)characters(s + from, at - from) + 1;
}

void place_of(struct bh_span text, const struct place_step *steps, size_t n, struct bh_arena *a,
	struct bh_diag *d)
{
	struct walk w = { .s = (const char *)text.ptr, .len = text.len };

	blanks(&w);
	for (size_t i = 0; i < n && step(&w, &steps[i]);)
		i++;
	size_t at = bh_min_size(w.at, text.len);
	d->line = 1;
	for (size_t i = 0; i < at; i++)
		d->line += text.ptr[i] == '\n';
	place_source(text, at, a, d);
	bool scalar = look(&w) != '{' && look(&w) != '[';
	if (scalar)
		value(&w);
	size_t end = scalar ? bh_min_size(w.at, text.len) : at + 1;
	d->length = (unsigned)bh_max_size(characters((const char *)text.ptr + at, end - at), 1);
}

/*
 * JSON (RFC 8259) as named texts: one pass, no tree.  Lenient in one thing: control
 * characters within strings, which some exporters leave as they are.
 */
#include <stdio.h>

#include "evidence/fields.h"

enum { MAX_DEPTH = 32 };

struct reader {
	struct bh_cur c;
	struct bh_fields *f;
	size_t len; /* of path */
	unsigned depth;
	char path[BH_FIELDS_PATH];
};

static uint8_t peek(const struct bh_cur *c)
{
	return bh_cur_left(c) ? c->at[0] : 0;
}

static void blanks(struct bh_cur *c)
{
	for (uint8_t ch = peek(c); ch == ' ' || ch == '\n' || ch == '\t' || ch == '\r';
		ch = peek(c))
		bh_cur_skip(c, 1);
}

static void want(struct bh_cur *c, char ch)
{
	if (bh_cur_u8(c) != (uint8_t)ch)
		bh_cur_fail(c);
}

/* ---- strings ---- */

/* What stands between the quotes, escapes and all. */
static struct bh_span raw_string(struct bh_cur *c, bool *escaped)
{
	want(c, '"');
	size_t start = bh_cur_offset(c);
	*escaped = false;
	for (;;) {
		uint8_t ch = bh_cur_u8(c);
		if (!bh_cur_ok(c))
			return (struct bh_span){ 0 };
		if (ch == '"')
			break;
		if (ch == '\\') {
			*escaped = true;
			bh_cur_skip(c, 1);
		}
	}
	return bh_cur_window(c, start, bh_cur_offset(c) - start - 1);
}

static uint32_t hex4(struct bh_cur *c)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++) {
		uint8_t ch = bh_cur_u8(c);
		uint8_t low = ch | 0x20;
		if (ch >= '0' && ch <= '9')
			v = v << 4 | (uint32_t)(ch - '0');
		else if (low >= 'a' && low <= 'f')
			v = v << 4 | (uint32_t)(low - 'a' + 10);
		else
			bh_cur_fail(c);
	}
	return v;
}

static size_t utf8(uint32_t ch, char ret[4])
{
	if (ch < 0x80) {
		ret[0] = (char)ch;
		return 1;
	}
	if (ch < 0x800) {
		ret[0] = (char)(0xc0 | ch >> 6);
		ret[1] = (char)(0x80 | (ch & 0x3f));
		return 2;
	}
	if (ch < 0x10000) {
		ret[0] = (char)(0xe0 | ch >> 12);
		ret[1] = (char)(0x80 | (ch >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (ch & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | ch >> 18);
	ret[1] = (char)(0x80 | (ch >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (ch >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (ch & 0x3f));
	return 4;
}

/* Behind "\u": one half of a pair alone is no character. */
static uint32_t unicode(struct bh_cur *c)
{
	uint32_t high = hex4(c);

	if (high < 0xd800 || high > 0xdfff)
		return high;
	struct bh_cur look = *c;
	if (high > 0xdbff || bh_cur_u8(&look) != '\\' || bh_cur_u8(&look) != 'u')
		return 0xfffd;
	uint32_t low = hex4(&look);
	if (!bh_cur_ok(&look) || low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*c = look;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static uint32_t escape(struct bh_cur *c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	uint8_t ch = bh_cur_u8(c);
	const char *at = ch ? strchr(from, ch) : NULL;

	if (ch == 'u')
		return unicode(c);
	if (!at)
		bh_cur_fail(c);
	return at ? (uint8_t)to[at - from] : 0;
}

/* Without its escapes; ptr NULL when there is no room for it. */
static struct bh_span unescape(struct bh_fields *f, struct bh_span raw, struct bh_cur *all)
{
	struct bh_cur c = bh_cur_of(raw);
	size_t start = f->used;

	/* Unescaped it is no longer than before. */
	if (raw.len > sizeof f->scratch - start)
		return (struct bh_span){ 0 };
	while (bh_cur_left(&c)) {
		uint8_t ch = bh_cur_u8(&c);
		size_t n = 1;
		char b[4] = { (char)ch };
		if (ch == '\\')
			n = utf8(escape(&c), b);
		memcpy(f->scratch + f->used, b, n);
		f->used += n;
	}
	if (!bh_cur_ok(&c))
		bh_cur_fail(all);
	return bh_span_of(f->scratch + start, f->used - start);
}

static struct bh_span string(struct reader *r)
{
	bool escaped;
	struct bh_span s = raw_string(&r->c, &escaped);

	return bh_cur_ok(&r->c) && escaped ? unescape(r->f, s, &r->c) : s;
}

/* ---- values ---- */

static void add(struct reader *r, struct bh_span text)
{
	struct bh_span name = bh_fields_keep(r->f, bh_span_of(r->path, r->len));

	if (name.ptr)
		bh_fields_add(r->f, name, text);
}

/* "null", "true", "-1.5e3": its bytes as they are. */
static void bare(struct reader *r)
{
	struct bh_cur c = r->c;
	size_t n = 0;

	for (uint8_t ch = peek(&c); (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') ||
				    ch == 'E' || ch == '-' || ch == '+' || ch == '.';
		ch = peek(&c)) {
		bh_cur_skip(&c, 1);
		n++;
	}
	struct bh_span s = bh_cur_take(&r->c, n);
	if (bh_event_is(s, "null"))
		add(r, (struct bh_span){ 0 });
	else if (s.len && (s.ptr[0] == '-' || (s.ptr[0] >= '0' && s.ptr[0] <= '9')))
		add(r, s);
	else if (bh_event_is(s, "true") || bh_event_is(s, "false"))
		add(r, s);
	else
		bh_cur_fail(&r->c);
}

/* One more component of the path; returns what it was, for `leave`. */
static size_t enter(struct reader *r, struct bh_span name)
{
	size_t was = r->len;

	if (r->len && r->path[r->len - 1] != '.' && r->len < sizeof r->path)
		r->path[r->len++] = '.';
	size_t n = bh_min_size(name.len, sizeof r->path - r->len);
	if (n)
		memcpy(r->path + r->len, name.ptr, n);
	r->len += n;
	return was;
}

static void value(struct reader *r);

static void object(struct reader *r)
{
	want(&r->c, '{');
	blanks(&r->c);
	for (bool more = peek(&r->c) != '}'; more && bh_cur_ok(&r->c);) {
		size_t used = r->f->used;
		blanks(&r->c);
		struct bh_span key = string(r);
		size_t was = enter(r, key);
		r->f->used = used; /* the path has it */
		blanks(&r->c);
		want(&r->c, ':');
		value(r);
		r->len = was;
		blanks(&r->c);
		more = peek(&r->c) == ',';
		if (more)
			bh_cur_skip(&r->c, 1);
	}
	want(&r->c, '}');
}

/* systemd writes a text that is none, for a byte that is no UTF-8 or a control character, as
 * an array of its bytes.  False, and nothing happened: it is another array. */
static bool text_of_bytes(struct reader *r)
{
	struct bh_cur c = r->c;
	size_t start = r->f->used;

	if (r->len != 7 || memcmp(r->path, "MESSAGE", 7) != 0)
		return false;
	want(&c, '[');
	for (bool more = true; more && bh_cur_ok(&c);) {
		unsigned v = 0, digits = 0;
		blanks(&c);
		for (; peek(&c) >= '0' && peek(&c) <= '9' && digits < 3; digits++)
			v = v * 10 + (unsigned)(bh_cur_u8(&c) - '0');
		blanks(&c);
		if (!digits || v > 255 || r->f->used == sizeof r->f->scratch)
			bh_cur_fail(&c);
		else
			r->f->scratch[r->f->used++] = (char)v;
		more = peek(&c) == ',';
		if (more)
			bh_cur_skip(&c, 1);
	}
	want(&c, ']');
	if (!bh_cur_ok(&c)) {
		r->f->used = start;
		return false;
	}
	r->c = c;
	add(r, bh_span_of(r->f->scratch + start, r->f->used - start));
	return true;
}

static void array(struct reader *r, bool numbered)
{
	unsigned i = 0;

	want(&r->c, '[');
	blanks(&r->c);
	for (bool more = peek(&r->c) != ']'; more && bh_cur_ok(&r->c); i++) {
		char index[16] = "";
		if (numbered)
			snprintf(index, sizeof index, "%u", i);
		size_t was = r->len;
		if (numbered)
			enter(r, bh_span_of(index, strlen(index)));
		value(r);
		r->len = was;
		blanks(&r->c);
		more = peek(&r->c) == ',';
		if (more)
			bh_cur_skip(&r->c, 1);
	}
	want(&r->c, ']');
}

static void value(struct reader *r)
{
	blanks(&r->c);
	uint8_t ch = peek(&r->c);
	if (ch != '{' && ch != '[') {
		if (ch == '"')
			add(r, string(r));
		else
			bare(r);
		return;
	}
	if (++r->depth > MAX_DEPTH)
		bh_cur_fail(&r->c);
	else if (ch == '{')
		object(r);
	else if (!text_of_bytes(r))
		array(r, r->depth == 1);
	r->depth--;
}

int bh_json_fields(struct bh_span json, const char *prefix, struct bh_fields *f)
{
	struct reader r = { .c = bh_cur_of(json), .f = f };

	(void)enter(&r, bh_span_of(prefix, strlen(prefix)));
	value(&r);
	blanks(&r.c);
	return bh_cur_ok(&r.c) && !bh_cur_left(&r.c) ? 0 : -EBADMSG;
}

/*
 * Zeek's tab-separated form, and the table that several logs share.
 */
#include <stdlib.h>

#include "evidence/log.h"

int bh_zeek_new(uint64_t seed, uint32_t sessions, struct bh_zeek **ret)
{
	BH_AUTO(bh_zeek) z = calloc(1, sizeof *z);
	int r = z ? bh_join_new(seed, sessions, &z->join) : -ENOMEM;

	if (r)
		return r;
	*ret = z;
	z = NULL; /* handed over */
	return 0;
}

struct bh_zeek *bh_zeek_free(struct bh_zeek *z)
{
	if (z)
		bh_join_free(z->join);
	free(z);
	return NULL;
}

int bh_zeek_end(struct bh_zeek *z, const struct bh_log_sink *sink, void *ctx)
{
	struct bh_log l = { .kind = BH_LOG_ZEEK, .sink = *sink, .ctx = ctx, .until = INT64_MAX };

	bh_zeek_waiting(&l, z->join);
	return l.error;
}

/* ---- tab-separated ---- */

static struct bh_span cut(struct bh_cur *c, char by)
{
	size_t n = 0;

	while (n < bh_cur_left(c) && c->at[n] != (uint8_t)by)
		n++;
	struct bh_span s = bh_cur_take(c, n);
	if (bh_cur_left(c))
		bh_cur_skip(c, 1);
	return s;
}

static int hex(uint8_t ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* "\x09", and a backslash that is doubled; logging/writers/ascii. */
static struct bh_span unescape(struct bh_fields *f, struct bh_span raw)
{
	struct bh_cur c = bh_cur_of(raw);
	size_t start = f->used;

	if (!raw.len || !memchr(raw.ptr, '\\', raw.len))
		return raw;
	if (raw.len > sizeof f->scratch - start)
		return (struct bh_span){ 0 };
	while (bh_cur_left(&c)) {
		uint8_t ch = bh_cur_u8(&c);
		size_t left = bh_cur_left(&c);
		if (ch == '\\' && left && c.at[0] == '\\') {
			bh_cur_skip(&c, 1);
		} else if (ch == '\\' && left > 2 && c.at[0] == 'x' && hex(c.at[1]) >= 0 &&
			   hex(c.at[2]) >= 0) {
			ch = (uint8_t)(hex(c.at[1]) << 4 | hex(c.at[2]));
			bh_cur_skip(&c, 3);
		}
		f->scratch[f->used++] = (char)ch;
	}
	return bh_span_of(f->scratch + start, f->used - start);
}

static void keep(struct bh_span s, char *ret, size_t size)
{
	size_t n = bh_min_size(s.len, size - 1);

	memset(ret, 0, size);
	if (n)
		memcpy(ret, s.ptr, n);
}

static void new_log(struct bh_zeek_form *z)
{
	*z = (struct bh_zeek_form){ .separator = '\t', .unset = "-", .empty = "(empty)" };
}

static void directive(struct bh_log *l, struct bh_span line)
{
	struct bh_zeek_form *z = &l->zeek;
	struct bh_cur c = bh_cur_of(line);

	if (line.len > 11 && !memcmp(line.ptr, "#separator ", 11)) {
		new_log(z);
		bh_columns_reset(l->columns);
		bh_cur_skip(&c, 11);
		struct bh_span s = unescape(l->fields, bh_cur_take(&c, bh_cur_left(&c)));
		if (s.len == 1)
			z->separator = (char)s.ptr[0];
		return;
	}
	if (!z->separator)
		new_log(z);
	struct bh_span name = cut(&c, z->separator);
	if (bh_event_is(name, "#path"))
		keep(cut(&c, z->separator), z->path, sizeof z->path);
	else if (bh_event_is(name, "#unset_field"))
		keep(cut(&c, z->separator), z->unset, sizeof z->unset);
	else if (bh_event_is(name, "#empty_field"))
		keep(cut(&c, z->separator), z->empty, sizeof z->empty);
	if (!bh_event_is(name, "#fields"))
		return;
	bh_columns_reset(l->columns);
	while (bh_cur_left(&c))
		bh_columns_add(l->columns, cut(&c, z->separator));
}

void bh_zeek_record(struct bh_log *l, struct bh_span line)
{
	const struct bh_zeek_form *z = &l->zeek;
	struct bh_cur c = bh_cur_of(line);

	if (line.ptr[0] == '#') {
		directive(l, line);
		return;
	}
	for (size_t i = 0; bh_cur_left(&c) && i < l->columns->n; i++) {
		struct bh_span s = cut(&c, z->separator);
		if (bh_event_is(s, z->unset))
			s = (struct bh_span){ 0 };
		else if (bh_event_is(s, z->empty))
			s = bh_span_of("", 0);
		bh_columns_field(l->columns, i, unescape(l->fields, s), l->fields);
	}
	bh_zeek_fields(l, bh_span_of(z->path, strlen(z->path)), l->fields);
}

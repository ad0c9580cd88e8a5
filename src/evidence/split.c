/*
 * Lines and rows of CSV.
 */
#include "evidence/split.h"

#include <stdlib.h>

/* How many bytes of the file a byte of decoded text stands for: those of UTF-16 are
 * counted at each character's first byte. */
static uint64_t width(const struct split *s, struct bh_span text)
{
	uint64_t n = text.len;

	if (!s->wide)
		return n;
	n = 0;
	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] >= 0xf0 ? 4 : (text.ptr[i] & 0xc0) == 0x80 ? 0 : 2;
	return n;
}

void bh_split_pass(struct split *s, uint8_t ch)
{
	s->at += width(s, bh_span_of(&ch, 1));
}

static void begin(struct split *s)
{
	if (!s->inside)
		s->start = s->at;
	s->inside = true;
}

/* Room for n more bytes; false when the record would be too long, or memory ran out. */
static bool room(struct split *s, size_t n)
{
	size_t cap = s->cap ? s->cap : 4096;

	if (n <= s->cap - s->len)
		return true;
	if (n > BH_RECORD_MAX - s->len)
		return false;
	while (cap - s->len < n)
		cap *= 2;
	uint8_t *p = realloc(s->buf, cap);
	s->no_memory |= !p;
	if (!p)
		return false;
	s->buf = p;
	s->cap = cap;
	return true;
}

static void put_all(struct split *s, struct bh_span text)
{
	begin(s);
	s->over |= !room(s, text.len);
	if (!s->over && text.len) {
		memcpy(s->buf + s->len, text.ptr, text.len);
		s->len += text.len;
	}
	s->at += width(s, text);
}

void bh_split_put(struct split *s, uint8_t ch)
{
	begin(s);
	s->over |= !room(s, 1);
	if (!s->over)
		s->buf[s->len++] = ch;
	bh_split_pass(s, ch);
}

/* ptr NULL only for what is too long. */
static struct bh_span whole(const struct split *s)
{
	return s->buf ? bh_span_of(s->buf, s->len) : bh_span_of("", 0);
}

static void reset(struct split *s)
{
	s->len = 0;
	s->inside = s->over = s->quoted = s->escaped = false;
	s->depth = 0;
}

int bh_split_emit(struct split *s, enum bh_record_place place)
{
	struct bh_record r = { .offset = s->start, .place = place };

	if (!s->over)
		r.bytes = whole(s);
	reset(s);
	return s->fn(s->ctx, &r);
}

int bh_split_broken(struct split *s)
{
	struct bh_record r = { .offset = s->start };

	reset(s);
	return s->fn(s->ctx, &r);
}

/* ---- lines ---- */

static int line(struct split *s, struct bh_span text)
{
	struct bh_record r = { .offset = s->start };

	if (!s->over) {
		while (text.len && text.ptr[text.len - 1] == '\r')
			text.len--;
		r.bytes = text;
	}
	reset(s);
	return !r.bytes.ptr || r.bytes.len ? s->fn(s->ctx, &r) : 0;
}

int bh_split_lines(struct split *s, struct bh_span text)
{
	struct bh_cur c = bh_cur_of(text);
	int r = 0;

	while (!r && bh_cur_left(&c)) {
		const uint8_t *end = memchr(c.at, '\n', bh_cur_left(&c));
		struct bh_span piece =
			bh_cur_take(&c, end ? (size_t)(end - c.at) : bh_cur_left(&c));
		if (!end) {
			put_all(s, piece);
			break;
		}
		if (s->inside || piece.len > BH_RECORD_MAX) {
			put_all(s, piece);
			piece = whole(s);
		} else { /* whole, and needs no copy */
			begin(s);
			s->at += width(s, piece);
		}
		r = line(s, piece);
		bh_split_pass(s, bh_cur_u8(&c));
	}
	return r;
}

/* ---- CSV ---- */

/* RFC 4180 2: a quote within quotes is doubled, so each one turns the state over. */
int bh_split_csv(struct split *s, struct bh_span text)
{
	struct bh_cur c = bh_cur_of(text);
	int r = 0;

	while (!r && bh_cur_left(&c)) {
		uint8_t ch = bh_cur_u8(&c);
		if (ch == '\n' && !s->quoted) {
			bh_split_pass(s, ch);
			r = line(s, whole(s));
			continue;
		}
		bool was = s->over;
		bh_split_put(s, ch);
		s->quoted ^= ch == '"';
		if (s->over && !was)
			s->quoted = false; /* a quote that nobody closed: on at the next line */
	}
	return r;
}

int bh_split_end(struct split *s)
{
	if (!s->inside)
		return 0;
	if (s->depth)
		return bh_split_broken(s);
	return line(s, whole(s));
}

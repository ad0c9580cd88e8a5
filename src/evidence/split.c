/*
 * Lines and rows of CSV.
 */
#include "evidence/split.h"

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

static void put_all(struct split *s, struct bh_span text)
{
	begin(s);
	if (text.len > BH_RECORD_MAX - s->len)
		s->over = true;
	if (!s->over) {
		memcpy(s->buf + s->len, text.ptr, text.len);
		s->len += text.len;
	}
	s->at += width(s, text);
}

void bh_split_put(struct split *s, uint8_t ch)
{
	begin(s);
	if (s->len < BH_RECORD_MAX)
		s->buf[s->len++] = ch;
	else
		s->over = true;
	bh_split_pass(s, ch);
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
		r.bytes = bh_span_of(s->buf, s->len);
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
			piece = bh_span_of(s->buf, s->len);
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
			r = line(s, bh_span_of(s->buf, s->len));
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
	return line(s, bh_span_of(s->buf, s->len));
}

#include "evidence/feed.h"

#include <stdlib.h>

#include "evidence/split.h"

enum encoding { NOT_YET, UTF_8, UTF_16LE, UTF_16BE };

struct bh_feed {
	struct split s;
	enum bh_split how;
	enum encoding encoding;
	uint8_t head[3]; /* until the encoding is known */
	size_t n_head;
	uint8_t unit[4]; /* of UTF-16: a character that is not there whole */
	size_t n_unit;
};

int bh_feed_new(enum bh_split split, bh_record_fn fn, void *ctx, struct bh_feed **ret)
{
	struct bh_feed *f = calloc(1, sizeof *f);

	if (!f)
		return -ENOMEM;
	f->s.fn = fn;
	f->s.ctx = ctx;
	f->how = split;
	*ret = f;
	return 0;
}

struct bh_feed *bh_feed_free(struct bh_feed *f)
{
	if (f)
		free(f->s.buf);
	free(f);
	return NULL;
}

static int pieces(struct bh_feed *f, struct bh_span utf8)
{
	int r = f->how == BH_SPLIT_CSV    ? bh_split_csv(&f->s, utf8)
		: f->how == BH_SPLIT_JSON ? bh_split_json(&f->s, utf8)
					  : bh_split_lines(&f->s, utf8);

	return r ? r : f->s.no_memory ? -ENOMEM : 0;
}

/* ---- UTF-16 ---- */

static uint16_t unit_at(const struct bh_feed *f, size_t i)
{
	uint16_t a = f->unit[i], b = f->unit[i + 1];

	return (uint16_t)(f->encoding == UTF_16LE ? a | b << 8 : a << 8 | b);
}

static size_t put_utf8(uint32_t ch, uint8_t *ret)
{
	if (ch < 0x80) {
		ret[0] = (uint8_t)ch;
		return 1;
	}
	size_t n = ch < 0x800 ? 2 : ch < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, ch >>= 6)
		ret[i] = (uint8_t)(0x80 | (ch & 0x3f));
	ret[0] = (uint8_t)((n == 2 ? 0xc0u : n == 3 ? 0xe0u : 0xf0u) | ch);
	return n;
}

/* One character from f->unit: how many bytes of it were used, 0 to wait for more.  Half
 * a pair is U+FFFD; so is U+FFFE, to keep two bytes two bytes. */
static size_t character(const struct bh_feed *f, uint32_t *ret)
{
	if (f->n_unit < 2)
		return 0;
	uint32_t ch = unit_at(f, 0);
	*ret = ch >= 0xd800 && ch < 0xe000 ? 0xfffdu : ch;
	if (ch < 0xd800 || ch >= 0xdc00)
		return 2;
	if (f->n_unit < 4)
		return 0;
	uint32_t low = unit_at(f, 2);
	if (low < 0xdc00 || low >= 0xe000)
		return 2;
	*ret = 0x10000 + ((ch - 0xd800) << 10) + (low - 0xdc00);
	return 4;
}

static int feed_utf16(struct bh_feed *f, struct bh_cur *c)
{
	uint8_t out[4096];
	size_t n = 0;
	int r = 0;

	while (!r && bh_cur_left(c)) {
		uint32_t ch = 0;
		f->unit[f->n_unit++] = bh_cur_u8(c);
		size_t used = character(f, &ch);
		if (used) {
			n += put_utf8(ch, out + n);
			f->n_unit -= used;
			memmove(f->unit, f->unit + used, f->n_unit);
		}
		if (n > sizeof out - 4 || !bh_cur_left(c)) {
			r = pieces(f, bh_span_of(out, n));
			n = 0;
		}
	}
	return r;
}

/* ---- both ---- */

static enum encoding recognise(struct bh_feed *f, size_t *mark)
{
	const uint8_t *h = f->head;
	size_t n = f->n_head;

	*mark = 0;
	if (n >= 3 && h[0] == 0xef && h[1] == 0xbb && h[2] == 0xbf) {
		*mark = 3;
		return UTF_8;
	}
	if (n < 2)
		return UTF_8;
	*mark = 2;
	if (h[0] == 0xff && h[1] == 0xfe)
		return UTF_16LE;
	if (h[0] == 0xfe && h[1] == 0xff)
		return UTF_16BE;
	*mark = 0;
	return h[0] && !h[1] ? UTF_16LE : !h[0] && h[1] ? UTF_16BE : UTF_8;
}

static int feed(struct bh_feed *f, struct bh_cur *c)
{
	if (f->encoding == UTF_8)
		return pieces(f, bh_cur_take(c, bh_cur_left(c)));
	return feed_utf16(f, c);
}

static int begin(struct bh_feed *f)
{
	size_t mark;

	f->encoding = recognise(f, &mark);
	f->s.wide = f->encoding != UTF_8;
	f->s.at = mark;
	struct bh_cur head = bh_cur_of(bh_span_of(f->head, f->n_head));
	bh_cur_skip(&head, mark);
	return feed(f, &head);
}

int bh_feed(struct bh_feed *f, struct bh_span bytes)
{
	struct bh_cur c = bh_cur_of(bytes);
	int r = 0;

	if (f->encoding == NOT_YET) {
		while (bh_cur_left(&c) && f->n_head < sizeof f->head)
			f->head[f->n_head++] = bh_cur_u8(&c);
		if (f->n_head < sizeof f->head)
			return 0;
		r = begin(f);
	}
	return r ? r : feed(f, &c);
}

int bh_feed_end(struct bh_feed *f)
{
	int r = f->encoding == NOT_YET ? begin(f) : 0;

	return r ? r : bh_split_end(&f->s);
}

/*
 * A stream of events: what lies between "<Event" and "</Event>" is gathered and read
 * alone.  So a root or none, a byte order mark in the middle of files put together, or
 * an event that is no XML make no difference to the others.
 */
#include "evidence/utf8.h"
#include "evidence/xml.h"

#define START "<Event"
#define END   "</Event"

/* ---- finding events ---- */

static bool delimits(uint8_t ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n' || ch == '>' || ch == '/';
}

/* How much of pattern, which begins with its only "<", came last; all of it: its length. */
static uint8_t follow(const char *pattern, uint8_t had, uint8_t ch)
{
	if (pattern[had] && ch == (uint8_t)pattern[had])
		return (uint8_t)(had + 1);
	return ch == '<';
}

static void give_up(struct bh_xml *x)
{
	x->told.unreadable++;
	x->inside = false;
	x->end = 0;
}

static void told(struct bh_xml *x, const struct bh_event_sink *sink)
{
	struct bh_event e;

	x->inside = false;
	x->end = 0;
	if (bh_xml_event(x, bh_span_of(x->text, x->len), &e) ||
		!bh_draft_has(&x->draft, BH_FIELD_ID)) {
		x->told.unreadable++;
		return;
	}
	x->told.records++;
	if (sink->want(sink->ctx, e.provider, e.id))
		sink->event(sink->ctx, &e);
}

static void begin(struct bh_xml *x, uint8_t ch)
{
	x->told.unreadable += x->inside; /* the one before has no end */
	x->inside = true;
	x->len = strlen(START);
	memcpy(x->text, START, x->len);
	x->text[x->len++] = ch;
	x->end = 0;
}

static void step(struct bh_xml *x, uint8_t ch, const struct bh_event_sink *sink)
{
	bool starts = x->start == strlen(START) && delimits(ch);

	x->start = follow(START, x->start, ch);
	if (starts) {
		begin(x, ch);
		return;
	}
	if (!x->inside)
		return;
	if (x->len == sizeof x->text) {
		give_up(x); /* nobody writes such */
		return;
	}
	x->text[x->len++] = ch;
	if (x->end < strlen(END)) {
		x->end = follow(END, x->end, ch);
		return;
	}
	/* Behind the name only spaces come before ">". */
	if (ch == '>')
		told(x, sink);
	else if (ch != ' ' && ch != '\t' && ch != '\r' && ch != '\n')
		x->end = ch == '<';
}

/* Bytes that neither begin nor end anything, up to the next "<". */
static void plain(struct bh_xml *x, struct bh_cur *c)
{
	const uint8_t *mark = memchr(c->at, '<', bh_cur_left(c));
	struct bh_span run = bh_cur_take(c, mark ? (size_t)(mark - c->at) : bh_cur_left(c));

	if (!x->inside)
		return;
	if (run.len > sizeof x->text - x->len) {
		give_up(x);
		return;
	}
	memcpy(x->text + x->len, run.ptr, run.len);
	x->len += run.len;
}

static void utf8(struct bh_xml *x, struct bh_span bytes, const struct bh_event_sink *sink)
{
	struct bh_cur c = bh_cur_of(bytes);

	while (bh_cur_left(&c)) {
		if (!x->start && !x->end)
			plain(x, &c);
		if (bh_cur_left(&c))
			step(x, bh_cur_u8(&c), sink);
	}
}

/* ---- encodings ---- */

/* One unit of UTF-16; half a pair is U+FFFD. */
static size_t unit(struct bh_xml *x, uint16_t u, uint8_t b[8])
{
	uint16_t high = x->high;
	size_t n = 0;

	x->high = 0;
	if (high && u >= 0xdc00 && u < 0xe000)
		return bh_utf8_put(0x10000u + ((uint32_t)(high - 0xd800) << 10) + (u - 0xdc00u), b);
	if (high)
		n = bh_utf8_put(0xfffd, b);
	if (u >= 0xd800 && u < 0xdc00)
		x->high = u;
	else
		n += bh_utf8_put(u >= 0xdc00 && u < 0xe000 ? 0xfffd : u, b + n);
	return n;
}

static void utf16(struct bh_xml *x, struct bh_span bytes, const struct bh_event_sink *sink)
{
	struct bh_cur c = bh_cur_of(bytes);
	uint8_t out[1024 + 8];
	size_t n = 0;

	while (bh_cur_left(&c)) {
		uint8_t b = bh_cur_u8(&c);
		if (!x->half) {
			x->low = b;
			x->half = true;
			continue;
		}
		x->half = false;
		bool big = x->encoding == XML_UTF16BE;
		n += unit(x, (uint16_t)(big ? x->low << 8 | b : b << 8 | x->low), out + n);
		if (n >= 1024) {
			utf8(x, bh_span_of(out, n), sink);
			n = 0;
		}
	}
	utf8(x, bh_span_of(out, n), sink);
}

static void decoded(struct bh_xml *x, struct bh_span bytes, const struct bh_event_sink *sink)
{
	if (x->encoding == XML_UTF8)
		utf8(x, bytes, sink);
	else
		utf16(x, bytes, sink);
}

/* By its byte order mark, or by the NUL beside the first "<"; three bytes are enough. */
static void choose(struct bh_xml *x, const struct bh_event_sink *sink)
{
	const uint8_t *f = x->first;

	if ((f[0] == 0xff && f[1] == 0xfe) || (f[0] && !f[1]))
		x->encoding = XML_UTF16LE;
	else if ((f[0] == 0xfe && f[1] == 0xff) || (!f[0] && f[1]))
		x->encoding = XML_UTF16BE;
	else
		x->encoding = XML_UTF8;
	decoded(x, bh_span_of(f, x->n_first), sink); /* a mark is no event */
}

void bh_xml_feed(struct bh_xml *x, struct bh_span bytes, const struct bh_event_sink *sink)
{
	struct bh_cur c = bh_cur_of(bytes);

	while (x->encoding == XML_NOT_YET && bh_cur_left(&c)) {
		x->first[x->n_first++] = bh_cur_u8(&c);
		if (x->n_first == sizeof x->first)
			choose(x, sink);
	}
	if (bh_cur_left(&c))
		decoded(x, bh_cur_take(&c, bh_cur_left(&c)), sink);
}

struct bh_xml_told bh_xml_end(struct bh_xml *x)
{
	struct bh_xml_told t = x->told;

	t.unreadable += x->inside;
	x->inside = false;
	return t;
}

/*
 * One event as XML.  Nothing of a document type is read, so that no entity but the five
 * and numbers can stand for anything; what XML 1.0 does not allow in a text (2.2), but
 * Windows writes all the same, becomes U+FFFD before expat sees it.
 */
#include <stdlib.h>

#include "evidence/xml.h"

static void fail(struct bh_xml *x)
{
	x->bad = true;
	XML_StopParser(x->parser, XML_FALSE);
}

static struct bh_span span(const char *s)
{
	return bh_span_of(s, strlen(s));
}

/* ---- elements ---- */

/* "ns0:Data" is Data: writers that were told no prefix make one up. */
static struct bh_span local_name(const char *s)
{
	const char *colon = strchr(s, ':');

	return span(colon ? colon + 1 : s);
}

static bool blank(const struct bh_draft *d)
{
	for (size_t i = d->start; i < d->used; i++) {
		if (!strchr(" \t\r\n", d->text[i]))
			return false;
	}
	return true;
}

/* Who has children is no leaf, whatever spaces stand before them. */
static void close_text(struct bh_xml *x, bool child)
{
	struct xml_frame *f = &x->stack[x->depth];

	if (!f->open)
		return;
	f->open = false;
	if (child && f->place == BH_PLACE_LEAF && blank(&x->draft))
		bh_draft_drop(&x->draft);
	else
		bh_draft_end(&x->draft);
}

static void take_attribute(struct bh_xml *x, uint8_t field, const char *value)
{
	if (bh_draft_begin(&x->draft, field, (struct bh_span){ 0 })) {
		bh_draft_add(&x->draft, span(value));
		bh_draft_end(&x->draft);
	}
}

static void XMLCALL start(void *ctx, const XML_Char *element, const XML_Char **attributes)
{
	struct bh_xml *x = ctx;
	struct bh_span name = local_name(element);

	if (x->depth == XML_DEPTH) {
		fail(x);
		return;
	}
	close_text(x, true);
	uint8_t place = bh_place_enter(x->stack[x->depth].place, name);
	if (place == BH_PLACE_LEAF && bh_event_is(name, "Data"))
		name.len = 0;
	for (; attributes[0]; attributes += 2) {
		struct bh_span key = local_name(attributes[0]);
		take_attribute(x, bh_place_attribute(place, key), attributes[1]);
		if (place == BH_PLACE_LEAF && bh_event_is(key, "Name"))
			name = span(attributes[1]);
	}
	struct xml_frame *f = &x->stack[++x->depth];
	uint8_t field = place == BH_PLACE_DATA ? BH_FIELD_NONE : bh_place_text(place);
	*f = (struct xml_frame){ .place = place, .open = bh_draft_begin(&x->draft, field, name) };
}

static void XMLCALL end(void *ctx, const XML_Char *element)
{
	struct bh_xml *x = ctx;

	(void)element;
	close_text(x, false);
	x->depth--;
}

static void XMLCALL characters(void *ctx, const XML_Char *s, int len)
{
	struct bh_xml *x = ctx;

	if (x->stack[x->depth].open)
		bh_draft_add(&x->draft, bh_span_of(s, (size_t)len));
}

static void XMLCALL doctype(void *ctx, const XML_Char *name, const XML_Char *system_id,
	const XML_Char *public_id, int subset)
{
	(void)name, (void)system_id, (void)public_id, (void)subset;
	fail(ctx);
}

/* ---- texts ---- */

static bool allowed(uint32_t ch)
{
	return ch == '\t' || ch == '\n' || ch == '\r' || (ch >= 0x20 && ch < 0xd800) ||
	       (ch >= 0xe000 && ch < 0xfffe) || (ch >= 0x10000 && ch < 0x110000);
}

/* A character and whether it may stand there; of no character at least one byte. */
static bool take(struct bh_cur *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t first = bh_cur_u8(c);
	unsigned len = first < 0x80    ? 1
		       : first >= 0xf0 ? 4
		       : first >= 0xe0 ? 3
		       : first >= 0xc0 ? 2
				       : 0;
	uint32_t ch = len == 1 ? first : first & (0x7fu >> len);
	struct bh_cur look = *c;

	if (!len || first >= 0xf8)
		return false;
	for (unsigned i = 1; i < len; i++) {
		uint8_t next = bh_cur_u8(&look);
		if ((next & 0xc0) != 0x80)
			return false;
		ch = ch << 6 | (next & 0x3f);
	}
	if (ch < least[len])
		return false;
	*c = look;
	return allowed(ch);
}

/* A reference by number to what may not stand there, "&#x1;". */
static bool forbidden_reference(struct bh_cur *c)
{
	struct bh_cur look = *c;
	uint32_t ch = 0;

	if (bh_cur_left(c) < 4 || memcmp(c->at, "&#", 2))
		return false;
	bh_cur_skip(&look, 2);
	bool hex = *look.at == 'x';
	if (hex)
		bh_cur_skip(&look, 1);
	for (unsigned i = 0; i < 8; i++) {
		uint8_t d = bh_cur_u8(&look);
		if (d == ';' && i) {
			if (allowed(ch))
				return false;
			*c = look;
			return true;
		}
		uint8_t letter = (uint8_t)((d | 0x20) - 'a');
		if (d >= '0' && d <= '9')
			ch = ch * (hex ? 16 : 10) + d - '0';
		else if (hex && letter < 6)
			ch = ch * 16 + letter + 10;
		else
			return false;
	}
	return false;
}

/* How much of it may stand as it is. */
static size_t good_run(struct bh_cur c)
{
	size_t from = bh_cur_offset(&c), to = from;

	while (bh_cur_left(&c) && !forbidden_reference(&c) && take(&c))
		to = bh_cur_offset(&c);
	return to - from;
}

/* With U+FFFD for what cannot stand there; in one piece, because expat begins a token
 * anew with each piece it is given.  Most need no copy.  False if it has no room. */
static bool clean(struct bh_xml *x, struct bh_span xml, struct bh_span *ret)
{
	static const char replacement[] = "\xef\xbf\xbd";
	struct bh_cur c = bh_cur_of(xml);
	size_t n = 0, run = good_run(c);

	if (run == xml.len) {
		*ret = xml;
		return true;
	}
	for (; bh_cur_left(&c); run = good_run(c)) {
		if (run + 3 > sizeof x->clean - n)
			return false;
		struct bh_span good = bh_cur_take(&c, run);
		memcpy(x->clean + n, good.ptr, good.len);
		n += good.len;
		if (!bh_cur_left(&c))
			break;
		if (!forbidden_reference(&c))
			(void)take(&c);
		memcpy(x->clean + n, replacement, 3);
		n += 3;
	}
	*ret = bh_span_of(x->clean, n);
	return true;
}

/* ---- the whole ---- */

int bh_xml_event(struct bh_xml *x, struct bh_span xml, struct bh_event *ret)
{
	struct bh_span text;

	if (xml.len > XML_MAX_EVENT || !clean(x, xml, &text) ||
		!XML_ParserReset(x->parser, "UTF-8"))
		return -EBADMSG;
	XML_SetHashSalt(x->parser, (unsigned long)x->seed);
	XML_SetUserData(x->parser, x);
	XML_SetElementHandler(x->parser, start, end);
	XML_SetCharacterDataHandler(x->parser, characters);
	XML_SetStartDoctypeDeclHandler(x->parser, doctype);
	bh_draft_reset(&x->draft);
	x->bad = false;
	x->depth = 0;
	x->stack[0] = (struct xml_frame){ .place = BH_PLACE_ROOT };
	if (XML_Parse(x->parser, (const char *)text.ptr, (int)text.len, true) != XML_STATUS_OK ||
		x->bad)
		return -EBADMSG;
	*ret = x->draft.event;
	return 0;
}

int bh_xml_new(uint64_t seed, struct bh_xml **ret)
{
	struct bh_xml *x = calloc(1, sizeof *x);

	if (!x)
		return -ENOMEM;
	x->seed = seed;
	x->parser = XML_ParserCreate("UTF-8");
	if (!x->parser) {
		free(x);
		return -ENOMEM;
	}
	*ret = x;
	return 0;
}

struct bh_xml *bh_xml_free(struct bh_xml *x)
{
	if (x && x->parser)
		XML_ParserFree(x->parser);
	free(x);
	return NULL;
}

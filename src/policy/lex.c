#include "policy/ast.h"

#include <stdarg.h>
#include <stdio.h>

#define SOURCE_COLUMNS 2000u /* farther right no caret is drawn */
#define SOURCE_TAIL    100u

/* The line around a place, cut behind it, so that one error in a line of megabytes
 * does not print megabytes. */
static const char *source_of(const struct bh_complain *c, const struct bh_mark *m)
{
	const struct bh_source *source = &c->sources[m->source];
	const char *text = (const char *)source->text.ptr;
	const char *start = m->at, *end = m->at, *last = text + source->text.len;

	if (m->column > SOURCE_COLUMNS)
		return NULL;
	while (start > text && start[-1] != '\n')
		start--;
	while (end < last && *end != '\n' && *end != '\r' && *end != '\0' &&
		(size_t)(end - m->at) < 2 * SOURCE_TAIL)
		end++;
	while (end < last && end > start && ((unsigned char)*end & 0xc0) == 0x80)
		end--;
	return bh_arena_strn(c->diags->arena, start, (size_t)(end - start));
}

void bh_complain(struct bh_complain *c, enum bh_severity severity, const struct bh_mark *m,
	const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (c->diags->errors >= BH_MAX_ERRORS || c->diags->warnings >= BH_MAX_ERRORS) {
		if (severity == BH_ERROR)
			c->diags->errors++;
		c->more++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	struct bh_diag *d = bh_diag_add(c->diags, severity, "%s", text);
	d->file = c->sources[m ? m->source : 0].file;
	if (!m || !m->line)
		return;
	d->line = m->line;
	d->column = m->column;
	d->length = !m->length ? 1 : m->length < SOURCE_TAIL ? m->length : SOURCE_TAIL;
	d->source = source_of(c, m);
}

void bh_complain_end(struct bh_complain *c)
{
	if (!c->more)
		return;
	struct bh_diag *d = bh_diag_add(
		c->diags, BH_NOTE, "%u more problems are not shown: mend these first", c->more);
	d->file = c->sources[0].file;
	c->more = 0;
}

const char *bh_line_of(const struct bh_complain *c, const struct bh_mark *m,
	const struct bh_mark *from, char ret[BH_LINE_TEXT])
{
	if (m->source == from->source)
		snprintf(ret, BH_LINE_TEXT, "line %u", m->line);
	else
		snprintf(ret, BH_LINE_TEXT, "line %u of %s", m->line, c->sources[m->source].file);
	return ret;
}

void bh_lexer_open(struct bh_lexer *lx, unsigned source, struct bh_complain *c, struct bh_arena *a)
{
	const char *text = (const char *)c->sources[source].text.ptr;
	size_t n = c->sources[source].text.len;
	struct bh_mark whole = { .source = source };

	*lx = (struct bh_lexer){
		.line = 1, .column = 1, .source = source, .complain = c, .arena = a
	};
	lx->at = text;
	lx->end = text ? text + n : text;
	if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		lx->at += 3;
	if (n >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2))) {
		bh_complain(c, BH_ERROR, &whole, "this file is UTF-16: save it as UTF-8");
		lx->at = lx->end;
	}
	lx->line_start = lx->at;
}

/* RFC 3629: the length of the character at s, 0 for what is none. */
static size_t utf8(const unsigned char *s, size_t n)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] > 0xf4 || len > n || !len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

/* Characters that turn the direction of writing make a line read as something that it
 * does not say: U+061C, U+200E, U+200F, U+202A…U+202E, U+2066…U+2069. */
static bool turns_direction(const unsigned char *s, size_t len)
{
	if (len == 2)
		return s[0] == 0xd8 && s[1] == 0x9c;
	if (len != 3 || s[0] != 0xe2)
		return false;
	return (s[1] == 0x80 && (s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xaa && s[2] <= 0xae))) ||
	       (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9);
}

static bool at_line_end(const struct bh_lexer *lx)
{
	if (lx->at == lx->end || *lx->at == '\n')
		return true;
	return *lx->at == '\r' && (lx->at + 1 == lx->end || lx->at[1] == '\n');
}

/* Steps over one character of any kind; complains, once a line, of what is no text. */
static void step(struct bh_lexer *lx)
{
	const unsigned char *s = (const unsigned char *)lx->at;
	size_t len = utf8(s, (size_t)(lx->end - lx->at));
	const char *wrong = NULL;

	if (!len)
		wrong = "this is not UTF-8: save the file as UTF-8";
	else if (*s == 0)
		wrong = "a NUL byte: a policy is a text file";
	else if ((*s < 0x20 && *s != '\t') || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0))
		wrong = "a control character: remove it";
	else if (turns_direction(s, len))
		wrong = "a character that turns the direction of writing: remove it, the line "
			"would not read as what it says";
	if (wrong && !lx->failed) {
		struct bh_mark m = { lx->at, lx->line, lx->column, 1, lx->source };
		bh_complain(lx->complain, BH_ERROR, &m, "%s", wrong);
		lx->failed = true;
	}
	lx->at += len ? len : 1;
	lx->column++;
}

static void next_line(struct bh_lexer *lx)
{
	if (lx->at < lx->end && *lx->at == '\r')
		lx->at++;
	if (lx->at < lx->end)
		lx->at++; /* '\n' */
	if (lx->line < BH_MAX_LINE)
		lx->line++;
	lx->column = 1;
	lx->line_start = lx->at;
}

/* A backslash with nothing but blanks between it and the end of the line. */
static bool continues(const struct bh_lexer *lx)
{
	struct bh_lexer look = *lx;

	look.at++;
	while (look.at < look.end && (*look.at == ' ' || *look.at == '\t'))
		look.at++;
	return at_line_end(&look);
}

static void skip_blanks(struct bh_lexer *lx)
{
	for (;;) {
		while (lx->at < lx->end && (*lx->at == ' ' || *lx->at == '\t')) {
			lx->at++;
			lx->column++;
		}
		if (lx->at == lx->end || *lx->at != '\\' || !continues(lx))
			return;
		lx->at++;
		while (!at_line_end(lx))
			lx->at++;
		/* At the very end of the file there is nothing to go on with. */
		if (lx->at == lx->end)
			return;
		next_line(lx);
	}
}

static void read_remark(struct bh_lexer *lx)
{
	const char *start = lx->at + 1;

	while (!at_line_end(lx))
		step(lx);
	const char *end = lx->at;
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	lx->remark = bh_arena_strn(lx->arena, start, (size_t)(end - start));
}

static struct bh_token read_string(struct bh_lexer *lx)
{
	struct bh_token t = { .kind = BH_T_STRING };

	t.mark = (struct bh_mark){ lx->at, lx->line, lx->column, 0, lx->source };
	lx->at++;
	lx->column++;
	t.ptr = lx->at;
	while (!at_line_end(lx) && *lx->at != '"')
		step(lx);
	t.len = (size_t)(lx->at - t.ptr);
	if (at_line_end(lx)) {
		if (!lx->failed)
			bh_complain(lx->complain, BH_ERROR, &t.mark,
				"this quote is never closed: put a \" at its end, on the same line");
		lx->failed = true;
	} else {
		lx->at++;
		lx->column++;
	}
	t.mark.length = lx->column - t.mark.column;
	return t;
}

static bool ends_word(char c)
{
	return c == ' ' || c == '\t' || c == ',' || c == '"' || c == '#';
}

static struct bh_token read_word(struct bh_lexer *lx)
{
	struct bh_token t = { .kind = BH_T_WORD, .ptr = lx->at };

	t.mark = (struct bh_mark){ lx->at, lx->line, lx->column, 0, lx->source };
	while (!at_line_end(lx) && !ends_word(*lx->at) && !(*lx->at == '\\' && continues(lx)))
		step(lx);
	t.len = (size_t)(lx->at - t.ptr);
	t.mark.length = lx->column - t.mark.column;
	return t;
}

struct bh_token bh_lexer_next(struct bh_lexer *lx)
{
	skip_blanks(lx);
	struct bh_token t = { .ptr = lx->at,
		.mark = { lx->at, lx->line, lx->column, 1, lx->source } };

	if (lx->at < lx->end && *lx->at == '#')
		read_remark(lx);
	if (lx->at == lx->end) {
		t.kind = BH_T_EOF;
	} else if (at_line_end(lx)) {
		t.kind = BH_T_END;
		next_line(lx);
	} else if (*lx->at == ',') {
		t.kind = BH_T_COMMA;
		t.len = 1;
		lx->at++;
		lx->column++;
	} else if (*lx->at == '"') {
		t = read_string(lx);
	} else {
		t = read_word(lx);
	}
	return t;
}

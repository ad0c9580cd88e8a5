#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>

struct bh_diag *bh_diag_add(struct bh_diags *d, enum bh_severity severity, const char *fmt, ...)
{
	static struct bh_diag spare;
	va_list ap;
	BH_AUTO_BUF b = { 0 };
	char small[512];

	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);

	struct bh_diag *one = bh_arena_alloc(d->arena, sizeof *one);
	char *text = n < 0 ? NULL : bh_arena_alloc(d->arena, (size_t)n + 1);
	if (severity == BH_ERROR)
		d->errors++;
	else if (severity == BH_WARNING)
		d->warnings++;
	if (!one || !text) {
		spare = (struct bh_diag){ .text = "out of memory", .severity = severity };
		return &spare;
	}
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	one->severity = severity;
	one->text = text;
	if (d->last)
		d->last->next = one;
	else
		d->first = one;
	d->last = one;
	return one;
}

static const char *const names[] = {
	[BH_ERROR] = "error",
	[BH_WARNING] = "warning",
	[BH_NOTE] = "note",
};

static const char *const colors[] = {
	[BH_ERROR] = "\033[1;31m",
	[BH_WARNING] = "\033[1;33m",
	[BH_NOTE] = "\033[1;36m",
};

/* Terminal control characters in hostile input must not reach the terminal. */
static void add_safely(struct bh_buf *b, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		bh_buf_u8(b, c < 0x20 || c == 0x7f ? (c == '\t' ? '\t' : '?') : c);
	}
}

void bh_diag_render(const struct bh_diag *d, bool color, struct bh_buf *ret)
{
	const char *bold = color ? "\033[1m" : "", *off = color ? "\033[0m" : "";
	const char *tint = color ? colors[d->severity] : "";

	if (d->file) {
		bh_buf_str(ret, bold);
		add_safely(ret, d->file);
		if (d->line)
			bh_buf_printf(ret, ":%u", d->line);
		if (d->line && d->column)
			bh_buf_printf(ret, ":%u", d->column);
		if (!d->line && d->has_offset)
			bh_buf_printf(ret, "@%llu", (unsigned long long)d->offset);
		bh_buf_printf(ret, ":%s ", off);
	}
	bh_buf_printf(ret, "%s%s:%s ", tint, names[d->severity], off);
	add_safely(ret, d->text);
	bh_buf_str(ret, "\n");
	if (!d->source || !d->line || !d->column)
		return;

	bh_buf_printf(ret, "%5u | ", d->line);
	add_safely(ret, d->source);
	bh_buf_str(ret, "\n      | ");
	/* Tabs are repeated so that the caret stands under its place; a character of
	 * several bytes is one column. */
	unsigned col = 1;
	for (const char *s = d->source; *s && col < d->column; s++) {
		if (((unsigned char)*s & 0xc0) == 0x80)
			continue;
		bh_buf_u8(ret, *s == '\t' ? '\t' : ' ');
		col++;
	}
	bh_buf_printf(ret, "%s^", tint);
	for (unsigned i = 1; i < d->length; i++)
		bh_buf_u8(ret, '~');
	bh_buf_printf(ret, "%s\n", off);
}

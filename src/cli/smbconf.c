/*
 * smb.conf(5), FILE FORMAT.  What that page leaves open was asked of testparm 4.17: a line
 * that ends in a backslash goes on in the next one, comments too; white space in names
 * does not count; a section may come again; what [global] says late holds for the shares
 * that begin later.
 */
#include "cli/smbconf.h"

#include <strings.h>

#define MAX_COPIES 20u /* of `copy`; Samba has no chain longer than its shares */
#define SEPARATORS " \t,;\n\r" /* LIST_SEP */

static bool is_space(uint8_t ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\v' || ch == '\f';
}

static char lower(char ch)
{
	return ch >= 'A' && ch <= 'Z' ? (char)(ch | 0x20) : ch;
}

/* One line with those it goes on in, trimmed; false at the end of the text. */
static bool next_line(struct bh_cur *c, struct bh_buf *b, unsigned *line)
{
	bool goes_on = true;

	if (!bh_cur_left(c))
		return false;
	b->len = 0;
	while (goes_on && bh_cur_left(c)) {
		const uint8_t *end = memchr(c->at, '\n', bh_cur_left(c));
		size_t n = end ? (size_t)(end - c->at) : bh_cur_left(c);
		struct bh_span s = bh_cur_take(c, n);
		bh_cur_skip(c, end ? 1 : 0);
		if (s.len && s.ptr[s.len - 1] == '\r')
			s.len--;
		goes_on = s.len && s.ptr[s.len - 1] == '\\';
		bh_buf_add(b, s.ptr, s.len - goes_on);
		++*line;
	}
	while (b->len && is_space((uint8_t)b->ptr[b->len - 1]))
		b->len--;
	bh_buf_add(b, "", 0);
	return true;
}

static struct bh_diag *complain(
	struct bh_diags *d, const char *file, unsigned line, const char *sentence)
{
	struct bh_diag *one = bh_diag_add(d, BH_ERROR, "%s", sentence);

	one->file = file;
	one->line = line;
	return one;
}

/* ---- sections ---- */

const struct bh_smbconf_section *bh_smbconf_find(const struct bh_smbconf *c, const char *name)
{
	for (const struct bh_smbconf_section *s = c->first; s; s = s->next) {
		if (!strcasecmp(s->name, name))
			return s;
	}
	return NULL;
}

static struct bh_smbconf_section *again(struct bh_smbconf *c, const char *name)
{
	for (struct bh_smbconf_section *s = c->first; s; s = s->next) {
		if (!strcasecmp(s->name, name))
			return s;
	}
	return NULL;
}

static int enter(struct bh_smbconf *c, const char *name)
{
	if (!strcasecmp(name, "global") || !strcasecmp(name, "globals")) {
		c->now = NULL;
		return 0;
	}
	c->now = again(c, name);
	if (c->now)
		return 0;
	if (++c->sections > BH_SMBCONF_SECTIONS)
		return -E2BIG;
	struct bh_smbconf_section *s = bh_arena_alloc(c->arena, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->name = name;
	s->place = ++c->places;
	if (c->last)
		c->last->next = s;
	else
		c->first = s;
	c->last = s;
	c->now = s;
	return 0;
}

/* White space in a name counts once, also around it: so does testparm print it. */
static const char *section_name(struct bh_arena *a, const char *text, size_t len)
{
	char *name = bh_arena_alloc(a, len + 1);
	size_t n = 0;

	for (size_t i = 0; name && i < len; i++) {
		bool space = is_space((uint8_t)text[i]);
		if (!space || !n || name[n - 1] != ' ')
			name[n++] = space ? ' ' : text[i];
	}
	return name;
}

/* ---- lines ---- */

static int assign(struct bh_smbconf *c, const char *text, size_t name_len, const char *value)
{
	struct bh_smbconf_section *s = c->now ? c->now : &c->global;
	struct bh_smbconf_line *l = bh_arena_alloc(c->arena, sizeof *l);
	char *name = bh_arena_alloc(c->arena, name_len + 1);
	size_t n = 0;

	if (++c->places > BH_SMBCONF_LINES + BH_SMBCONF_SECTIONS)
		return -E2BIG;
	if (!l || !name)
		return -ENOMEM;
	for (size_t i = 0; i < name_len; i++) {
		if (!is_space((uint8_t)text[i]))
			name[n++] = lower(text[i]);
	}
	while (is_space((uint8_t)*value))
		value++;
	while (name_len && is_space((uint8_t)text[name_len - 1]))
		name_len--;
	l->name = name;
	l->written = bh_arena_strn(c->arena, text, name_len);
	l->value = bh_arena_str(c->arena, value);
	l->place = c->places;
	if (!l->written || !l->value)
		return -ENOMEM;
	if (s->last)
		s->last->next = l;
	else
		s->first = l;
	s->last = l;
	return !strcmp(name, "include") && c->include ? c->include(c->ctx, l->value) : 0;
}

static bool has_control(const char *s)
{
	for (; *s; s++) {
		uint8_t ch = (uint8_t)*s;
		if ((ch < 0x20 && ch != '\t') || ch == 0x7f)
			return true;
	}
	return false;
}

static int one_line(
	struct bh_smbconf *c, const char *file, unsigned line, const char *text, struct bh_diags *d)
{
	while (is_space((uint8_t)*text))
		text++;
	if (!*text || *text == ';' || *text == '#')
		return 0;
	if (has_control(text)) {
		complain(d, file, line, "a control character stands here: take it away");
		return -EBADMSG;
	}
	if (*text == '[') {
		const char *end = strchr(++text, ']');
		const char *name = end ? section_name(c->arena, text, (size_t)(end - text)) : NULL;
		if (name && *name)
			return enter(c, name);
		if (end && !bh_arena_ok(c->arena))
			return -ENOMEM;
		complain(d, file, line, "a section needs a name in brackets: \"[share]\"");
		return -EBADMSG;
	}
	const char *eq = strchr(text, '=');
	/* Samba leaves aside what says nothing. */
	return eq ? assign(c, text, (size_t)(eq - text), eq + 1) : 0;
}

int bh_smbconf_read(struct bh_smbconf *c, const char *file, struct bh_span text, struct bh_diags *d)
{
	static const char printed[] = "# Global parameters";
	struct bh_cur cur = bh_cur_of(text);
	BH_AUTO_BUF b = { 0 };
	unsigned line = 0, begun = 1;
	int r = 0;

	if (text.len > BH_SMBCONF_BYTES)
		return -E2BIG;
	if (text.len && memchr(text.ptr, '\0', text.len)) {
		complain(d, file, 0, "this is no text: give a smb.conf or what testparm printed");
		return -EBADMSG;
	}
	if (text.len >= 3 && !memcmp(text.ptr, "\xef\xbb\xbf", 3))
		bh_cur_skip(&cur, 3);
	if (!c->places && text.len >= strlen(printed) &&
		!memcmp(text.ptr, printed, strlen(printed)))
		c->printed = true;
	while (!r && next_line(&cur, &b, &line)) {
		if (!bh_buf_ok(&b))
			return -ENOMEM;
		r = one_line(c, file, begun, bh_buf_text(&b), d);
		begun = line + 1;
	}
	return r ? r : bh_arena_ok(c->arena) ? 0 : -ENOMEM;
}

/* ---- what holds ---- */

static bool is_one_of(const char *name, const char *const names[])
{
	for (; *names; names++) {
		if (!strcmp(name, *names))
			return true;
	}
	return false;
}

/* The last value that stands before a place. */
static const char *before(
	const struct bh_smbconf_section *s, const char *const names[], unsigned place)
{
	const char *value = NULL;

	for (const struct bh_smbconf_line *l = s->first; l && l->place < place; l = l->next) {
		if (is_one_of(l->name, names))
			value = l->value;
	}
	return value;
}

const char *bh_smbconf_own(const struct bh_smbconf_section *s, const char *const names[])
{
	return before(s, names, UINT32_MAX);
}

/* What it copies, of which testparm printed what came of it; NULL: nothing. */
static const struct bh_smbconf_section *copied(
	const struct bh_smbconf *c, const struct bh_smbconf_section *s)
{
	static const char *const copy[] = { "copy", NULL };
	const char *other = c->printed ? NULL : bh_smbconf_own(s, copy);
	const struct bh_smbconf_section *from = other ? bh_smbconf_find(c, other) : NULL;

	return from && from->place < s->place ? from : NULL;
}

const char *bh_smbconf_of(
	const struct bh_smbconf *c, const struct bh_smbconf_section *s, const char *const names[])
{
	const struct bh_smbconf_section *at = s;

	for (unsigned i = 0; at && i < MAX_COPIES; i++, at = copied(c, at)) {
		const char *own = bh_smbconf_own(at, names);
		if (own)
			return own;
		s = at;
	}
	return before(&c->global, names, c->printed ? UINT32_MAX : s->place);
}

void bh_smbconf_options(const struct bh_smbconf *c, const struct bh_smbconf_section *s,
	bh_smbconf_line_fn fn, void *ctx)
{
	const struct bh_smbconf_section *chain[MAX_COPIES];
	size_t n = 0;

	for (; s && n < MAX_COPIES; s = copied(c, s))
		chain[n++] = s;
	while (n--) {
		for (const struct bh_smbconf_line *l = chain[n]->first; l; l = l->next) {
			if (strchr(l->name, ':'))
				fn(ctx, l);
		}
	}
}

bool bh_smbconf_bool(const char *value, bool otherwise)
{
	if (!value)
		return otherwise;
	return !strcasecmp(value, "yes") || !strcasecmp(value, "true") ||
	       !strcasecmp(value, "on") || !strcmp(value, "1");
}

/* ---- lists ---- */

void bh_smbconf_list(const char *value, struct bh_arena *a, struct bh_smbconf_list *ret)
{
	const char *at = value ? value : "";
	/* Each item needs no more room than it and the separator behind it take. */
	char *to = bh_arena_alloc(a, strlen(at) + 1);

	*ret = (struct bh_smbconf_list){ .n = 0 };
	while (to) {
		bool quoted = false;
		char *item = to;
		at += strspn(at, SEPARATORS);
		if (!*at)
			return;
		ret->cut = ret->n == BH_SMBCONF_ITEMS;
		if (ret->cut)
			return;
		for (; *at && (quoted || !strchr(SEPARATORS, *at)); at++) {
			if (*at == '"')
				quoted = !quoted;
			else
				*to++ = *at;
		}
		if (to == item)
			continue;
		*to++ = '\0';
		ret->v[ret->n++] = item;
	}
}

static bool ends_in_backslash(const char *s)
{
	return *s && s[strlen(s) - 1] == '\\';
}

const char *bh_smbconf_list_text(const struct bh_smbconf_list *l, struct bh_arena *a)
{
	BH_AUTO_BUF b = { 0 };

	for (size_t i = 0; i < l->n; i++) {
		/* A backslash at the end of a line would go on in the next. */
		bool needs = strpbrk(l->v[i], SEPARATORS) || ends_in_backslash(l->v[i]);
		const char *quote = needs ? "\"" : "";
		bh_buf_printf(&b, "%s%s%s%s", i ? " " : "", quote, l->v[i], quote);
	}
	if (!bh_buf_ok(&b))
		a->failed = true;
	return bh_arena_str(a, bh_buf_text(&b));
}

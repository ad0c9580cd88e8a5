#include "policy/parse.h"

#include <stdio.h>
#include <stdlib.h>

void parser_advance(struct parser *p)
{
	p->t = bh_lexer_next(&p->lx);
}

bool parser_ended(const struct parser *p)
{
	return p->t.kind == BH_T_END || p->t.kind == BH_T_EOF;
}

bool parser_is(const struct parser *p, const char *word)
{
	return p->t.kind == BH_T_WORD && p->t.len == strlen(word) &&
	       !memcmp(p->t.ptr, word, p->t.len);
}

bool parser_take(struct parser *p, const char *word)
{
	if (!parser_is(p, word))
		return false;
	parser_advance(p);
	return true;
}

int parser_take_one(struct parser *p, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (parser_take(p, words[i]))
			return (int)i;
	}
	return -1;
}

/* The next token as people should see it. */
static const char *seen(const struct parser *p, char ret[96])
{
	if (parser_ended(p))
		snprintf(ret, 96, "the end of the line");
	else if (p->t.kind == BH_T_STRING)
		snprintf(ret, 96, "a quoted text");
	else if (p->t.len < 64)
		snprintf(ret, 96, "'%.*s'", (int)p->t.len, p->t.ptr);
	else
		snprintf(ret, 96, "'%.60s…'", p->t.ptr);
	return ret;
}

bool parser_expected(struct parser *p, const char *what)
{
	char word[96];

	/* What is no text at all was told already. */
	if (!p->lx.failed)
		bh_complain(
			&p->c, BH_ERROR, &p->t.mark, "expected %s, not %s", what, seen(p, word));
	return false;
}

bool parser_wrong(struct parser *p, const struct bh_mark *m, const char *sentence)
{
	if (!p->lx.failed)
		bh_complain(&p->c, BH_ERROR, m, "%s", sentence);
	return false;
}

static bool read_reason(struct parser *p, struct bh_sentence *s)
{
	if (p->t.kind == BH_T_STRING) {
		s->reason = bh_arena_strn(p->a, p->t.ptr, p->t.len);
		parser_advance(p);
		if (!parser_ended(p))
			return parser_wrong(p, &p->t.mark,
				"the reason stands last: nothing may follow it but a remark");
	}
	return parser_ended(p) || parser_expected(p, "the end of the sentence");
}

static void read_sentence(struct parser *p, struct bh_sentence *s)
{
	s->mark = p->t.mark;
	bool fine = read_body(p, s) && read_reason(p, s);
	while (!parser_ended(p))
		parser_advance(p);
	s->would_be = s->kind;
	if (fine && !p->lx.failed)
		return;
	/* A set keeps its name even when its list was not understood. */
	s->broken = true;
	if (!bh_is_set(s) || !s->name)
		s->kind = BH_SENTENCE_LOST;
}

static struct bh_sentence *new_sentence(struct parser *p)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 256;
		struct bh_sentence *more = realloc(p->v, cap * sizeof *more);
		if (!more) {
			p->out_of_memory = true;
			return NULL;
		}
		p->v = more;
		p->cap = cap;
	}
	p->v[p->n] = (struct bh_sentence){ .mark.source = p->lx.source };
	return &p->v[p->n++];
}

/* ---- files ---- */

const char *bh_policy_path(const struct bh_source *from, const char *text, struct bh_arena *a)
{
	const char *slash = strrchr(from->file, '/');

	while (text[0] == '.' && text[1] == '/') {
		text += 2;
		text += strspn(text, "/");
	}
	if (text[0] == '/' || !slash || !strcmp(from->file, "-"))
		return text;
	return bh_arena_printf(a, "%.*s%s", (int)(slash + 1 - from->file), from->file, text);
}

static void read_file(struct parser *p, unsigned source);

static bool is_open(const struct parser *p, const char *path)
{
	for (unsigned i = 0; i < p->depth; i++) {
		if (!strcmp(p->sources[p->open[i]].file, path))
			return true;
	}
	return false;
}

static void cannot_include(
	struct parser *p, const struct bh_mark *m, const char *path, const char *why)
{
	bh_complain(&p->c, BH_ERROR, m, "%.200s cannot be included: %s", path, why);
}

static void include(struct parser *p, const char *text, const struct bh_mark *m)
{
	const char *path = bh_policy_path(&p->sources[m->source], text, p->a);
	struct bh_span span;

	if (!path)
		return;
	if (is_open(p, path)) {
		cannot_include(p, m, path, "a file cannot include itself, nor by way of others");
		return;
	}
	if (p->depth == BH_MAX_INCLUDES || p->n_sources == BH_MAX_FILES) {
		cannot_include(p, m, path,
			"this policy has more than 256 files, or 16 that include one another; does "
			"a file include itself by another name?");
		return;
	}
	int r = p->files && p->files->read ? p->files->read(p->files->ctx, path, p->a, &span)
					   : -ENOTSUP;
	if (r == -ENOMEM) {
		p->out_of_memory = true;
	} else if (r < 0) {
		cannot_include(
			p, m, path, r == -ENOTSUP ? "no other file is read here" : strerror(-r));
	} else {
		p->sources[p->n_sources] = (struct bh_source){ path, span };
		read_file(p, p->n_sources++);
	}
}

static void read_lines(struct parser *p)
{
	bool blank = false, first = true;

	while (!p->out_of_memory && bh_arena_ok(p->a)) {
		p->lx.remark = NULL;
		p->lx.failed = false;
		parser_advance(p);
		if (p->t.kind == BH_T_EOF && !p->lx.remark)
			return;
		if (p->t.kind == BH_T_END && !p->lx.remark) {
			blank = true;
			continue;
		}
		/* A run of blank lines is one; the file begins and ends without. */
		if (blank && !first && !new_sentence(p))
			return;
		blank = first = false;
		struct bh_sentence *s = new_sentence(p);
		if (!s)
			return;
		if (parser_ended(p)) {
			s->kind = BH_SENTENCE_REMARK;
			s->mark = p->t.mark;
		} else {
			s->kind = BH_SENTENCE_LOST;
			read_sentence(p, s);
		}
		s->remark = p->lx.remark;
		bool last = p->t.kind == BH_T_EOF;
		if (s->kind == BH_SENTENCE_INCLUDE) {
			/* What is included may move the sentences. */
			struct bh_mark where = s->text_mark;
			include(p, s->text, &where);
		}
		if (last)
			return;
	}
}

static void read_file(struct parser *p, unsigned source)
{
	struct bh_lexer outer = p->lx;

	p->open[p->depth++] = source;
	bh_lexer_open(&p->lx, source, &p->c, p->a);
	read_lines(p);
	p->depth--;
	p->lx = outer;
}

static void warn_if_empty(struct parser *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].kind > BH_SENTENCE_REMARK && p->v[i].kind != BH_SENTENCE_INCLUDE)
			return;
	}
	if (!p->c.diags->errors)
		bh_complain(&p->c, BH_WARNING, NULL,
			"this policy has no sentence: nothing is decided, everything passes");
}

static int finish(struct parser *p, struct bh_policy *ret)
{
	if (p->out_of_memory)
		return -ENOMEM;
	ret->sources = p->sources;
	ret->n_sources = p->n_sources;
	ret->v = bh_arena_copy(p->a, p->v, p->n * sizeof *p->v);
	ret->n = p->n;
	return bh_arena_ok(p->a) ? bh_policy_check(ret, p->a, &p->c) : -ENOMEM;
}

int bh_policy_read(const char *name, struct bh_span text, const struct bh_files *files,
	struct bh_arena *a, struct bh_diags *diags, const struct bh_policy **ret)
{
	struct parser p = { .a = a, .files = files, .c.diags = diags };
	struct bh_policy *policy = bh_arena_alloc(a, sizeof *policy);

	p.sources = bh_arena_array(a, BH_MAX_FILES, sizeof *p.sources);
	if (!policy || !p.sources)
		return -ENOMEM;
	p.c.sources = p.sources;
	p.sources[p.n_sources++] = (struct bh_source){ bh_arena_str(a, name), text };
	if (!bh_arena_ok(a))
		return -ENOMEM;
	read_file(&p, 0);
	warn_if_empty(&p);
	int r = finish(&p, policy);
	bh_complain_end(&p.c);
	free(p.items);
	free(p.v);
	if (r < 0)
		return r;
	*ret = policy;
	return 0;
}

int bh_policy_parse(const char *name, struct bh_span text, struct bh_arena *a,
	struct bh_diags *diags, const struct bh_policy **ret)
{
	return bh_policy_read(name, text, NULL, a, diags, ret);
}

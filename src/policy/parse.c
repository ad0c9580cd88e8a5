#include <stdio.h>
#include <stdlib.h>

#include "policy/ast.h"

/* What this version knows, for every sentence that it does not. */
#define BUILT                                                                                      \
	"this version knows network, hosts, service, default, allow and block, with except, in "   \
	"and out"

struct parser {
	struct bh_lexer lx;
	struct bh_token t; /* the next token, not yet taken */
	struct bh_arena *a;
	struct bh_complain c;
	struct bh_sentence *v; /* heap while growing */
	size_t n, cap;
	struct bh_item *items; /* of the list being read; heap */
	size_t items_cap, items_total;
	bool out_of_memory;
};

static void advance(struct parser *p)
{
	p->t = bh_lexer_next(&p->lx);
}

static bool ended(const struct parser *p)
{
	return p->t.kind == BH_T_END || p->t.kind == BH_T_EOF;
}

static bool is_word(const struct parser *p, const char *word)
{
	return p->t.kind == BH_T_WORD && p->t.len == strlen(word) &&
	       !memcmp(p->t.ptr, word, p->t.len);
}

static bool take_word(struct parser *p, const char *word)
{
	if (!is_word(p, word))
		return false;
	advance(p);
	return true;
}

/* The next token as people should see it. */
static const char *seen(const struct parser *p, char ret[96])
{
	if (ended(p))
		snprintf(ret, 96, "the end of the line");
	else if (p->t.kind == BH_T_STRING)
		snprintf(ret, 96, "a quoted text");
	else if (p->t.len < 64)
		snprintf(ret, 96, "'%.*s'", (int)p->t.len, p->t.ptr);
	else
		snprintf(ret, 96, "'%.60s…'", p->t.ptr);
	return ret;
}

static bool expected(struct parser *p, const char *what)
{
	char word[96];

	/* What is no text at all was told already. */
	if (!p->lx.failed)
		bh_complain(
			&p->c, BH_ERROR, &p->t.mark, "expected %s, not %s", what, seen(p, word));
	return false;
}

static bool not_built(struct parser *p, const char *what)
{
	bh_complain(&p->c, BH_ERROR, &p->t.mark, "'%s' is not built yet: " BUILT, what);
	return false;
}

/* The words after which a list can end. */
static bool ends_list(const struct parser *p)
{
	static const char *const words[] = { "except", "from", "to", "in", "out", "on", "via", "if",
		"even", "until", "for" };

	if (ended(p) || p->t.kind == BH_T_STRING)
		return true;
	for (size_t i = 0; i < BH_LEN(words); i++) {
		if (is_word(p, words[i]))
			return true;
	}
	return false;
}

static struct bh_item *new_item(struct parser *p, size_t n)
{
	if (p->items_total >= BH_MAX_ITEMS) {
		bh_complain(&p->c, BH_ERROR, &p->t.mark,
			"more than %u items in one policy: write ranges or prefixes instead of "
			"single addresses",
			BH_MAX_ITEMS);
		return NULL;
	}
	if (n == p->items_cap) {
		size_t cap = n ? n * 2 : 64;
		struct bh_item *more = realloc(p->items, cap * sizeof *more);
		if (!more) {
			p->out_of_memory = true;
			return NULL;
		}
		p->items = more;
		p->items_cap = cap;
	}
	p->items_total++;
	return &p->items[n];
}

/* item {"," item}.  A broken item breaks no other. */
static bool read_list(struct parser *p, bool hosts, struct bh_list *ret, bool *broken)
{
	size_t n = 0;

	for (;;) {
		if (is_word(p, "from"))
			return not_built(p, "from domain … or from namespace … in a list");
		if (p->t.kind != BH_T_WORD || ends_list(p))
			return expected(p, hosts ? "an address, a prefix, a range, a set's or a "
						   "machine's name"
						 : "an address, a prefix, a range or a set's name");
		struct bh_item *one = new_item(p, n);
		if (!one)
			return false;
		bh_item_parse(&p->t, hosts, &p->c, p->a, one);
		*broken |= one->kind == BH_ITEM_BROKEN;
		n++;
		advance(p);
		if (p->t.kind != BH_T_COMMA)
			break;
		advance(p);
	}
	ret->v = bh_arena_copy(p->a, p->items, n * sizeof *p->items);
	ret->n = n;
	if (!ends_list(p))
		return expected(p, "a comma before the next item");
	return ret->v;
}

static bool read_services(struct parser *p, struct bh_words *ret)
{
	struct bh_word v[64];
	size_t n = 0;

	for (;;) {
		if (p->t.kind != BH_T_WORD || ends_list(p))
			return expected(p, "a service: smb, netbios, smbdirect, all-smb, quic or "
					   "one's own");
		if (n == BH_LEN(v)) {
			bh_complain(&p->c, BH_ERROR, &p->t.mark,
				"more than %zu services in one sentence: write a second one",
				BH_LEN(v));
			return false;
		}
		v[n].name = bh_arena_strn(p->a, p->t.ptr, p->t.len);
		v[n++].mark = p->t.mark;
		advance(p);
		if (p->t.kind != BH_T_COMMA)
			break;
		advance(p);
	}
	ret->v = bh_arena_copy(p->a, v, n * sizeof *v);
	ret->n = n;
	return ret->v;
}

/* The name of something new. */
static bool read_name(struct parser *p, const char *what, struct bh_sentence *s)
{
	char word[96];

	if (p->t.kind != BH_T_WORD)
		return expected(p, what);
	const char *problem = bh_name_problem(p->t.ptr, p->t.len);
	if (problem) {
		if (!p->lx.failed)
			bh_complain(&p->c, BH_ERROR, &p->t.mark, "%s %s: choose another name",
				seen(p, word), problem);
		return false;
	}
	s->name = bh_arena_strn(p->a, p->t.ptr, p->t.len);
	s->name_mark = p->t.mark;
	advance(p);
	return s->name;
}

static void read_hooks(struct parser *p, struct bh_sentence *s)
{
	if (take_word(p, "in"))
		s->hooks = BH_HOOK_BIT(BH_IN);
	else if (take_word(p, "out"))
		s->hooks = BH_HOOK_BIT(BH_OUT);
}

static bool read_set(struct parser *p, struct bh_sentence *s)
{
	if (!read_name(p, "the set's name", s))
		return false;
	if (!read_list(p, s->hosts, &s->list, &s->broken))
		return false;
	s->has_except = take_word(p, "except");
	if (s->has_except && !read_list(p, s->hosts, &s->except, &s->broken))
		return false;
	if (is_word(p, "except")) {
		bh_complain(&p->c, BH_ERROR, &p->t.mark,
			"a second 'except': one subtracts everything after it, so write one list");
		return false;
	}
	return true;
}

static bool read_port(struct parser *p, uint16_t *ret)
{
	unsigned port = 0;

	if (p->t.kind != BH_T_WORD)
		return expected(p, "a port from 1 to 65535");
	for (size_t i = 0; i < p->t.len; i++) {
		if (p->t.ptr[i] < '0' || p->t.ptr[i] > '9' || port > 65535)
			return expected(p, "a port from 1 to 65535");
		port = port * 10 + (unsigned)(p->t.ptr[i] - '0');
	}
	if (!port || port > 65535 || p->t.ptr[0] == '0')
		return expected(p, "a port from 1 to 65535");
	*ret = (uint16_t)port;
	advance(p);
	return true;
}

static bool read_service(struct parser *p, struct bh_sentence *s)
{
	if (!read_name(p, "the service's name", s))
		return false;
	if (take_word(p, "tcp"))
		s->port.proto = BH_TCP;
	else if (take_word(p, "udp"))
		s->port.proto = BH_UDP;
	else
		return expected(p, "'tcp' or 'udp'");
	return read_port(p, &s->port.port);
}

static bool read_default(struct parser *p, struct bh_sentence *s)
{
	if (take_word(p, "block"))
		s->block = true;
	else if (!take_word(p, "allow"))
		return expected(p, "'block' or 'allow'");
	if (!read_services(p, &s->services))
		return false;
	read_hooks(p, s);
	return true;
}

static bool read_rule(struct parser *p, struct bh_sentence *s)
{
	static const char *const clauses[] = { "on", "via", "if", "even", "until", "for" };

	if (!read_services(p, &s->services))
		return false;
	read_hooks(p, s);
	if (!take_word(p, "from"))
		return expected(p, s->hooks ? "'from'" : "'in', 'out' or 'from'");
	if (!read_list(p, false, &s->from, &s->broken))
		return false;
	if (is_word(p, "except"))
		goto no_except;
	if (!take_word(p, "to"))
		return expected(p, "'to'");
	if (!read_list(p, false, &s->to, &s->broken))
		return false;
	if (is_word(p, "except"))
		goto no_except;
	for (size_t i = 0; i < BH_LEN(clauses); i++) {
		if (is_word(p, clauses[i]))
			return not_built(p, clauses[i]);
	}
	return true;

no_except:
	bh_complain(&p->c, BH_ERROR, &p->t.mark,
		"'except' belongs to a network or hosts sentence: name the set there, and that "
		"name here");
	return false;
}

/* A sentence of the language that this version does not have.  What it would define
 * is remembered, so that its users are not called unknown as well. */
static bool read_unbuilt(struct parser *p, struct bh_sentence *s)
{
	static const char *const words[] = { "roaming", "interfaces", "group", "profile", "tags",
		"server", "audit", "ring", "include" };

	for (size_t i = 0; i < BH_LEN(words); i++) {
		if (!is_word(p, words[i]))
			continue;
		bool tags = is_word(p, "tags");
		(void)not_built(p, words[i]);
		advance(p);
		if (tags && p->t.kind == BH_T_WORD && !bh_name_problem(p->t.ptr, p->t.len)) {
			s->name = bh_arena_strn(p->a, p->t.ptr, p->t.len);
			s->name_mark = p->t.mark;
		}
		return true;
	}
	return false;
}

static bool read_body(struct parser *p, struct bh_sentence *s)
{
	char word[96], name[64];

	if (take_word(p, "network") || (s->hosts = take_word(p, "hosts"))) {
		s->kind = BH_SENTENCE_SET;
		return read_set(p, s);
	}
	if (take_word(p, "service")) {
		s->kind = BH_SENTENCE_SERVICE;
		return read_service(p, s);
	}
	if (take_word(p, "default")) {
		s->kind = BH_SENTENCE_DEFAULT;
		return read_default(p, s);
	}
	if (take_word(p, "allow") || (s->block = take_word(p, "block"))) {
		s->kind = BH_SENTENCE_RULE;
		return read_rule(p, s);
	}
	if (read_unbuilt(p, s))
		return false;
	if (p->t.kind != BH_T_WORD)
		return expected(p, "a sentence: network, hosts, service, default, allow or block");
	if (p->lx.failed)
		return false;

	snprintf(name, sizeof name, "%.*s", (int)bh_min_size(p->t.len, 63), p->t.ptr);
	const char *near = bh_nearest_keyword(name);
	seen(p, word);
	if (near)
		bh_complain(&p->c, BH_ERROR, &p->t.mark,
			"%s begins no sentence: did you mean '%s'?", word, near);
	else
		bh_complain(&p->c, BH_ERROR, &p->t.mark,
			"%s begins no sentence: a sentence begins with network, hosts, service, "
			"default, allow or block",
			word);
	return false;
}

static bool read_reason(struct parser *p, struct bh_sentence *s)
{
	if (p->t.kind == BH_T_STRING) {
		s->reason = bh_arena_strn(p->a, p->t.ptr, p->t.len);
		advance(p);
		if (!ended(p) && !p->lx.failed) {
			bh_complain(&p->c, BH_ERROR, &p->t.mark,
				"the reason stands last: nothing may follow it but a remark");
			return false;
		}
	}
	return ended(p) || expected(p, "the end of the sentence");
}

static void read_sentence(struct parser *p, struct bh_sentence *s)
{
	s->mark = p->t.mark;
	bool fine = read_body(p, s) && read_reason(p, s);
	while (!ended(p))
		advance(p);
	s->would_be = s->kind;
	if (fine && !p->lx.failed)
		return;
	/* A set keeps its name even when its list was not understood. */
	s->broken = true;
	if (s->kind != BH_SENTENCE_SET || !s->name)
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
	p->v[p->n] = (struct bh_sentence){ 0 };
	return &p->v[p->n++];
}

static void read_file(struct parser *p)
{
	bool blank = false;

	while (!p->out_of_memory && bh_arena_ok(p->a)) {
		p->lx.remark = NULL;
		p->lx.failed = false;
		advance(p);
		if (p->t.kind == BH_T_EOF && !p->lx.remark)
			return;
		if (p->t.kind == BH_T_END && !p->lx.remark) {
			blank = true;
			continue;
		}
		/* A run of blank lines is one; the file begins and ends without. */
		if (blank && p->n && !new_sentence(p))
			return;
		blank = false;
		struct bh_sentence *s = new_sentence(p);
		if (!s)
			return;
		if (ended(p)) {
			s->kind = BH_SENTENCE_REMARK;
			s->mark = p->t.mark;
		} else {
			s->kind = BH_SENTENCE_LOST;
			read_sentence(p, s);
		}
		s->remark = p->lx.remark;
		if (p->t.kind == BH_T_EOF)
			return;
	}
}

static void warn_if_empty(struct parser *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].kind > BH_SENTENCE_REMARK)
			return;
	}
	if (!p->c.diags->errors)
		bh_complain(&p->c, BH_WARNING, NULL,
			"this policy has no sentence: nothing is decided, everything passes");
}

int bh_policy_parse(const char *name, struct bh_span text, struct bh_arena *a,
	struct bh_diags *diags, const struct bh_policy **ret)
{
	struct parser p = { .a = a, .c = { .diags = diags, .text = text, .file = name } };
	struct bh_policy *policy = bh_arena_alloc(a, sizeof *policy);
	int r = -ENOMEM;

	bh_lexer_open(&p.lx, &p.c, a);
	read_file(&p);
	warn_if_empty(&p);
	if (policy && !p.out_of_memory) {
		policy->file = bh_arena_str(a, name);
		policy->text = text;
		policy->v = bh_arena_copy(a, p.v, p.n * sizeof *p.v);
		policy->n = p.n;
		r = bh_arena_ok(a) ? bh_policy_check(policy, a, &p.c) : -ENOMEM;
	}
	bh_complain_end(&p.c);
	free(p.items);
	free(p.v);
	if (r < 0)
		return r;
	*ret = policy;
	return 0;
}

#include <stdio.h>
#include <stdlib.h>

#include "policy/parse.h"

/* The words after which a list can end. */
static bool ends_list(const struct parser *p)
{
	static const char *const words[] = { "except", "from", "to", "in", "out", "on", "via", "if",
		"even", "until", "for", "when", "soak" };

	if (parser_ended(p) || p->t.kind == BH_T_STRING)
		return true;
	for (size_t i = 0; i < BH_LEN(words); i++) {
		if (parser_is(p, words[i]))
			return true;
	}
	return false;
}

bool read_name(struct parser *p, const char *what, const char **name, struct bh_mark *mark)
{
	if (p->t.kind != BH_T_WORD)
		return parser_expected(p, what);
	const char *problem = bh_name_problem(p->t.ptr, p->t.len);
	if (problem) {
		if (!p->lx.failed)
			bh_complain(&p->c, BH_ERROR, &p->t.mark, "'%.*s%s' %s: choose another name",
				(int)bh_min_size(p->t.len, 60), p->t.ptr, p->t.len > 60 ? "…" : "",
				problem);
		return false;
	}
	*name = bh_arena_strn(p->a, p->t.ptr, p->t.len);
	*mark = p->t.mark;
	parser_advance(p);
	return *name;
}

/* ---- names, services and interfaces with commas between them ---- */

#define MAX_WORDS 1024u

struct words {
	struct bh_word *v; /* heap */
	size_t n, cap;
};

static struct bh_word *new_word(struct parser *p, struct words *w)
{
	if (w->n == MAX_WORDS) {
		bh_complain(&p->c, BH_ERROR, &p->t.mark,
			"more than %u words in one list: write a second sentence", MAX_WORDS);
		return NULL;
	}
	if (w->n == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 16;
		struct bh_word *more = realloc(w->v, cap * sizeof *more);
		if (!more) {
			p->out_of_memory = true;
			return NULL;
		}
		w->v = more;
		w->cap = cap;
	}
	return &w->v[w->n++];
}

typedef bool (*word_fn)(struct parser *p, const char *what, struct bh_word *ret);

static bool read_words(struct parser *p, const char *what, word_fn one, struct bh_words *ret)
{
	struct words w = { 0 };
	bool fine = true;

	for (;;) {
		struct bh_word *next = new_word(p, &w);
		fine = next && one(p, what, next);
		if (!fine || p->t.kind != BH_T_COMMA)
			break;
		parser_advance(p);
	}
	if (fine) {
		ret->v = bh_arena_copy(p->a, w.v, w.n * sizeof *w.v);
		ret->n = w.n;
		fine = ret->v;
	}
	free(w.v);
	return fine;
}

static bool one_name(struct parser *p, const char *what, struct bh_word *ret)
{
	return read_name(p, what, &ret->name, &ret->mark);
}

bool read_names(struct parser *p, const char *what, struct bh_words *ret)
{
	return read_words(p, what, one_name, ret);
}

static bool one_service(struct parser *p, const char *what, struct bh_word *ret)
{
	if (p->t.kind != BH_T_WORD || ends_list(p))
		return parser_expected(p, what);
	ret->name = bh_arena_strn(p->a, p->t.ptr, p->t.len);
	ret->mark = p->t.mark;
	parser_advance(p);
	return ret->name;
}

bool read_services(struct parser *p, struct bh_words *ret)
{
	struct bh_mark start = p->t.mark;

	if (!read_words(p, "a service: smb, netbios, smbdirect, all-smb, quic or one's own",
		    one_service, ret))
		return false;
	if (ret->n <= 64)
		return true;
	bh_complain(&p->c, BH_ERROR, &start,
		"more than 64 services in one sentence: write a second one");
	return false;
}

/* The kernel's dev_valid_name, and our '*' at the end. */
static bool one_ifname(struct parser *p, const char *what, struct bh_word *ret)
{
	if (p->t.kind != BH_T_WORD)
		return parser_expected(p, what);
	const char *star = memchr(p->t.ptr, '*', p->t.len);
	const char *why = NULL;

	if (p->t.len >= BH_IFNAME + (star ? 1u : 0u))
		why = "is longer than an interface's name can be (15 characters)";
	else if (memchr(p->t.ptr, '/', p->t.len) || memchr(p->t.ptr, ':', p->t.len) ||
		 parser_is(p, ".") || parser_is(p, ".."))
		why = "is no interface's name";
	else if (star && star + 1 != p->t.ptr + p->t.len)
		why = "has a '*' in the middle: it can stand at the end alone";
	else if (star == p->t.ptr)
		why = "names every interface: say nothing instead, or name some";
	if (why) {
		if (!p->lx.failed)
			bh_complain(&p->c, BH_ERROR, &p->t.mark, "'%.*s' %s",
				(int)bh_min_size(p->t.len, 60), p->t.ptr, why);
		return false;
	}
	ret->name = bh_arena_strn(p->a, p->t.ptr, p->t.len);
	ret->mark = p->t.mark;
	parser_advance(p);
	return ret->name;
}

bool read_ifnames(struct parser *p, struct bh_words *ret)
{
	return read_words(p, "an interface's name, like wg0 or wg*", one_ifname, ret);
}

/* ---- lists of items ---- */

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

/* `from domain corp.example`, `from namespace \\corp\dfs`; the `from` is taken. */
static bool read_dynamic(struct parser *p, struct bh_item *ret, struct bh_mark from)
{
	bool domain = parser_take(p, "domain");

	if (!domain && !parser_take(p, "namespace"))
		return parser_expected(p, "'domain' or 'namespace'");
	if (p->t.kind != BH_T_WORD)
		return parser_expected(p, domain ? "a domain's DNS name, like corp.example"
						 : "a DFS namespace, like \\\\corp.example\\dfs");
	*ret = (struct bh_item){ .kind = domain ? BH_ITEM_DOMAIN : BH_ITEM_NAMESPACE,
		.name = bh_arena_strn(p->a, p->t.ptr, p->t.len),
		.mark = p->t.mark };
	if (ret->mark.line == from.line) {
		ret->mark.length = p->t.mark.column + p->t.mark.length - from.column;
		ret->mark.column = from.column;
	}
	const char *problem =
		domain ? bh_name_problem(p->t.ptr, p->t.len) : bh_unc_problem(p->t.ptr, p->t.len);
	if (problem) {
		if (!p->lx.failed)
			bh_complain(&p->c, BH_ERROR, &p->t.mark, "'%.*s' %s",
				(int)bh_min_size(p->t.len, 60), p->t.ptr, problem);
		ret->kind = BH_ITEM_BROKEN;
	}
	parser_advance(p);
	return ret->name;
}

static bool read_item(struct parser *p, bool hosts, struct bh_item *ret)
{
	struct bh_mark start = p->t.mark;

	/* A list has at least one item, so this `from` begins one. */
	if (parser_take(p, "from"))
		return read_dynamic(p, ret, start);
	if (p->t.kind != BH_T_WORD || ends_list(p))
		return parser_expected(
			p, hosts ? "an address, a prefix, a range, a set's or a machine's name"
				 : "an address, a prefix, a range or a set's name");
	bh_item_parse(&p->t, hosts, &p->c, p->a, ret);
	parser_advance(p);
	return true;
}

/* item {"," item}.  A broken item breaks no other. */
bool read_list(struct parser *p, bool hosts, struct bh_list *ret, bool *broken)
{
	size_t n = 0;

	for (;;) {
		struct bh_item *one = new_item(p, n);
		if (!one || !read_item(p, hosts, one))
			return false;
		*broken |= one->kind == BH_ITEM_BROKEN;
		n++;
		if (p->t.kind != BH_T_COMMA)
			break;
		parser_advance(p);
	}
	ret->v = bh_arena_copy(p->a, p->items, n * sizeof *p->items);
	ret->n = n;
	if (!ends_list(p))
		return parser_expected(p, "a comma before the next item");
	return ret->v;
}

/* ---- texts, durations, dates ---- */

bool read_string(struct parser *p, const char *what, const char **ret, struct bh_mark *mark)
{
	if (p->t.kind != BH_T_STRING)
		return parser_expected(p, what);
	if (!p->t.len)
		return parser_wrong(p, &p->t.mark, "this text is empty: say something in it");
	*ret = bh_arena_strn(p->a, p->t.ptr, p->t.len);
	*mark = p->t.mark;
	parser_advance(p);
	return *ret;
}

#define A_DURATION "a duration, like 90s, 30 minutes, 2h, 14 days or 2 weeks"

bool read_duration(struct parser *p, int64_t *ret)
{
	char text[48];
	struct bh_mark mark = p->t.mark;

	if (p->t.kind != BH_T_WORD || p->t.len > 20 || p->t.ptr[0] < '0' || p->t.ptr[0] > '9')
		return parser_expected(p, A_DURATION);
	int len = snprintf(text, sizeof text, "%.*s", (int)p->t.len, p->t.ptr);
	bool number = strspn(text, "0123456789") == (size_t)len;
	parser_advance(p);
	if (number) {
		if (p->t.kind != BH_T_WORD || p->t.len > 20)
			return parser_expected(
				p, "a unit: s, m, h, d, seconds, minutes, hours, days or weeks");
		snprintf(text + len, sizeof text - (size_t)len, " %.*s", (int)p->t.len, p->t.ptr);
		mark.length = p->t.mark.line == mark.line
				      ? p->t.mark.column + p->t.mark.length - mark.column
				      : mark.length;
		parser_advance(p);
	}
	int r = bh_duration_parse(text, ret);
	if (r == -ERANGE)
		return parser_wrong(p, &mark, "a duration is at most ten years");
	if (r < 0) {
		bh_complain(
			&p->c, BH_ERROR, &mark, "'%s' is no duration: write %s", text, A_DURATION);
		return false;
	}
	return *ret > 0 || parser_wrong(p, &mark, "a duration is longer than nothing");
}

bool read_date(struct parser *p, int64_t *ret)
{
	if (p->t.kind != BH_T_WORD || bh_date_parse(p->t.ptr, p->t.len, ret) < 0)
		return parser_expected(p, "a day that exists, like 2027-01-31");
	parser_advance(p);
	return true;
}

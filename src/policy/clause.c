#include "policy/parse.h"

/* domain, private, public as a mask; all of them. */
static bool read_on(struct parser *p, struct bh_clauses *c)
{
	if (parser_take(p, "all")) {
		c->on = BH_ALL_PROFILES;
		return true;
	}
	for (;;) {
		int i = parser_take_one(p, bh_profile_names, BH_PROFILES);
		if (i < 0)
			return parser_expected(p, "'all', or domain, private, public");
		c->on |= (uint8_t)BH_PROFILE_BIT(i);
		if (p->t.kind != BH_T_COMMA)
			return true;
		parser_advance(p);
	}
}

static bool read_via(struct parser *p, struct bh_clauses *c)
{
	return read_name(p, "the name of an interfaces sentence", &c->via.name, &c->via.mark);
}

static bool read_if(struct parser *p, struct bh_clauses *c)
{
	int level = parser_take_one(p, bh_level_names + 1, BH_LEVEL_ENCRYPTED);

	if (level < 0)
		return parser_expected(p, "'secure', 'integrity' or 'encrypted'");
	c->level = (uint8_t)(level + 1);
	if (parser_take(p, "as") && !read_names(p, "a group's name", &c->as))
		return false;
	if (!parser_take(p, "by"))
		return true;
	int by = parser_take_one(p, bh_by_names + 1, BH_BY_KERBEROS);
	if (by < 0)
		return parser_expected(p, "'certificate' or 'kerberos'");
	c->by = (uint8_t)(by + 1);
	return true;
}

static bool read_even(struct parser *p, struct bh_clauses *c)
{
	(void)c;
	if (!parser_take(p, "in"))
		return parser_expected(p, "'in clear'");
	return parser_take(p, "clear") || parser_expected(p, "'clear'");
}

static bool read_until(struct parser *p, struct bh_clauses *c)
{
	return read_date(p, &c->until);
}

static bool read_for(struct parser *p, struct bh_clauses *c)
{
	return read_duration(p, &c->seconds);
}

static const struct {
	const char *word;
	size_t mark; /* where in struct bh_clauses */
	bool (*read)(struct parser *p, struct bh_clauses *c);
} clauses[] = {
	{ "on", offsetof(struct bh_clauses, on_mark), read_on },
	{ "via", offsetof(struct bh_clauses, via_mark), read_via },
	{ "if", offsetof(struct bh_clauses, if_mark), read_if },
	{ "even", offsetof(struct bh_clauses, even_mark), read_even },
	{ "until", offsetof(struct bh_clauses, until_mark), read_until },
	{ "for", offsetof(struct bh_clauses, for_mark), read_for },
};

/* 1: a clause was read, 0: none begins here, -1: it was none. */
static int read_one(struct parser *p, struct bh_clauses *c)
{
	for (size_t i = 0; i < BH_LEN(clauses); i++) {
		struct bh_mark *said = (struct bh_mark *)((char *)c + clauses[i].mark);
		struct bh_mark here = p->t.mark;
		if (!parser_is(p, clauses[i].word))
			continue;
		if (said->line) {
			bh_complain(&p->c, BH_ERROR, &here,
				"a second '%s' in one rule: keep one of the two", clauses[i].word);
			return -1;
		}
		*said = here;
		parser_advance(p);
		return clauses[i].read(p, c) ? 1 : -1;
	}
	return 0;
}

bool read_clauses(struct parser *p, struct bh_sentence *s)
{
	struct bh_clauses c = { 0 };
	bool any = false;
	int r;

	while ((r = read_one(p, &c)) > 0)
		any = true;
	if (any)
		s->clauses = bh_arena_copy(p->a, &c, sizeof c);
	return r == 0;
}

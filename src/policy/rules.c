#include "policy/ast.h"

/*
 * What one rule may say, beside the grammar (doc/policy.md §1 and §2).
 */

static void check_quic(struct bh_sentence *s, struct bh_complain *c)
{
	bool quic = false;

	for (size_t i = 0; i < s->services.n; i++)
		quic |= s->services.v[i].name && bh_name_equal(s->services.v[i].name, "quic");
	for (size_t i = 0; quic && i < s->to.n; i++) {
		if (s->to.v[i].kind == BH_ITEM_ANY)
			bh_complain(c, BH_ERROR, &s->to.v[i].mark,
				"a quic rule names its servers: 'to any' would take in all HTTP/3, "
				"write a set or addresses");
	}
}

static void check_via(struct bh_policy *p, struct bh_sentence *s, struct bh_complain *c)
{
	const struct bh_clauses *x = s->clauses;

	if (s->block && s->hooks != BH_HOOK_BIT(BH_OUT))
		bh_complain(c, BH_ERROR, &x->via_mark,
			"a block with 'via' must say 'out': what comes in has not left by any "
			"interface yet, so it would be blocked everywhere");
	else if (s->hooks == BH_HOOK_BIT(BH_IN))
		bh_complain(c, BH_WARNING, &x->via_mark,
			"'via' says where a packet leaves, and this rule is about 'in' alone: it "
			"changes nothing");
	if (bh_namemap_find(&p->interfaces, x->via.name) >= 0)
		return;
	const char *near = bh_namemap_nearest(&p->interfaces, x->via.name);
	bh_complain(c, BH_ERROR, &x->via.mark, "there are no interfaces '%.64s': %s%s%s",
		x->via.name,
		near ? "did you mean '" : "define them with 'interfaces NAME eth0, wg*'",
		near ? near : "", near ? "'?" : "");
}

static void check_as(struct bh_policy *p, const struct bh_word *w, struct bh_complain *c)
{
	if (bh_namemap_find(&p->groups, w->name) >= 0)
		return;
	const char *near = bh_namemap_nearest(&p->groups, w->name);
	if (bh_name_equal(w->name, "any"))
		bh_complain(c, BH_ERROR, &w->mark,
			"'any' is no group: without 'as' every association will do");
	else if (near)
		bh_complain(c, BH_ERROR, &w->mark, "there is no group '%.64s': did you mean '%s'?",
			w->name, near);
	else if (bh_namemap_find(&p->sets, w->name) >= 0)
		bh_complain(c, BH_ERROR, &w->mark,
			"'%.64s' is a set, and 'as' takes groups: a peer cannot prove to be in a "
			"set of addresses, define a group",
			w->name);
	else
		bh_complain(c, BH_ERROR, &w->mark,
			"there is no group '%.64s': define it with 'group NAME certificate \"CN=…\"'",
			w->name);
}

static void check_clauses(struct bh_policy *p, struct bh_sentence *s, struct bh_complain *c)
{
	const struct bh_clauses *x = s->clauses;
	const struct {
		const struct bh_mark *mark;
		const char *word;
	} allows[] = { { &x->if_mark, "if" }, { &x->even_mark, "even in clear" },
		{ &x->for_mark, "for" } };

	for (size_t i = 0; s->block && i < BH_LEN(allows); i++) {
		if (allows[i].mark->line)
			bh_complain(c, BH_ERROR, allows[i].mark,
				"'%s' belongs to an allow: a block holds for everybody",
				allows[i].word);
	}
	if (x->if_mark.line && x->even_mark.line)
		bh_complain(c, BH_ERROR, &x->even_mark,
			"'even in clear' and 'if %s' exclude each other: write two rules",
			bh_level_names[x->level]);
	if (x->via_mark.line)
		check_via(p, s, c);
	for (size_t i = 0; i < x->as.n; i++)
		check_as(p, &x->as.v[i], c);
}

static bool roams(const struct bh_policy *p, const struct bh_item *one)
{
	return one->kind == BH_ITEM_SET && p->v[one->index].roams;
}

/* Nobody knows where a roaming machine is: whoever is to recognise one must be told how. */
static void check_ways_out(struct bh_policy *p, struct bh_sentence *s, struct bh_complain *c)
{
	bool secure = s->clauses && s->clauses->level;

	for (size_t i = 0; i < s->from.n; i++) {
		const struct bh_item *one = &s->from.v[i];
		if (!roams(p, one) || s->hooks == BH_HOOK_BIT(BH_OUT) || secure)
			continue;
		bh_complain(c, BH_ERROR, &one->mark,
			"'%s' has roaming members, whose addresses nobody knows: say 'out', which "
			"they obey themselves, %sor write their VPN's range here",
			one->name,
			s->block ? "" : "or 'if secure', so that they prove who they are, ");
	}
	for (size_t i = 0; i < s->to.n; i++) {
		const struct bh_item *one = &s->to.v[i];
		if (!roams(p, one) || s->hooks == BH_HOOK_BIT(BH_IN))
			continue;
		bh_complain(c, BH_ERROR, &one->mark,
			"'%s' has roaming members, whose addresses nobody knows: say 'in', which "
			"they obey themselves, or write their VPN's range here",
			one->name);
	}
}

void bh_check_rule(struct bh_policy *p, struct bh_sentence *s, struct bh_complain *c)
{
	check_quic(s, c);
	if (s->clauses)
		check_clauses(p, s, c);
	check_ways_out(p, s, c);
}

#include "policy/bind.h"

/*
 * A plain allow beside an if-secure one (doc/policy.md §3): where both could hold for one
 * packet, the plain one would let it through in clear, so it must say that it means it.
 */

static bool ranges_meet(struct bh_ranges x, struct bh_ranges y)
{
	for (size_t i = 0, k = 0; i < x.n && k < y.n;) {
		if (x.v[i].hi < y.v[k].lo)
			i++;
		else if (y.v[k].hi < x.v[i].lo)
			k++;
		else
			return true;
	}
	return false;
}

/* Somebody without address can be in both by name. */
static bool somebody_in_both(struct binder *b, const struct bh_list *x, const struct bh_list *y)
{
	bool found = false;

	if (!bind_written(b) || !b->n_nowhere)
		return false;
	size_t words = b->written.words;
	uint64_t *v = b->aside, *in_x = v + words, *in_y = v + 2 * words;
	memset(v, 0, 3 * words * sizeof *v);
	bh_written_list(b->p, &b->written, x, v, in_x);
	bh_written_list(b->p, &b->written, y, v, in_y);
	for (size_t w = 0; w < words; w++)
		found |= (in_x[w] & in_y[w] & b->nowhere[w]) != 0;
	return found;
}

static bool lists_meet(struct binder *b, const struct bh_bound_list *x, const struct bh_list *as_x,
	const struct bh_bound_list *y, const struct bh_list *as_y)
{
	if (x->any || x->self || x->localsubnet || y->any || y->self || y->localsubnet)
		return true;
	return ranges_meet(x->addrs.v4, y->addrs.v4) || ranges_meet(x->addrs.v6, y->addrs.v6) ||
	       somebody_in_both(b, as_x, as_y);
}

bool bind_services_meet(const struct bh_bound_rule *x, const struct bh_bound_rule *y)
{
	for (size_t i = 0; i < x->n_services; i++) {
		if (bh_policy_rule_names(y, x->services[i]))
			return true;
	}
	return false;
}

bool bind_rules_meet(struct binder *b, const struct bh_bound *bound, size_t i, size_t k)
{
	const struct bh_bound_rule *x = &bound->rules[i], *y = &bound->rules[k];

	return lists_meet(b, &x->from, &b->of[i]->from, &y->from, &b->of[k]->from) &&
	       lists_meet(b, &x->to, &b->of[i]->to, &y->to, &b->of[k]->to);
}

static bool meet(struct binder *b, const struct bh_bound *bound, size_t i, size_t k)
{
	const struct bh_bound_rule *x = &bound->rules[i], *y = &bound->rules[k];
	const struct bh_sentence *s = b->of[i], *t = b->of[k];
	unsigned fwd = BH_HOOK_BIT(BH_FWD), both = x->hooks & y->hooks;

	if (s->broken || t->broken || !both || !bind_services_meet(x, y))
		return false;
	/* A gateway has no profiles. */
	if (!(x->on & y->on) && !((x->hooks | y->hooks) & fwd))
		return false;
	/* Roaming members come from anywhere. */
	bool from = y->secure->n_roaming && both & (fwd | BH_HOOK_BIT(BH_IN));
	return (from || lists_meet(b, &x->from, &s->from, &y->from, &t->from)) &&
	       lists_meet(b, &x->to, &s->to, &y->to, &t->to);
}

static void complain(
	struct binder *b, const struct bh_sentence *plain, const struct bh_sentence *secure)
{
	char line[BH_LINE_TEXT];

	bh_complain(&b->c, BH_ERROR, &plain->mark,
		"this allows in clear what %s allows 'if %s': say 'even in clear' if that is "
		"meant, or take the one from the other with 'except'",
		bh_line_of(&b->c, &secure->mark, &plain->mark, line),
		bh_level_names[secure->clauses->level]);
}

void bind_check_clear(struct binder *b, const struct bh_bound *bound)
{
	for (size_t i = 0; i < bound->n_rules; i++) {
		const struct bh_bound_rule *r = &bound->rules[i];
		if (r->block || r->secure || r->even_in_clear)
			continue;
		for (size_t k = 0; k < bound->n_rules; k++) {
			if (!bound->rules[k].secure || !meet(b, bound, i, k))
				continue;
			complain(b, b->of[i], b->of[k]);
			break;
		}
	}
}

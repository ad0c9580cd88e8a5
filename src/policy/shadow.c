#include "policy/bind.h"

/*
 * Rules beside other rules: those that another one takes all of, or says already, and those
 * that the default makes needless.  Said only where it is sure for every machine, also for
 * one with addresses in several sets.
 */

#define MAX_COMPARED 1000u /* rules; beyond, the pairs are too many */

static bool ranges_within(struct bh_ranges x, struct bh_ranges y)
{
	size_t k = 0;

	for (size_t i = 0; i < x.n; i++) {
		while (k < y.n && y.v[k].hi < x.v[i].lo)
			k++;
		if (k == y.n || y.v[k].lo > x.v[i].lo || y.v[k].hi < x.v[i].hi)
			return false;
	}
	return true;
}

static bool same_item(const struct bh_item *x, const struct bh_item *y)
{
	if (x->kind != y->kind)
		return false;
	switch ((enum bh_item_kind)x->kind) {
	case BH_ITEM_SET:
	case BH_ITEM_MACHINE: return x->index == y->index;
	case BH_ITEM_ADDRESS:
	case BH_ITEM_PREFIX:
	case BH_ITEM_RANGE: return x->family == y->family && x->lo == y->lo && x->hi == y->hi;
	case BH_ITEM_DOMAIN:
	case BH_ITEM_NAMESPACE: return bh_name_equal(x->name, y->name);
	default: return true;
	}
}

static bool same_list(const struct bh_list *x, const struct bh_list *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++) {
		if (!same_item(&x->v[i], &y->v[i]))
			return false;
	}
	return true;
}

/* A machine with two addresses can be in less than its addresses are. */
static bool excepts(const struct binder *b, const struct bh_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (bind_is_set(b, &l->v[i]) && b->excepts[l->v[i].index])
			return true;
	}
	return false;
}

/* Whoever has no address is in y too, by name. */
static bool names_within(struct binder *b, const struct bh_list *x, const struct bh_list *y)
{
	bool within = true;

	if (!bind_written(b))
		return false;
	if (!b->n_nowhere)
		return true;
	size_t words = b->written.words;
	uint64_t *v = b->aside, *in_x = v + words, *in_y = v + 2 * words;
	memset(v, 0, 3 * words * sizeof *v);
	bh_written_list(b->p, &b->written, x, v, in_x);
	bh_written_list(b->p, &b->written, y, v, in_y);
	for (size_t w = 0; w < words; w++)
		within &= !(in_x[w] & ~in_y[w] & b->nowhere[w]);
	return within;
}

static bool unknown_in(const struct binder *b, const struct bh_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct bh_item *one = &l->v[i];
		if (one->kind == BH_ITEM_DOMAIN || one->kind == BH_ITEM_NAMESPACE ||
			(bind_is_set(b, one) && b->unknown[one->index]))
			return true;
	}
	return false;
}

static bool list_within(struct binder *b, const struct bh_bound_list *x, const struct bh_list *as_x,
	const struct bh_bound_list *y, const struct bh_list *as_y)
{
	if (y->any || same_list(as_x, as_y))
		return true;
	if (x->any || (x->self && !y->self) || (x->localsubnet && !y->localsubnet) ||
		excepts(b, as_y) || unknown_in(b, as_x))
		return false;
	return ranges_within(x->addrs.v4, y->addrs.v4) && ranges_within(x->addrs.v6, y->addrs.v6) &&
	       names_within(b, as_x, as_y);
}

/* Wherever x holds, y does: by service, hook, profile, interface and lists. */
static bool within(struct binder *b, const struct bh_bound *bound, size_t i, size_t k)
{
	const struct bh_bound_rule *x = &bound->rules[i], *y = &bound->rules[k];

	if (x->hooks & ~y->hooks || (x->hooks != BH_HOOK_BIT(BH_FWD) && x->on & ~y->on))
		return false;
	for (size_t n = 0; n < x->n_services; n++) {
		if (!bh_policy_rule_names(y, x->services[n]))
			return false;
	}
	if (y->via && (!x->via || !bh_name_equal(x->via->name, y->via->name)))
		return false;
	return list_within(b, &x->from, &b->of[i]->from, &y->from, &b->of[k]->from) &&
	       list_within(b, &x->to, &b->of[i]->to, &y->to, &b->of[k]->to);
}

/* y lasts as long as x. */
static bool lasts(const struct bh_bound_rule *x, const struct bh_bound_rule *y)
{
	if (y->ends && (!x->ends || x->until > y->until))
		return false;
	return !y->lasts || (x->lasts && x->lasts <= y->lasts);
}

static bool asks_no_more(const struct bh_bound_secure *y, const struct bh_bound_secure *x)
{
	if (!x || !y)
		return !x == !y;
	/* Groups and roaming members are compared by nobody here. */
	return y->level <= x->level && (!y->by || y->by == x->by) && !y->n_as && !x->n_roaming &&
	       !y->n_roaming;
}

static void say(struct binder *b, size_t i, size_t k, bool shadowed)
{
	const struct bh_sentence *s = b->of[i];
	char line[BH_LINE_TEXT];

	bh_line_of(&b->c, &b->of[k]->mark, &s->mark, line);
	if (shadowed)
		bh_complain(&b->c, BH_WARNING, &s->mark,
			"this allow never holds: the block in %s takes all of it", line);
	else
		bh_complain(&b->c, BH_WARNING, &s->mark,
			"%s says all of this already: this changes nothing", line);
}

/* True when something was said of rule i. */
static bool beside_others(struct binder *b, const struct bh_bound *bound, size_t i)
{
	const struct bh_bound_rule *x = &bound->rules[i];

	for (size_t k = 0; k < bound->n_rules; k++) {
		const struct bh_bound_rule *y = &bound->rules[k];
		if (k == i || y->expired || !lasts(x, y) || !within(b, bound, i, k))
			continue;
		if (!x->block && y->block) {
			say(b, i, k, true);
			return true;
		}
		if (x->block != y->block || !asks_no_more(y->secure, x->secure))
			continue;
		/* Of two that say the same the later one is told of. */
		if (k > i && lasts(y, x) && within(b, bound, k, i) &&
			asks_no_more(x->secure, y->secure))
			continue;
		say(b, i, k, false);
		return true;
	}
	return false;
}

/* ---- beside the defaults ---- */

/* 1: blocked by default in all of it, 0: in none, -1: in some. */
static int by_default(const struct bh_bound *bound, const struct bh_bound_rule *r)
{
	unsigned closed = 0, all = 0;

	for (size_t n = 0; n < r->n_services; n++) {
		for (unsigned h = 0; h < BH_HOOKS; h++) {
			bool block = false;
			if (!(r->hooks & BH_HOOK_BIT(h)))
				continue;
			for (size_t i = 0; i < bound->n_defaults; i++) {
				const struct bh_bound_default *d = &bound->defaults[i];
				if (d->hooks & BH_HOOK_BIT(h) &&
					bh_service_equal(d->service, r->services[n]))
					block = d->block;
			}
			closed += block;
			all++;
		}
	}
	return closed == all ? 1 : closed ? -1 : 0;
}

static bool quic_in(const struct bh_bound *bound, const struct bh_bound_rule *r)
{
	for (size_t i = 0; i < bound->n_services; i++) {
		if (bound->services[i].quic && bh_policy_rule_names(r, bound->services[i].service))
			return true;
	}
	return false;
}

static void beside_defaults(struct binder *b, const struct bh_bound *bound, size_t i)
{
	const struct bh_bound_rule *x = &bound->rules[i];
	int closed = by_default(bound, x);

	/* A quic rule governs what it names; a roaming machine's public profile blocks. */
	if (x->secure || quic_in(bound, x) || bound->n_roaming || closed != x->block)
		return;
	for (size_t k = 0; k < bound->n_rules; k++) {
		const struct bh_bound_rule *y = &bound->rules[k];
		bool against = x->block ? !y->block : y->secure != NULL;
		if (against && x->hooks & y->hooks && bind_services_meet(x, y) &&
			bind_rules_meet(b, bound, i, k))
			return;
	}
	bh_complain(&b->c, BH_WARNING, &b->of[i]->mark,
		x->block ? "the default blocks all of this, and no rule allows it: this changes "
			   "nothing"
			 : "nothing blocks this by default: this changes nothing, say 'default "
			   "block' for its services");
}

void bind_advise_rules(struct binder *b, const struct bh_bound *bound)
{
	if (bound->n_rules > MAX_COMPARED) {
		bh_complain(&b->c, BH_NOTE, NULL,
			"more than %u rules: they are not compared with one another", MAX_COMPARED);
		return;
	}
	for (size_t i = 0; i < bound->n_rules; i++) {
		const struct bh_bound_rule *r = &bound->rules[i];
		if (b->of[i]->broken)
			continue;
		if (r->expired) {
			BH_AUTO_BUF day = { 0 };
			bh_date_format(r->until, &day);
			bh_complain(&b->c, BH_WARNING, &b->of[i]->clauses->until_mark,
				"this ended with %s: it allows and blocks nothing any more",
				bh_buf_text(&day));
		} else if (!beside_others(b, bound, i)) {
			beside_defaults(b, bound, i);
		}
	}
}

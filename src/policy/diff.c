#include <stdlib.h>

#include "policy/ast.h"

/*
 * What a gateway does with a packet of one service depends on which of the rules' sets
 * its two ends are in.  Addresses that are in the same sets of both policies form one
 * class; every pair of classes is asked once, so the answer is exact.
 */

#define MAX_CLASSES 2048u /* pairs are asked: four million questions a service */

struct differ {
	const struct bh_bound *old, *new;
	struct bh_view old_view, new_view;
	struct bh_arena *a;
	struct bh_buf *ret;
	unsigned n;
};

struct classes {
	struct bh_addrset *v;
	size_t n;
	bool too_many;
};

/* Splits every class by one more set. */
static void split(struct differ *d, struct classes *c, const struct bh_addrset *by)
{
	size_t n = c->n;

	for (size_t i = 0; i < n && !c->too_many; i++) {
		struct bh_addrset in = bh_addrset_intersect(d->a, c->v[i], *by);
		if (bh_addrset_empty(&in) || bh_addrset_equal(&in, &c->v[i]))
			continue;
		if (c->n == MAX_CLASSES) {
			c->too_many = true;
			return;
		}
		c->v[i] = bh_addrset_subtract(d->a, c->v[i], *by);
		c->v[c->n++] = in;
	}
}

static void split_by_rules(
	struct differ *d, struct classes *c, const struct bh_bound *b, struct bh_service s)
{
	for (size_t i = 0; i < b->n_rules; i++) {
		const struct bh_bound_rule *r = &b->rules[i];
		if (!bh_policy_rule_names(r, s))
			continue;
		split(d, c, &r->from.addrs);
		split(d, c, &r->to.addrs);
	}
}

static struct classes classes_of(struct differ *d, uint8_t family, struct bh_service s)
{
	struct classes c = { .v = bh_arena_array(d->a, MAX_CLASSES, sizeof *c.v) };
	struct bh_addrset all = bh_addrset_full(d->a), loop = bh_set_loopback(d->a);
	struct bh_addrset multicast = bh_set_multicast(d->a);

	if (!c.v)
		return c;
	if (family == BH_V4)
		all.v6 = (struct bh_ranges){ 0 };
	else
		all.v4 = (struct bh_ranges){ 0 };
	c.v[c.n++] = bh_addrset_subtract(d->a, all, loop);
	split(d, &c, &multicast);
	split_by_rules(d, &c, d->old, s);
	split_by_rules(d, &c, d->new, s);
	return c;
}

static struct bh_addr first_of(const struct bh_addrset *s)
{
	if (s->v4.n)
		return (struct bh_addr){ .num = s->v4.v[0].lo, .family = BH_V4 };
	return (struct bh_addr){ .num = s->v6.v[0].lo, .family = BH_V6 };
}

/* -1: blocked from now on, 1: admitted from now on, 0: as before. */
static int change(struct differ *d, struct bh_service s, bool same_port,
	const struct bh_addrset *src, const struct bh_addrset *dst)
{
	struct bh_flow f = { .hook = BH_FWD,
		.service = s,
		.client = first_of(src),
		.server = first_of(dst),
		.sport = same_port ? s.port : 0 };
	struct bh_decision x, y;

	bh_policy_decide(d->old, &d->old_view, &f, &x);
	bh_policy_decide(d->new, &d->new_view, &f, &y);
	return (int)y.admit - (int)x.admit;
}

static void say_ranges(struct differ *d, const struct bh_addrset *s)
{
	size_t n = s->v4.n + s->v6.n;

	if (n <= 12) {
		bh_addrset_format(s, ", ", d->ret);
		return;
	}
	struct bh_addrset few = { .v4 = { s->v4.v, bh_min_size(s->v4.n, 12) } };
	if (!few.v4.n)
		few.v6 = (struct bh_ranges){ s->v6.v, 12 };
	bh_addrset_format(&few, ", ", d->ret);
	bh_buf_printf(d->ret, " and %zu more ranges", n - few.v4.n - few.v6.n);
}

static const char *port_name(const struct differ *d, struct bh_service s)
{
	const struct bh_bound_service *x = bh_policy_service(d->new, s);
	return x ? x->name : bh_policy_service(d->old, s)->name;
}

/* Sources that change alike towards the same destinations are told in one line. */
static void say_pairs(struct differ *d, struct bh_service s, bool same_port,
	const struct classes *c, const int8_t *changes)
{
	bool *told = bh_arena_array(d->a, c->n, sizeof *told);

	for (size_t i = 0; told && i < c->n; i++) {
		const int8_t *row = &changes[i * c->n];
		struct bh_addrset src = { 0 };
		if (told[i])
			continue;
		for (size_t k = i; k < c->n; k++) {
			if (memcmp(row, &changes[k * c->n], c->n))
				continue;
			told[k] = true;
			src = bh_addrset_union(d->a, src, c->v[k]);
		}
		for (int what = -1; what <= 1; what += 2) {
			struct bh_addrset dst = { 0 };
			for (size_t k = 0; k < c->n; k++) {
				if (row[k] == what)
					dst = bh_addrset_union(d->a, dst, c->v[k]);
			}
			if (bh_addrset_empty(&dst))
				continue;
			bh_buf_printf(d->ret, "gateway: %s%s is now %s from ", port_name(d, s),
				same_port ? " from its own port" : "",
				what < 0 ? "blocked" : "admitted");
			say_ranges(d, &src);
			bh_buf_str(d->ret, " to ");
			say_ranges(d, &dst);
			bh_buf_str(d->ret, "\n");
			d->n++;
		}
	}
}

static void compare_service(struct differ *d, uint8_t family, struct bh_service s, bool same_port)
{
	struct classes c = classes_of(d, family, s);
	int8_t *changes = c.too_many ? NULL : bh_arena_array(d->a, c.n * c.n, 1);

	if (c.too_many) {
		bh_buf_printf(d->ret,
			"gateway: %s: more than %u kinds of IPv%u addresses, too many to compare "
			"all pairs; see the rules below\n",
			port_name(d, s), MAX_CLASSES, family);
		d->n++;
		return;
	}
	for (size_t i = 0; changes && i < c.n; i++) {
		for (size_t k = 0; k < c.n; k++)
			changes[i * c.n + k] = (int8_t)change(d, s, same_port, &c.v[i], &c.v[k]);
	}
	if (changes)
		say_pairs(d, s, same_port, &c, changes);
}

static void compare_gateway(struct differ *d)
{
	for (unsigned pass = 0; pass < 2; pass++) {
		const struct bh_bound *b = pass ? d->old : d->new;
		for (size_t i = 0; i < b->n_services; i++) {
			struct bh_service s = b->services[i].service;
			if (pass && bh_policy_service(d->new, s))
				continue;
			for (unsigned family = BH_V4; family <= BH_V6; family += 2) {
				compare_service(d, (uint8_t)family, s, false);
				if (bh_service_symmetric(s))
					compare_service(d, (uint8_t)family, s, true);
			}
		}
	}
}

/* ---- rule by rule, for hosts ---- */

static void say_rule(struct differ *d, char sign, const struct bh_bound_rule *r)
{
	bh_buf_printf(d->ret, "hosts: %c %s  (%s:%u)\n", sign, r->text, r->file, r->line);
	d->n++;
}

static void say_list(struct differ *d, const struct bh_bound_rule *r, const char *side,
	const struct bh_bound_list *x, const struct bh_bound_list *y)
{
	struct bh_addrset more = bh_addrset_subtract(d->a, y->addrs, x->addrs);
	struct bh_addrset less = bh_addrset_subtract(d->a, x->addrs, y->addrs);

	if (!bh_addrset_empty(&more)) {
		bh_buf_printf(d->ret, "hosts: '%s' (%s:%u): %s now also ", r->text, r->file,
			r->line, side);
		say_ranges(d, &more);
		bh_buf_str(d->ret, "\n");
		d->n++;
	}
	if (!bh_addrset_empty(&less)) {
		bh_buf_printf(d->ret, "hosts: '%s' (%s:%u): %s no longer ", r->text, r->file,
			r->line, side);
		say_ranges(d, &less);
		bh_buf_str(d->ret, "\n");
		d->n++;
	}
}

/* Same words, same ports: the same rule.  (`service` can give a word new ports.) */
static bool same_rule(const struct bh_bound_rule *x, const struct bh_bound_rule *y)
{
	if (strcmp(x->text, y->text) || x->n_services != y->n_services)
		return false;
	for (size_t i = 0; i < x->n_services; i++) {
		if (!bh_policy_rule_names(y, x->services[i]))
			return false;
	}
	return true;
}

struct by_text {
	const struct bh_bound_rule *rule;
};

static int order(const void *x, const void *y)
{
	const struct by_text *a = x, *b = y;
	int r = strcmp(a->rule->text, b->rule->text);
	return r ? r : a->rule->line < b->rule->line ? -1 : a->rule->line > b->rule->line;
}

static struct by_text *sorted(struct differ *d, const struct bh_bound *b)
{
	struct by_text *v = bh_arena_array(d->a, b->n_rules, sizeof *v);

	for (size_t i = 0; v && i < b->n_rules; i++)
		v[i].rule = &b->rules[i];
	if (v)
		qsort(v, b->n_rules, sizeof *v, order);
	return v;
}

/* A rule written twice says no more than once. */
static size_t distinct(struct by_text *v, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (!kept || !same_rule(v[kept - 1].rule, v[i].rule))
			v[kept++] = v[i];
	}
	return kept;
}

static void compare_rules(struct differ *d)
{
	struct by_text *x = sorted(d, d->old), *y = sorted(d, d->new);
	size_t i = 0, k = 0;

	if (!x || !y)
		return;
	size_t n = distinct(x, d->old->n_rules), m = distinct(y, d->new->n_rules);
	while (i < n || k < m) {
		int r = i == n ? 1 : k == m ? -1 : strcmp(x[i].rule->text, y[k].rule->text);
		if (!r && !same_rule(x[i].rule, y[k].rule)) {
			say_rule(d, '-', x[i++].rule);
			say_rule(d, '+', y[k++].rule);
		} else if (r < 0) {
			say_rule(d, '-', x[i++].rule);
		} else if (r > 0) {
			say_rule(d, '+', y[k++].rule);
		} else {
			say_list(d, y[k].rule, "from", &x[i].rule->from, &y[k].rule->from);
			say_list(d, y[k].rule, "to", &x[i].rule->to, &y[k].rule->to);
			i++;
			k++;
		}
	}
}

static int default_of(const struct bh_bound *b, struct bh_service s, unsigned hook)
{
	for (size_t i = 0; i < b->n_defaults; i++) {
		if (bh_service_equal(b->defaults[i].service, s) &&
			(b->defaults[i].hooks & BH_HOOK_BIT(hook)))
			return b->defaults[i].block ? 1 : 0;
	}
	return bh_policy_service(b, s) ? 0 : -1;
}

/* On hosts: without a default everything passes, as with `default allow`. */
static void compare_defaults(struct differ *d)
{
	static const char *const what[] = { "is not governed", "passes", "is blocked" };

	for (unsigned pass = 0; pass < 2; pass++) {
		const struct bh_bound *b = pass ? d->old : d->new;
		for (size_t i = 0; i < b->n_services; i++) {
			struct bh_service s = b->services[i].service;
			if (pass && bh_policy_service(d->new, s))
				continue;
			for (unsigned hook = BH_IN; hook <= BH_OUT; hook++) {
				int x = default_of(d->old, s, hook),
				    y = default_of(d->new, s, hook);
				if (x == y || x + y == -1)
					continue;
				bh_buf_printf(d->ret,
					"hosts: what no rule names of %s %s %s now, it %s before\n",
					port_name(d, s), bh_hook_names[hook], what[y + 1],
					x == 1 ? "was blocked" : "passed");
				d->n++;
			}
		}
	}
}

/* Machines are members by name, whatever their addresses are. */
static void say_machines(struct differ *d, const struct bh_bound_set *x,
	const struct bh_bound_set *y, const char *what)
{
	struct bh_namemap had = { 0 };
	bool any = false;

	for (size_t i = 0; x && i < x->n_machines; i++)
		(void)bh_namemap_add(&had, d->a, x->machines[i], 0);
	for (size_t i = 0; i < y->n_machines; i++) {
		if (bh_namemap_find(&had, y->machines[i]) >= 0)
			continue;
		if (!any)
			bh_buf_printf(d->ret, "hosts: the set '%s' (%s:%u) %s", y->name, y->file,
				y->line, what);
		bh_buf_printf(d->ret, "%s%s", any ? ", " : " ", y->machines[i]);
		any = true;
	}
	if (any) {
		bh_buf_str(d->ret, "\n");
		d->n++;
	}
}

static void compare_machines(struct differ *d)
{
	struct bh_namemap old = { 0 }, new = { 0 };

	for (uint32_t i = 0; i < d->old->n_sets; i++)
		(void)bh_namemap_add(&old, d->a, d->old->sets[i].name, i);
	for (uint32_t i = 0; i < d->new->n_sets; i++)
		(void)bh_namemap_add(&new, d->a, d->new->sets[i].name, i);
	for (size_t i = 0; i < d->new->n_sets; i++) {
		int64_t k = bh_namemap_find(&old, d->new->sets[i].name);
		say_machines(d, k < 0 ? NULL : &d->old->sets[k], &d->new->sets[i],
			"now names the machines");
	}
	for (size_t i = 0; i < d->old->n_sets; i++) {
		int64_t k = bh_namemap_find(&new, d->old->sets[i].name);
		say_machines(d, k < 0 ? NULL : &d->new->sets[k], &d->old->sets[i],
			"no longer names the machines");
	}
}

int bh_policy_diff(const struct bh_bound *from, const struct bh_bound *to, struct bh_arena *a,
	struct bh_buf *ret, unsigned *n_ret)
{
	BH_AUTO_BUF text = { 0 };
	struct differ d = { .old = from, .new = to, .a = a, .ret = &text };

	if (bh_policy_view_gateway(from, a, &d.old_view) < 0 ||
		bh_policy_view_gateway(to, a, &d.new_view) < 0)
		return -ENOMEM;
	compare_gateway(&d);
	compare_rules(&d);
	compare_defaults(&d);
	compare_machines(&d);
	if (!bh_arena_ok(a) || !bh_buf_ok(&text))
		return -ENOMEM;
	bh_buf_str(ret, bh_buf_text(&text));
	if (!bh_buf_ok(ret))
		return -ENOMEM;
	*n_ret = d.n;
	return 0;
}

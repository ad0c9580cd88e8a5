#include <stdlib.h>

#include "policy/diff.h"

/*
 * What a host decides depends on which machine it is and how it is asked, so policies are
 * compared rule by rule: what is said no longer, what is said now, and what the same words
 * stand for.
 */

/* Sets can have a hundred thousand ranges; people read a dozen. */
void diff_ranges(struct differ *d, const struct bh_addrset *s)
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

const char *diff_port(const struct differ *d, struct bh_service s)
{
	const struct bh_bound_service *x = bh_policy_service(d->new, s);
	return x ? x->name : bh_policy_service(d->old, s)->name;
}

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
		diff_ranges(d, &more);
		bh_buf_str(d->ret, "\n");
		d->n++;
	}
	if (!bh_addrset_empty(&less)) {
		bh_buf_printf(d->ret, "hosts: '%s' (%s:%u): %s no longer ", r->text, r->file,
			r->line, side);
		diff_ranges(d, &less);
		bh_buf_str(d->ret, "\n");
		d->n++;
	}
}

static void add_patterns(struct bh_buf *b, const struct bh_bound_interfaces *v)
{
	for (size_t i = 0; i < v->n; i++)
		bh_buf_printf(b, "%s%s", i ? ", " : "", v->patterns[i]);
}

/* The same name for other interfaces. */
static void say_via(struct differ *d, const struct bh_bound_rule *x, const struct bh_bound_rule *y)
{
	BH_AUTO_BUF before = { 0 }, now = { 0 };

	if (!x->via || !y->via)
		return;
	add_patterns(&before, x->via);
	add_patterns(&now, y->via);
	if (!strcmp(bh_buf_text(&before), bh_buf_text(&now)))
		return;
	bh_buf_printf(d->ret, "hosts: '%s' (%s:%u): via is now %s, it was %s\n", y->text, y->file,
		y->line, bh_buf_text(&now), bh_buf_text(&before));
	d->n++;
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
			say_via(d, x[i].rule, y[k].rule);
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
					diff_port(d, s), bh_hook_names[hook], what[y + 1],
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

/* ---- what the rules rest on, and what else is to be done ---- */

struct saying {
	const char *text, *file;
	unsigned line;
};

struct sayings {
	struct saying *v;
	size_t n;
};

static void note(struct sayings *s, const char *text, const char *file, unsigned line)
{
	s->v[s->n++] = (struct saying){ text, file, line };
}

static int by_saying(const void *x, const void *y)
{
	const struct saying *a = x, *b = y;
	int r = strcmp(a->text, b->text);

	return r ? r : a->line < b->line ? -1 : a->line > b->line;
}

static struct sayings sayings_of(struct differ *d, const struct bh_bound *b)
{
	size_t n = b->n_roaming + b->n_groups + b->n_profiles + b->n_tasks + b->n_rings;
	struct sayings s = { .v = bh_arena_array(d->a, n, sizeof *s.v) };

	if (!s.v)
		return s;
	for (size_t i = 0; i < b->n_roaming; i++)
		note(&s, bh_arena_printf(d->a, "roaming %s", b->roaming[i].set), b->roaming[i].file,
			b->roaming[i].line);
	for (size_t i = 0; i < b->n_groups; i++)
		note(&s, b->groups[i].text, b->groups[i].file, b->groups[i].line);
	for (size_t i = 0; i < b->n_profiles; i++)
		note(&s, b->profiles[i].text, b->profiles[i].file, b->profiles[i].line);
	for (size_t i = 0; i < b->n_tasks; i++)
		note(&s, b->tasks[i].text, b->tasks[i].file, b->tasks[i].line);
	for (size_t i = 0; i < b->n_rings; i++)
		note(&s, b->rings[i].text, b->rings[i].file, b->rings[i].line);
	if (bh_arena_ok(d->a) && s.n)
		qsort(s.v, s.n, sizeof *s.v, by_saying);
	return s;
}

static void say_saying(struct differ *d, char sign, const struct saying *s)
{
	bh_buf_printf(d->ret, "hosts: %c %s  (%s:%u)\n", sign, s->text, s->file, s->line);
	d->n++;
}

static void compare_sayings(struct differ *d)
{
	struct sayings x = sayings_of(d, d->old), y = sayings_of(d, d->new);
	size_t i = 0, k = 0;

	if (!x.v || !y.v || !bh_arena_ok(d->a))
		return;
	while (i < x.n || k < y.n) {
		int r = i == x.n ? 1 : k == y.n ? -1 : strcmp(x.v[i].text, y.v[k].text);
		if (r < 0) {
			say_saying(d, '-', &x.v[i++]);
		} else if (r > 0) {
			say_saying(d, '+', &y.v[k++]);
		} else {
			i++;
			k++;
		}
	}
}

void diff_hosts(struct differ *d)
{
	compare_rules(d);
	compare_defaults(d);
	compare_machines(d);
	compare_sayings(d);
}
